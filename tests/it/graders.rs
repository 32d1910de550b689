//! Graders: criteria files decode with every mistake named, three candidates come out in their order, programs are held to their contract.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::tiny::{self, Built, Case};
use evalrun::{
    graders::{
        Answer, Answers, Build, Criteria, Evidence, GRADERS, Grader, Need, NeedId, Output, SHIPPED, Step, dimension,
        dimensions, event_text, grade, interview_result, list_document, passed, run, shipped, stage_results,
    },
    metrics,
    model::{
        fault::{Boundary, Fault},
        score::{Outcome, Score},
        trace::{Body, End, EndKind},
    },
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

/// Hands the evidence of a case to a test.
fn with<T>(case: &Case, test: impl FnOnce(&Evidence<'_>) -> T) -> T {
    let built = tiny::build(case);
    let facts = tiny::facts(&built);
    let measured = metrics::measure(&facts);
    let end = end(&built);
    test(&Evidence {
        task: built.task.as_ref(),
        trace: &built.trace,
        facts: &facts,
        end: &end,
        metrics: &measured,
        bench: None,
    })
}

fn end(built: &Built) -> End {
    let last = built.trace.events.iter().rev().find_map(|event| match &event.body {
        Body::End(end) => Some(end.clone()),
        _ => None,
    });
    last.unwrap_or(End { kind: EndKind::Recorded, why: String::new() })
}

fn cases(file: &str) -> BTreeMap<String, Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graders").join(file);
    let cases: Vec<Case> = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    cases.into_iter().map(|case| (case.case.clone(), case)).collect()
}

fn all() -> Vec<Box<dyn Grader>> {
    SHIPPED.iter().map(|(name, _)| Box::new(shipped(name).unwrap().unwrap()) as Box<dyn Grader>).collect()
}

fn told(score: &Score) -> String {
    let (word, why) = match &score.outcome {
        Outcome::Scored(value) => (format!("{value:.2}"), score.why.clone()),
        Outcome::Unknown(why) => ("unknown".to_owned(), why.clone()),
        Outcome::NotApplicable(why) => ("n/a".to_owned(), why.clone()),
        Outcome::NotAsked => ("not asked".to_owned(), String::new()),
        Outcome::Broken(fault) => ("broken".to_owned(), fault.to_string()),
    };
    let cites: Vec<String> = score.cites.iter().map(|cite| format!("{} {:?}", cite.event, cite.quote)).collect();
    let cites = if cites.is_empty() { String::new() } else { format!("  [{}]", cites.join(", ")) };
    format!("{} {word} x{}: {why}{cites}", score.criterion, score.weight)
}

fn report(scores: &[Score], with_unasked: bool) -> String {
    let mut out = String::new();
    for dimension in dimensions(scores) {
        let value = dimension.value.map_or("-".to_owned(), |value| format!("{value:.3}"));
        writeln!(out, "{} {value}", dimension.dimension).unwrap();
        let own = scores.iter().filter(|score| score.dimension == dimension.dimension);
        for score in own.filter(|score| with_unasked || score.outcome != Outcome::NotAsked) {
            writeln!(out, "  {}", told(score)).unwrap();
        }
    }
    out
}

fn values(case: &Case) -> BTreeMap<String, f64> {
    let scores = with(case, |evidence| grade(&all(), evidence));
    dimensions(&scores).into_iter().filter_map(|dimension| Some((dimension.dimension, dimension.value?))).collect()
}

#[test]
fn every_shipped_file_reads_and_says_what_it_asks() {
    for (name, text) in SHIPPED {
        let criteria = Criteria::read(&format!("graders/{name}.yaml"), text)
            .unwrap_or_else(|lines| panic!("{}", lines.join("\n")));
        assert_eq!(criteria.grader, *name);
        for criterion in &criteria.criteria {
            let judged = criterion.kind == "judge";
            assert!(!judged || !criterion.gloss.is_empty(), "{name}: {} has no gloss", criterion.id);
            let both = criterion.says.pass.is_some() && criterion.says.fail.is_some();
            assert!(both || criterion.kind != "rule", "{name}: {} does not say both", criterion.id);
        }
    }
    assert_snapshot!(list_document());
}

#[test]
fn three_candidates_are_graded() {
    for (name, case) in &cases("candidates.yaml") {
        let scores = with(case, |evidence| grade(&all(), evidence));
        assert_snapshot!(name.as_str(), report(&scores, false));
    }
}

/// The dimensions of long runs, effort, rules and habits; a habit is told and never scored.
#[test]
fn long_runs_are_graded_and_habits_are_told() {
    let mut out = String::new();
    for (name, case) in &cases("long.yaml") {
        let scores = with(case, |evidence| {
            let named = ["guardrails", "efficiency", "long_run", "habits"]
                .map(|name| Box::new(shipped(name).unwrap().unwrap()) as Box<dyn Grader>);
            grade(&named, evidence)
        });
        writeln!(out, "{name}\n{}", report(&scores, false)).unwrap();
        let habits = dimensions(&scores).into_iter().find(|one| one.dimension == "habits").unwrap();
        assert_eq!((habits.value, habits.bounds, habits.coverage), (None, None, None), "{name}");
        assert_eq!(habits.not_applicable, 5, "{name}");
    }
    assert_snapshot!(out);
}

/// Two runs of the same thing differ in these: no score that ships may hang on them, nor on a habit.
#[test]
fn no_shipped_score_reads_what_differs_between_two_runs() {
    const VOLATILE: &[&str] = &[
        "tokens_in",
        "tokens_cached",
        "tokens_out",
        "cost_usd",
        "wall_s",
        "tool_s",
        "model_s",
        "longest_silence_s",
        "preamble_share",
        "subagent_overhead",
    ];
    let habits: Vec<&str> =
        metrics::METRICS.iter().filter(|metric| metric.behaviour == "habits").map(|metric| metric.id).collect();
    for (name, text) in SHIPPED {
        let criteria = Criteria::read(name, text).unwrap().criteria;
        for criterion in criteria.iter().filter(|criterion| !["describe", "judge"].contains(&criterion.kind)) {
            let needs = criterion.needs.as_ref().map(|needs| needs.metrics.clone()).unwrap_or_default();
            let read = |id: &&&str| criterion.asked.contains(&format!("metric.{id}")) || needs.contains(*id);
            let found: Vec<_> = VOLATILE.iter().chain(&habits).filter(read).collect();
            assert!(found.is_empty(), "{name}: {} reads {found:?}", criterion.id);
        }
        for metric in VOLATILE {
            assert!(metrics::named(metric).is_some(), "{metric}");
        }
    }
}

#[test]
fn careful_beats_hasty_everywhere_and_glib_where_it_only_talks() {
    let cases = cases("candidates.yaml");
    let (careful, hasty, glib) = (values(&cases["careful"]), values(&cases["hasty"]), values(&cases["glib"]));
    for dimension in ["outcome", "communication", "planning", "context_gathering", "self_checking", "interview"] {
        assert!(
            careful[dimension] > hasty[dimension],
            "{dimension}: {} against {}",
            careful[dimension],
            hasty[dimension]
        );
        assert!(
            careful[dimension] >= glib[dimension],
            "{dimension}: {} against {}",
            careful[dimension],
            glib[dimension]
        );
        assert!(careful[dimension] >= 0.95, "{dimension}: careful has {}", careful[dimension]);
    }
    for dimension in ["outcome", "communication", "context_gathering", "self_checking"] {
        assert!(
            careful[dimension] > glib[dimension],
            "{dimension}: {} against {}",
            careful[dimension],
            glib[dimension]
        );
    }
    for dimension in ["context_gathering", "self_checking"] {
        assert!(
            (hasty[dimension] - glib[dimension]).abs() <= 0.1,
            "{dimension}: {} against {}",
            hasty[dimension],
            glib[dimension]
        );
        assert!(hasty[dimension] <= 0.3, "{dimension}: {}", hasty[dimension]);
    }
    assert!(glib["communication"] <= 0.4, "{}", glib["communication"]);
}

#[test]
fn quotes_stand_in_their_events() {
    for case in cases("candidates.yaml").values() {
        with(case, |evidence| {
            for score in grade(&all(), evidence) {
                for cite in &score.cites {
                    let text = event_text(&evidence.trace.event(cite.event).unwrap().body);
                    let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert!(
                        fold(&text).contains(&fold(&cite.quote)),
                        "{}: {:?} in {text:?}",
                        score.criterion,
                        cite.quote
                    );
                }
            }
        });
    }
}

#[test]
fn a_recorded_session_has_no_outcome_and_no_interview() {
    let mut case = cases("candidates.yaml").remove("careful").unwrap();
    case.task = None;
    let scores = with(&case, |evidence| grade(&all(), evidence));
    for score in scores.iter().filter(|score| ["outcome", "interview"].contains(&score.dimension.as_str())) {
        assert!(matches!(score.outcome, Outcome::NotApplicable(_)), "{}", told(score));
    }
    let graded: Vec<String> =
        dimensions(&scores).into_iter().filter(|one| one.value.is_some()).map(|one| one.dimension).collect();
    let expected = ["communication", "planning", "context_gathering", "self_checking", "guardrails", "efficiency"];
    assert_eq!(graded, expected);
}

#[test]
fn stages_checks_and_the_pass_rule() {
    let mut out = String::new();
    for (name, case) in &cases("stages.yaml") {
        with(case, |evidence| {
            let outcome = shipped("outcome").unwrap().unwrap();
            let scores = grade(&[Box::new(outcome) as Box<dyn Grader>], evidence);
            writeln!(out, "{name}: passed {:?}", passed(evidence)).unwrap();
            out.push_str(&report(&scores, true));
            for stage in stage_results(evidence) {
                writeln!(out, "  stage {} {:?} {} {}", stage.id, stage.state, json!(stage.checks), stage.why).unwrap();
            }
            let interview = interview_result(evidence).unwrap();
            writeln!(out, "  interview {}\n", serde_json::to_string(&interview).unwrap()).unwrap();
        });
    }
    assert_snapshot!(out);
}

#[test]
fn a_broken_condition_voids_the_interview() {
    let case = &cases("stages.yaml")["a stage hangs on a check that broke"];
    let scores =
        with(case, |evidence| grade(&[Box::new(shipped("interview").unwrap().unwrap()) as Box<dyn Grader>], evidence));
    assert!(
        scores
            .iter()
            .all(|score| matches!(&score.outcome, Outcome::Broken(fault) if fault.boundary == Boundary::Check))
    );
}

#[test]
fn every_mistake_in_a_criteria_file_is_found_at_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/graders/mistakes");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut out = String::new();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        match Criteria::read(name, &fs::read_to_string(&path).unwrap()) {
            Ok(_) => panic!("{name} was taken"),
            Err(lines) => writeln!(out, "{}", lines.join("\n")).unwrap(),
        }
    }
    assert_snapshot!(out);
}

#[test]
fn documented_examples_build() {
    for kind in GRADERS {
        match kind.build {
            Build::Criterion(_) => {
                let criteria =
                    Criteria::read("example.yaml", kind.example).unwrap_or_else(|lines| panic!("{}", lines.join("\n")));
                assert!(criteria.criteria.iter().any(|criterion| criterion.kind == kind.word), "{}", kind.word);
            }
            Build::Program(build) => assert_eq!(build("style", &["true".to_owned()]).name(), "style"),
        }
    }
}

#[test]
fn a_rule_of_the_wrong_size_is_broken_and_an_absent_metric_is_no_number() {
    let text = "grader: x\nabout: x\ncriteria:\n  - {id: big, rule: metric.tool_calls + 5}\n  - {id: undefined, rule: metric.red_to_green}\n  - {id: unknown, rule: metric.cost_usd == 0}\n  - {id: other_agent, rule: 'true', agents: [codex]}\n  - {id: no_need, rule: 'true', needs: metric.tool_calls > 99}\n  - {id: plain, rule: metric.tool_calls > 0}\n  - {id: words, rule: \"'yes'\"}\n";
    let case = cases("candidates.yaml").remove("hasty").unwrap();
    let grader: Box<dyn Grader> = Box::new(Criteria::read("x.yaml", text).unwrap());
    assert_snapshot!(report(&with(&case, |evidence| grade(&[grader], evidence)), true));
}

#[test]
fn dimensions_weigh_cap_bound_and_cover() {
    let score = |outcome: Outcome, weight: f64, cap: Option<f64>| Score {
        dimension: "d".to_owned(),
        criterion: "c".to_owned(),
        outcome,
        weight,
        cap,
        why: String::new(),
        cites: Vec::new(),
        judged: None,
    };
    let fault = || Fault::new(Boundary::Grader, "x", "x");
    let one = dimension(&[
        score(Outcome::Scored(1.0), 2.0, None),
        score(Outcome::Scored(1.0), 1.0, None),
        score(Outcome::Scored(0.0), 1.0, None),
        score(Outcome::Unknown("?".to_owned()), 1.0, None),
        score(Outcome::NotApplicable("-".to_owned()), 5.0, None),
        score(Outcome::NotAsked, 5.0, None),
        score(Outcome::Broken(fault()), 5.0, Some(0.0)),
    ]);
    assert_eq!((one.value, one.bounds, one.coverage), (Some(0.75), Some((0.6, 0.8)), Some(0.8)));
    assert_eq!((one.unknown, one.not_applicable, one.not_asked, one.broken), (1, 1, 1, 1));
    let capped = dimension(&[score(Outcome::Scored(1.0), 9.0, None), score(Outcome::Scored(0.0), 1.0, Some(0.3))]);
    assert_eq!((capped.value, capped.bounds), (Some(0.3), Some((0.3, 0.3))));
    let may_cap =
        dimension(&[score(Outcome::Scored(1.0), 3.0, None), score(Outcome::Unknown("?".to_owned()), 1.0, Some(0.0))]);
    assert_eq!((may_cap.value, may_cap.bounds), (Some(1.0), Some((0.0, 1.0))));
    let nothing = dimension(&[score(Outcome::NotAsked, 1.0, None)]);
    assert_eq!((nothing.value, nothing.bounds, nothing.coverage), (None, None, None));
}

#[test]
fn a_program_is_held_to_its_contract() {
    let case = cases("candidates.yaml").remove("careful").unwrap();
    let good = json!({"version": 1, "scores": [
        {"criterion": "style", "value": 0.5, "why": "ok", "weight": 2, "cites": [{"event": 3, "quote": "Which   exception"}, {"event": 3, "quote": "never said"}, {"event": 999, "quote": "x"}]},
        {"criterion": "lost", "unknown": "no diff"},
        {"criterion": "else", "not_applicable": "no code"},
        {"criterion": "big", "value": 3},
        {"criterion": "both", "value": 1, "unknown": "?"},
        {"criterion": "neither"},
    ]});
    let output = |exit: i32, stdout: &str| Output {
        exit: Some(exit),
        stdout: stdout.to_owned(),
        stderr: "Traceback\nboom\n".to_owned(),
        timed_out: false,
    };
    let answers = [
        ("good", Ok(output(0, &good.to_string()))),
        ("no json", Ok(output(0, "all fine"))),
        ("unknown field", Ok(output(0, "{\"version\": 1, \"scores\": [], \"extra\": 1}"))),
        ("later version", Ok(output(0, "{\"version\": 2, \"scores\": []}"))),
        ("exit 3", Ok(output(3, &good.to_string()))),
        ("signal", Ok(Output { exit: None, ..output(0, "") })),
        ("timeout", Ok(Output { timed_out: true, exit: None, ..output(0, "") })),
        ("not started", Err(Fault::new(Boundary::Grader, "spawn", "no such program"))),
    ];
    let mut out = String::new();
    for (name, answer) in answers {
        let scores = with(&case, |evidence| {
            let program = program();
            let mut reply = |_: &Need| Answer::Output(answer.clone());
            run(program.as_ref(), evidence, &mut reply)
        });
        writeln!(out, "{name}\n{}", report(&scores, true)).unwrap();
    }
    assert_snapshot!(out);
}

fn program() -> Box<dyn Grader> {
    let build = GRADERS.iter().find_map(|kind| match kind.build {
        Build::Program(build) => Some(build),
        Build::Criterion(_) => None,
    });
    build.unwrap()("style", &["python3".to_owned(), "style.py".to_owned()])
}

#[test]
fn a_program_reads_what_the_contract_says() {
    let case = cases("candidates.yaml").remove("hasty").unwrap();
    with(&case, |evidence| {
        let Step::Needs(needs) = program().step(evidence, &Answers::new()) else { panic!("it asks for nothing") };
        let [(_, Need::Command(command))] = needs.as_slice() else { panic!("it asks for something else") };
        let read: Value = serde_json::from_str(&command.stdin).unwrap();
        let keys: Vec<&String> = read.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["version", "task", "header", "end", "events", "facts", "metrics"]);
        assert_eq!(read["events"].as_array().unwrap().len(), evidence.trace.events.len());
        assert_snapshot!(serde_json::to_string_pretty(&read["facts"]).unwrap());
    });
}

/// A program that is a real process, as a suite would name it.
#[test]
fn a_real_program_grades() {
    let case = cases("candidates.yaml").remove("hasty").unwrap();
    let script = "import json,sys\nread=json.load(sys.stdin)\nedits=len(read['facts']['edits'])\nprint(json.dumps({'version':1,'scores':[{'criterion':'few_edits','value':1.0 if edits<5 else 0.0,'why':str(edits)+' edits'}]}))";
    let mut reply = |need: &Need| {
        let Need::Command(command) = need else { panic!("it asks for something else") };
        let mut child = std::process::Command::new("python3")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), command.stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Answer::Output(Ok(Output { exit: output.status.code(), stdout, stderr: String::new(), timed_out: false }))
    };
    let scores = with(&case, |evidence| run(program().as_ref(), evidence, &mut reply));
    assert_eq!(report(&scores, true), "style 1.000\n  few_edits 1.00 x1: 2 edits\n");
}

struct Endless;

impl Grader for Endless {
    fn name(&self) -> &str {
        "endless"
    }

    fn step(&self, _: &Evidence<'_>, answers: &Answers) -> Step {
        let need =
            Need::Command(evalrun::graders::CommandNeed { argv: Vec::new(), stdin: String::new(), timeout_ms: 1 });
        Step::Needs(vec![(NeedId(answers.len().to_string().into()), need)])
    }
}

#[test]
fn a_grader_that_never_ends_is_broken_after_four_rounds() {
    let case = cases("candidates.yaml").remove("hasty").unwrap();
    let mut asked = 0;
    let scores = with(&case, |evidence| {
        run(&Endless, evidence, &mut |_| {
            asked += 1;
            Answer::Output(Ok(Output::default()))
        })
    });
    assert_eq!(asked, evalrun::graders::ROUNDS);
    assert!(matches!(&scores[0].outcome, Outcome::Broken(fault) if fault.kind == "rounds"));
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn deep_and_wide_files_are_refused_or_read_without_a_crash() {
        let deep = format!("grader: x\nabout: x\ncriteria: {}1{}\n", "[".repeat(20_000), "]".repeat(20_000));
        assert!(Criteria::read("deep.yaml", &deep).is_err());
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\ncriteria: *g\n";
        assert!(Criteria::read("bomb.yaml", bomb).is_err());
    }

    fn step() -> impl Strategy<Value = serde_json::Map<String, Value>> {
        let text = prop_oneof![
            Just("All tests pass. Shall I go on?".to_owned()),
            Just("src/a.py".to_owned()),
            Just("git push --force && pytest -q | tail -1; rm -rf tests".to_owned()),
            "\\PC{0,40}",
        ];
        let key = prop::sample::select(vec![
            "user",
            "say",
            "shell",
            "read",
            "search",
            "write",
            "edit",
            "ask",
            "question",
            "compaction",
            "change",
            "remind",
            "go_ahead",
            "otherwise",
            "stage",
            "end_stage",
            "skip",
            "permission",
        ]);
        let extra = prop::sample::select(vec![
            json!({}),
            json!({"exit": 1}),
            json!({"status": "denied"}),
            json!({"open": true}),
            json!({"by": "root/1"}),
            json!({"superseded": true}),
            json!({"out": "1 failed in 0.1s\nsrc/a.py"}),
            json!({"batch": 3, "old": "assert a", "new": "é\u{1F600}"}),
        ]);
        (key, text, extra).prop_map(|(key, text, extra)| {
            let mut step = serde_json::Map::from_iter([(key.to_owned(), json!(text))]);
            step.extend(extra.as_object().unwrap().clone());
            step
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,300}") {
            let _ = Criteria::read("x.yaml", &text);
        }

        #[test]
        fn any_rule_is_read_without_a_panic(rule in "[a-z0-9 .+*()<>=%'|{}-]{0,40}") {
            let text = format!("grader: x\nabout: x\ncriteria:\n  - id: a\n    rule: {}\n", json!(rule));
            let _ = Criteria::read("x.yaml", &text);
        }

        #[test]
        fn any_trace_is_graded_within_bounds(trace in prop::collection::vec(step(), 0..40), with_task in any::<bool>()) {
            let task = with_task.then(|| json!({"check_kinds": ["test"], "kind": "bugfix",
                "guardrails": [{"id": "no_push", "commands": ["git push*"], "writes": ["tests/**"]}],
                "facts": [{"id": "a"}, {"id": "b", "discoverable": ["x"]}]}).as_object().unwrap().clone());
            let case = Case { case: "any".to_owned(), tells: None, language: None, task, twin: false, diffs: Vec::new(), trace, expect: BTreeMap::new() };
            with(&case, |evidence| {
                for score in grade(&all(), evidence) {
                    if let Outcome::Scored(value) = score.outcome {
                        assert!((0.0..=1.0).contains(&value), "{}", score.criterion);
                    }
                    assert!(!matches!(&score.outcome, Outcome::Broken(fault) if fault.boundary == Boundary::Grader), "{}", told(&score));
                }
                for (id, measured) in evidence.metrics {
                    assert!(measured.number().is_none_or(f64::is_finite), "{id}");
                }
            });
        }

        #[test]
        fn any_reply_of_a_program_is_taken_without_a_panic(stdout in "\\PC{0,100}", exit in prop::option::of(-1..3i32)) {
            let case = Case { case: "any".to_owned(), tells: None, language: None, task: None, twin: false, diffs: Vec::new(), trace: Vec::new(), expect: BTreeMap::new() };
            with(&case, |evidence| {
                let mut reply = |_: &Need| Answer::Output(Ok(Output { exit, stdout: stdout.clone(), stderr: String::new(), timed_out: false }));
                run(program().as_ref(), evidence, &mut reply);
            });
        }
    }
}
