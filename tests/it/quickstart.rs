//! The quickstart's candidates as data: they decode, they say when they ask and only then, and careful's plan is one a rule can follow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    interview::{self, questions},
    model::{
        ask::AskKind,
        interview::{Decided, Finding, Input, Move},
        trace::{PlanStep, StepStatus},
    },
    script::{Op, Player, Script, Step, What, ablate, tags},
    suite::{DriverDoc, DriverField, FieldKind, Names, load},
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

/// Everything that is said in the interviews, by the machine and the candidates, with the checks that decide which stages are played.
#[test]
fn the_interviews_as_they_are_spoken() {
    let mut seen = String::new();
    for suite in ["evals/quickstart.yaml", "fixtures/suites/tiny.yaml"] {
        let loaded = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(suite), &NAMES);
        assert_eq!(loaded.findings, Vec::new());
        let suite = loaded.suite.unwrap();
        for task in &suite.tasks {
            for name in &suite.run {
                let interview = interview::Script::new(&task.interview);
                conversation(&mut seen, &format!("{} {name}", task.id), &interview, name);
                if task.interview.twin {
                    let twin = interview::Script::twin(&task.interview);
                    conversation(&mut seen, &format!("{}~twin {name}", task.id), &twin, name);
                }
            }
        }
    }
    insta::assert_snapshot!(seen);
}

fn conversation(seen: &mut String, title: &str, interview: &interview::Script, name: &str) {
    let mut player = Player::new(script(name));
    let mut inputs = vec![Input::Opened];
    writeln!(seen, "\n## {title}").unwrap();
    let mut called = false;
    loop {
        let step = interview::replay(interview, &inputs).pop().unwrap();
        for decision in &step.decisions {
            if matches!(decision.decision, Decided::Tell | Decided::Otherwise | Decided::SkipStage | Decided::Remind) {
                writeln!(seen, "  [{:?} {}]", decision.decision, decision.facts.join(" ")).unwrap();
            }
        }
        match step.next {
            Move::Say(text) => {
                writeln!(seen, "user: {}", text.replace('\n', " / ")).unwrap();
                player.user(&text);
                called = false;
            }
            Move::Reply(text) => writeln!(seen, "reply: {}", text.replace('\n', " / ")).unwrap(),
            Move::EndStage { stage } => {
                let finding =
                    |check: &str, fails: &[&str]| Finding { check: check.into(), holds: Ok(!fails.contains(&name)) };
                let findings = [finding("deps", &["hasty"]), finding("large", &["hasty", "glib"])];
                writeln!(seen, "  -- {stage} ends").unwrap();
                inputs.push(Input::Checked(findings.into()));
                continue;
            }
            Move::Stop => return,
            Move::Match { .. } | Move::Wait => unreachable!("no model, no late input"),
        }
        inputs.push(next_word(seen, &mut player, &mut called));
    }
}

/// Plays the candidate up to its next question or the end of its turn.
fn next_word(seen: &mut String, player: &mut Player, called: &mut bool) -> Input {
    let mut message = String::new();
    while let Some(response) = player.next() {
        for call in &response.calls {
            *called = true;
            if let Op::Ask { question, options } = &call.op {
                writeln!(seen, "asks: {question}").unwrap();
                return Input::Asked { text: question.clone(), options: options.clone() };
            }
        }
        message = response.text;
    }
    writeln!(seen, "agent: {}", message.lines().next().unwrap_or_default()).unwrap();
    Input::TurnEnded { message, called_tools: *called }
}

const NAMES: Names<'static> = Names {
    drivers: &[DriverDoc {
        name: "scripted",
        about: "plays a script",
        fields: &[DriverField { name: "script", doc: "the script", kind: FieldKind::Text, path: true, required: true }],
    }],
    graders: &["outcome", "communication", "planning", "context_gathering", "self_checking", "interview", "guardrails"],
    judges: &[],
    later_drivers: &[],
};
