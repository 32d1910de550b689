//! `evalrun report --by --csv`: the same numbers as the report's, in columns that are documented; and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::{bed::Bed, compare::three_agents};
use evalrun::{
    model::results::Results,
    reporters::tabled,
    table::{By, Table, grouped},
};
use std::{collections::BTreeMap, fs};

fn tags(results: &Results) -> BTreeMap<String, Vec<String>> {
    let tasks = results.trials.iter().map(|trial| trial.task.clone());
    let two = |task: String| {
        let tags = if task.ends_with('1') { vec!["python".to_owned(), "web".to_owned()] } else { Vec::new() };
        (task, tags)
    };
    tasks.map(two).collect()
}

fn lines(table: &Table) -> Vec<String> {
    let mut bytes = Vec::new();
    table.csv(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

/// Means over tasks, not over trials: what `evalrun compare` says of the same run.
#[test]
fn means_are_those_of_a_comparison() {
    let results = three_agents();
    let runs = std::slice::from_ref(&results);
    let compared = evalrun::compare::compare(evalrun::compare::Panel::of(runs, &[]).unwrap(), runs);
    let table = grouped(&results, &[By::Agent], &BTreeMap::new());
    assert!(!table.rows.is_empty());
    for row in table.rows.iter().filter(|row| row.score != "passed") {
        let column = compared.agents.iter().find(|column| column.agent == row.group[0]).unwrap();
        let expected = &column.dimensions[&row.score];
        assert!((row.mean - expected.mean.unwrap()).abs() < 1e-12, "{row:?}");
        assert_eq!((row.tasks as u32, row.trials as u32), (expected.tasks, expected.trials), "{row:?}");
    }
}

#[test]
fn groups_and_columns() {
    let results = three_agents();
    let table = grouped(&results, &[By::Agent, By::Tag], &tags(&results));
    let csv = lines(&table);
    assert_eq!(csv[0], "agent,tag,score,mean,low,high,tasks,trials");
    let with = |tag: &str| table.rows.iter().filter(|row| row.group[1] == tag).count();
    assert!(with("python") > 0 && with("python") == with("web"), "a task of two tags counts under each");
    assert!(with("-") > 0, "and one of none under neither");
    insta::assert_snapshot!("by_agent_and_tag", tabled(&table));
}

#[test]
fn text_of_others_is_no_formula() {
    let mut results = three_agents();
    for trial in &mut results.trials {
        trial.model = Some("=HYPERLINK(\"x\"),a".to_owned());
    }
    let csv = lines(&grouped(&results, &[By::Model], &BTreeMap::new()));
    assert!(csv[1].starts_with("\"'=HYPERLINK(\"\"x\"\"),a\","), "{}", csv[1]);
}

#[test]
fn tables_through_the_command_line() {
    let bed = Bed::new();
    bed.write("results.json", serde_json::to_vec(&three_agents()).unwrap());
    let said = bed.run(&["report", "results.json", "--by", "agent", "--csv", "out/means.csv"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.trim_start().starts_with("agent") && said.out.ends_with("out/means.csv\n"), "{}", said.out);
    assert!(
        fs::read_to_string(bed.path("out/means.csv")).unwrap().starts_with("agent,score,mean,low,high,tasks,trials\n")
    );
    let said = bed.run(&["report", "results.json", "--csv", "scores.csv"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "scores.csv\n"));
    let text = fs::read_to_string(bed.path("scores.csv")).unwrap();
    let head = "run,suite,task,cluster,agent,model,trial,twin,passed,end,dimension,criterion,outcome,value,weight,why";
    assert_eq!(text.lines().next().unwrap(), head);
    let scores: usize = three_agents().trials.iter().map(|trial| trial.scores.len()).sum();
    assert_eq!(text.lines().count(), scores + 1);
    for (args, part) in [
        (&["--by", "colour"][..], "there are agent, model, task, tag, cluster"),
        (&["--csv", "x.parquet"], "this build of evalrun writes no Parquet"),
        (&["--to", "parquet:x"], "this build of evalrun writes no Parquet"),
    ] {
        let said = bed.run(&[&["report", "results.json"], args].concat());
        assert_eq!(said.code, Some(2), "{args:?}: {said:?}");
        assert!(said.err.contains(part), "{}", said.err);
    }
}
