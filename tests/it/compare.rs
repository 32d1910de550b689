//! Agents side by side: what must hold of any panel, what is refused, and the words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::compare::{Panel, compare};
use evalrun::model::{
    comparison::{Comparison, PairRow},
    results::Results,
};
use evalrun::reporters::compared;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;

/// Agent, task, cluster (empty for none), and a score for each trial.
type Row = (&'static str, String, &'static str, Vec<f64>);

#[test]
fn a_comparison_fits_its_schema() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/comparison.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    assert!(undescribed(&schema).is_empty(), "{:?}", undescribed(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for results in [three_agents(), results("one", &[("only", "t1".to_owned(), "", vec![0.5])]), many_tasks()] {
        let path = folder.path().join(format!("{}.json", results.run));
        fs::write(&path, serde_json::to_string(&results).unwrap()).unwrap();
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_evalrun"))
            .arg("compare")
            .arg(&path)
            .arg("--json")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&said).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {}", results.run, errors.join("\n"));
        let back: Comparison = serde_json::from_value(said.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), said, "a field is lost on the way back");
    }
    let mut more = serde_json::to_value(of(&[three_agents()])).unwrap();
    assert!(validator.is_valid(&more));
    more["pairs"][0]["luck"] = json!(1);
    assert!(!validator.is_valid(&more), "a field that nobody promised");
}

#[test]
fn what_three_agents_come_to_in_words() {
    insta::assert_snapshot!("compared", compared(&of(&[three_agents()])));
}

/// Two runs on one page; results alone have no pages of trials to lead to.
#[test]
fn a_comparison_of_runs_is_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let other = Results { run: "other".to_owned(), ..three_agents() };
    for (name, results) in [("one.json", three_agents()), ("other.json", other)] {
        fs::write(path(name), serde_json::to_string(&results).unwrap()).unwrap();
    }
    let said = |to: &str| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_evalrun"));
        command.arg("compare").arg(path("one.json")).arg(path("other.json")).args(["--agent", "hasty", "--to", to]);
        command.output().unwrap()
    };
    let to = format!("html:{}", path("page.html").display());
    assert!(said(&to).status.success());
    let page = fs::read_to_string(path("page.html")).unwrap();
    assert!(page.contains("<h1>hasty (three), hasty (other)</h1>") && page.contains("id=\"passes\""));
    assert!(!page.contains("href=") && page.ends_with("</html>"), "{page}");
    assert!(page.contains("<h2>Trials</h2>") && page.contains("id=\"cost\""), "{page}");
    // Beside the page of a trial, the number of that trial leads there.
    let name = evalrun::reporters::page_names(&three_agents().trials)[0].clone();
    fs::create_dir_all(path("report/trials")).unwrap();
    fs::write(path(&format!("report/trials/{name}.html")), "x").unwrap();
    fs::create_dir_all(path("a b#c")).unwrap();
    assert!(said(&format!("html:{}", path("a b#c/page.html").display())).status.success());
    let page = fs::read_to_string(path("a b#c/page.html")).unwrap();
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.iter().all(|link| *link == format!("../report/trials/{name}.html")), "{links:?}");
    for wrong in ["pdf:x", "html", "html:"] {
        let output = said(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--to html:PATH"));
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let one = results("first", &[("a", "t1".to_owned(), "", vec![1.0])]);
    let other = |task: &str, run: &str| results(run, &[("b", task.to_owned(), "", vec![0.0])]);
    let graded_otherwise = Results { graders: "g2".to_owned(), ..other("t1", "second") };
    let again = Results { failed_in: Some("zero".to_owned()), ..other("t1", "second") };
    let mut changed = other("t1", "second");
    changed.trials[0].task_hash = "another".to_owned();
    let none: &[String] = &[];
    let nobody = ["nobody".to_owned()];
    let cases: [(&str, Vec<Results>, &[String]); 6] = [
        ("no run", vec![], none),
        ("other graders", vec![one.clone(), graded_otherwise], none),
        ("no common task", vec![one.clone(), other("t2", "second")], none),
        ("the task changed", vec![one.clone(), changed], none),
        ("a run of failures", vec![one.clone(), again], none),
        ("an unknown agent", vec![one, other("t1", "second")], &nobody),
    ];
    let mut said = String::new();
    for (name, runs, only) in &cases {
        let fault = Panel::of(runs, only).unwrap_err();
        said.push_str(&format!("{name}: {}\n  {}\n", fault.message, fault.hint.unwrap_or_default()));
    }
    insta::assert_snapshot!("refused", said);
}

#[test]
fn a_panel_says_what_it_leaves_out() {
    let mut first = results("first", &[("a", "t1".to_owned(), "", vec![1.0]), ("a", "t2".to_owned(), "", vec![1.0])]);
    first.trials[1].task_hash = "another".to_owned();
    let second = results(
        "second",
        &[
            ("a", "t1".to_owned(), "", vec![0.0]),
            ("a", "t2".to_owned(), "", vec![0.0]),
            ("a", "t3".to_owned(), "", vec![0.0]),
        ],
    );
    let found = of(&[first, second]);
    assert_eq!(found.tasks, 1);
    let names: Vec<&str> = found.agents.iter().map(|agent| agent.agent.as_str()).collect();
    assert_eq!(names, ["a (first)", "a (second)"]);
    let left: Vec<String> = found.excluded.iter().map(|it| format!("{}: {}", it.what, it.why)).collect();
    assert_eq!(left, ["task t2: it is not the same in all runs: its hash differs", "task t3: only one agent tried it"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_trials_does_not_matter(
        scores in proptest::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 1..9), by in any::<prop::sample::Index>(),
    ) {
        let straight = panel(&scores, |_| "");
        let mut turned = straight.clone();
        let at = by.index(turned.trials.len());
        turned.trials.rotate_left(at);
        prop_assert_eq!(of(&[straight]), of(&[turned]));
    }

    #[test]
    fn swapping_two_agents_turns_every_difference(
        scores in proptest::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 1..9),
    ) {
        let straight = panel(&scores, |_| "");
        let mut swapped = straight.clone();
        swapped.agents.reverse();
        let (one, other) = (of(&[straight]), of(&[swapped]));
        for row in &one.pairs {
            let back = other.pairs.iter().find(|it| it.dimension == row.dimension).unwrap();
            prop_assert_eq!((&back.a, &back.b, back.n), (&row.b, &row.a, row.n));
            let turned = |value: Option<f64>| value.map(|value| -value);
            near(turned(back.diff), row.diff)?;
            near(turned(back.high), row.low)?;
            near(turned(back.low), row.high)?;
            near(back.p, row.p)?;
            near(back.p_signflip, row.p_signflip)?;
        }
    }

    #[test]
    fn a_cluster_for_each_task_is_no_cluster(
        scores in proptest::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 2..9),
    ) {
        const NAMES: [&str; 9] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
        let (plain, alone) = (of(&[panel(&scores, |_| "")]), of(&[panel(&scores, |at| NAMES[at])]));
        prop_assert_eq!(alone.clusters, Some(scores.len() as u32));
        for (one, other) in plain.pairs.iter().zip(&alone.pairs) {
            prop_assert_eq!((&one.dimension, one.verdict), (&other.dimension, other.verdict));
            for (one, other) in [(one.low, other.low), (one.high, other.high), (one.p, other.p)] {
                near(one, other)?;
            }
        }
    }
}

/// Two tasks of one cluster that agree tell less than two that have nothing to do with each other.
#[test]
fn clusters_widen_the_interval_of_tasks_that_agree() {
    let scores: Vec<(f64, f64)> = [0.9, 0.9, 0.9, 0.5, 0.5, 0.5, 0.7, 0.7, 0.7].iter().map(|a| (*a, 0.4)).collect();
    let of_cluster = ["a", "b", "c"];
    let width = |found: &Comparison| {
        let row: &PairRow = found.pairs.iter().find(|row| row.dimension == "planning").unwrap();
        row.high.unwrap() - row.low.unwrap()
    };
    let (plain, clustered) = (of(&[panel(&scores, |_| "")]), of(&[panel(&scores, |at| of_cluster[at / 3])]));
    assert!(width(&clustered) > 2.0 * width(&plain), "{} {}", width(&clustered), width(&plain));
}

fn of(runs: &[Results]) -> Comparison {
    compare(Panel::of(runs, &[]).unwrap(), runs)
}

fn near(one: Option<f64>, other: Option<f64>) -> Result<(), TestCaseError> {
    match (one, other) {
        (Some(one), Some(other)) => prop_assert!((one - other).abs() < 1e-9, "{one} {other}"),
        (one, other) => prop_assert_eq!(one, other),
    }
    Ok(())
}

/// Two agents, one trial of each task.
fn panel(scores: &[(f64, f64)], cluster: impl Fn(usize) -> &'static str) -> Results {
    let rows = scores.iter().enumerate().flat_map(|(at, (a, b))| {
        [("a", *a), ("b", *b)].map(|(agent, score)| (agent, format!("t{at}"), cluster(at), vec![score]))
    });
    results("run", &rows.collect::<Vec<Row>>())
}

/// The third never passes what the second fails, and the other way round: a ranking, repeats, costs and habits.
pub fn three_agents() -> Results {
    const SCORES: [[[f64; 2]; 3]; 6] = [
        [[1.0, 1.0], [0.8, 0.4], [0.2, 0.1]],
        [[0.9, 1.0], [0.3, 0.4], [0.4, 0.2]],
        [[0.8, 0.6], [0.9, 0.7], [0.1, 0.1]],
        [[1.0, 0.9], [0.6, 0.6], [0.3, 0.6]],
        [[0.4, 0.3], [0.2, 0.3], [0.5, 0.6]],
        [[1.0, 1.0], [0.1, 0.9], [0.2, 0.3]],
    ];
    let rows = SCORES.iter().enumerate().flat_map(|(task, agents)| {
        let of = move |(agent, scores): (&&'static str, &[f64; 2])| (*agent, format!("t{task}"), "", scores.to_vec());
        ["careful", "middling", "hasty"].iter().zip(agents).map(of).collect::<Vec<Row>>()
    });
    results("three", &rows.collect::<Vec<Row>>())
}

/// Enough tasks for a drawn sign flip and a bootstrap, with two clusters.
fn many_tasks() -> Results {
    let rows = (0..24).flat_map(|task| {
        let cluster = if task % 2 == 0 { "even" } else { "odd" };
        let score = f64::from(task % 5) / 5.0;
        [("a", score), ("b", 1.0 - score)].map(|(agent, score)| (agent, format!("t{task:02}"), cluster, vec![score]))
    });
    results("many", &rows.collect::<Vec<Row>>())
}

/// A trial passes from 0.5 on; its planning is its score, with two criteria of which the second is met by halves.
fn results(run: &str, rows: &[Row]) -> Results {
    let mut agents: Vec<&str> = Vec::new();
    let mut trials = Vec::new();
    for (agent, task, cluster, scores) in rows {
        if !agents.contains(agent) {
            agents.push(agent);
        }
        for (at, score) in scores.iter().enumerate() {
            trials.push(trial((agent, task, cluster), at + 1, *score));
        }
    }
    let agent = |name: &&str| json!({"agent": name, "driver": "scripted", "model": null, "version": null, "trials": 1, "dimensions": {}});
    let agents: Vec<Value> = agents.iter().map(agent).collect();
    serde_json::from_value(json!({
        "version": 1, "run": run, "suite": "side-by-side", "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:01:00Z",
        "exit": 0, "graders": "g1", "agents": agents, "trials": trials, "not_run": [], "gates": []
    }))
    .unwrap()
}

fn trial((agent, task, cluster): (&str, &str, &str), at: usize, score: f64) -> Value {
    let criterion = |id: &str, value: f64, weight: f64| json!({"dimension": if id == "passes" { "outcome" } else { "planning" }, "criterion": id, "outcome": "scored", "value": value, "weight": weight, "why": "", "cites": []});
    let mut trial = json!({
        "id": format!("{task}/{agent}/{at}"), "task": task, "agent": agent, "trial": at, "twin": false, "task_hash": format!("hash-{task}"),
        "dimensions": {"planning": score, "outcome": score.round()}, "passed": score >= 0.5, "end": {"kind": "done"}, "stages": [],
        "metrics": {"tokens_out": 100.0 + 900.0 * score, "tool_calls": at, "rg_share": score, "cost_usd": null},
        "scores": [criterion("steps", score, 1.0), criterion("kept", score / 2.0, 2.0), criterion("passes", score.round(), 1.0)],
        "interview": null, "usage": {"scope": "turn", "input": 1000 * agent.len(), "output": 10, "micro_usd": 900 * agent.len() * at}, "wall_ms": 1000
    });
    if !cluster.is_empty() {
        trial["cluster"] = json!(cluster);
    }
    trial
}

/// Properties and objects of a schema without a description, as paths.
fn undescribed(schema: &Value) -> Vec<String> {
    fn walk(value: &Value, path: &str, found: &mut Vec<String>) {
        let Value::Object(map) = value else { return };
        for (name, inner) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{path}/{name}");
            if inner.get("description").is_none() {
                found.push(path.clone());
            }
            walk(inner, &path, found);
        }
        for inner in ["items", "additionalProperties"].iter().filter_map(|key| map.get(*key)) {
            walk(inner, path, found);
        }
        for inner in map.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            walk(inner, path, found);
        }
        if map.contains_key("properties") && map.get("additionalProperties") != Some(&Value::Bool(false)) {
            found.push(format!("{path} is open"));
        }
    }
    let mut found = Vec::new();
    walk(schema, "", &mut found);
    found
}
