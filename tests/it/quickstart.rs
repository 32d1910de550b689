//! The quickstart's candidates as data: they decode, they say when they ask and only then, and careful's plan is one a rule can follow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    interview::questions,
    model::{
        ask::AskKind,
        trace::{PlanStep, StepStatus},
    },
    script::{Op, Script, Step, What, ablate, tags},
};
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

#[test]
fn every_script_of_a_candidate_decodes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert_eq!(script(&name).candidate, name);
            names.insert(name);
        }
    }
    assert!(["careful", "hasty", "glib", "tidy", "sloppy"].iter().all(|name| names.contains(*name)));
}

#[test]
fn twelve_behaviours_can_be_taken_out_of_careful() {
    let careful = script("careful");
    let expected = [
        "adds_test",
        "asks",
        "closes_plan",
        "honest_final",
        "keeps_constraint",
        "plan",
        "preambles",
        "reads_house_rules",
        "reproduces_bug",
        "reviews_diff",
        "runs_tests",
        "searches_callers",
    ];
    assert_eq!(tags(&careful).into_iter().collect::<Vec<_>>(), expected);
    for tag in expected {
        assert_ne!(ablate(&careful, tag), careful, "{tag}");
    }
    assert_eq!(all_plans(&ablate(&careful, "plan")), Vec::<Vec<PlanStep>>::new());
}

#[test]
fn a_message_that_ends_a_turn_asks_only_where_it_means_to() {
    let mut seen = String::new();
    for name in ["careful", "hasty", "glib", "tidy", "sloppy"] {
        for steps in turns(&script(name)) {
            let (last, before) = said(&steps);
            let first_line = last.lines().next().unwrap_or_default();
            writeln!(seen, "{name}: {:?} {first_line}", questions::kind(&last, "en")).unwrap();
            for text in before {
                assert_eq!(questions::kind(&text, "en"), None, "{name} asks on the way: {text}");
            }
        }
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn what_is_asked_by_tool_is_a_question() {
    for name in ["careful", "glib"] {
        for steps in turns(&script(name)) {
            for step in steps {
                if let What::Do(Op::Ask { question, .. }) = step.what {
                    assert_eq!(questions::kind(&question, "en"), Some(AskKind::Question), "{question}");
                }
            }
        }
    }
}

#[test]
fn careful_completes_one_step_at_a_time_and_closes_its_plan() {
    for steps in turns(&script("careful")) {
        let plans = plans(&steps);
        for plan in &plans {
            assert!(count(plan, StepStatus::InProgress) <= 1, "{plan:?}");
        }
        for pair in plans.windows(2) {
            assert!(count(&pair[1], StepStatus::Completed) <= count(&pair[0], StepStatus::Completed) + 1, "{pair:?}");
        }
        if let Some(last) = plans.last() {
            assert_eq!(count(last, StepStatus::Completed), last.len(), "{last:?}");
        }
    }
}

#[test]
fn careful_speaks_before_each_batch_but_a_single_read() {
    for steps in turns(&script("careful")) {
        let mut spoke = false;
        for step in steps {
            match &step.what {
                What::Say(_) => spoke = true,
                What::Think(_) | What::Do(Op::Read { .. }) => {}
                What::Do(_) | What::Together(_) => {
                    assert!(spoke, "{step:?}");
                    spoke = false;
                }
            }
        }
    }
}

fn script(name: &str) -> Script {
    let file = format!("{}/fixtures/agents/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&file).unwrap();
    Script::from_yaml(&text, &format!("{name}.yaml")).map_err(|mistakes| mistakes.join("\n")).unwrap()
}

fn turns(script: &Script) -> Vec<Vec<Step>> {
    script.parts.iter().flat_map(|part| &part.turns).map(|turn| turn.steps.clone()).collect()
}

/// The last message of a turn, and those before it.
fn said(steps: &[Step]) -> (String, Vec<String>) {
    let mut texts: Vec<String> = steps
        .iter()
        .filter_map(|step| match &step.what {
            What::Say(text) => Some(text.clone()),
            What::Think(_) | What::Do(_) | What::Together(_) => None,
        })
        .collect();
    (texts.pop().unwrap_or_default(), texts)
}

fn all_plans(script: &Script) -> Vec<Vec<PlanStep>> {
    turns(script).iter().flat_map(|steps| plans(steps)).collect()
}

fn plans(steps: &[Step]) -> Vec<Vec<PlanStep>> {
    steps
        .iter()
        .flat_map(|step| match &step.what {
            What::Do(Op::Plan(plan)) => vec![plan.clone()],
            What::Together(calls) => plans(calls),
            What::Do(_) | What::Say(_) | What::Think(_) => Vec::new(),
        })
        .collect()
}

fn count(plan: &[PlanStep], status: StepStatus) -> usize {
    plan.iter().filter(|step| step.status == status).count()
}
