//! Whole interviews from `fixtures/interviews`, played and compared as conversations; and what must hold for any interview and any agent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use evalrun::{
    interview::{Script, State, Step, inputs, reached, replay, step},
    model::{
        agent::{TurnEnd, TurnEnded},
        id::EventId,
        interview::{By, Decided, Finding, Input, Move},
        results::StageReached,
        task::{Constraint, Fact, Interview, Lines, Say, Spoken, Stage, When, Wording},
        trace::{
            AgentMessage, Body, CheckMark, CheckStatus, Clock, EndKind, Event, Header, Question, StageMark, StageState,
            Tells, Text, ToolCall, Trace,
        },
    },
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write, path::Path};

#[derive(Deserialize)]
struct Played {
    interview: Interview,
    #[serde(default)]
    twin: bool,
    inputs: Vec<Value>,
}

#[test]
fn interviews_are_played_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interviews");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    assert!(files.len() >= 5);
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let tree: Value = serde_yaml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let played: Played = serde_json::from_value(tree).expect(&name);
        insta::assert_snapshot!(name, conversation(&played));
    }
}

fn conversation(played: &Played) -> String {
    let script = if played.twin { Script::twin(&played.interview) } else { Script::new(&played.interview) };
    let mut state = State::default();
    let mut out = String::new();
    for value in &played.inputs {
        if let Some(end) = value.get("end") {
            let end: EndKind = serde_json::from_value(end.clone()).unwrap();
            for stage in reached(&script, &state, end) {
                writeln!(out, "= {} {:?} {}", stage.id, stage.state, stage.why).unwrap();
            }
            continue;
        }
        let input = input(value);
        heard(&mut out, &input);
        let Step { state: after, next, decisions } = step(&script, state, &input);
        for one in decisions {
            let facts = if one.facts.is_empty() { String::new() } else { format!(" {:?}", one.facts) };
            writeln!(out, "    {:?}{facts} by {:?}: {}", one.decision, one.by, one.why).unwrap();
        }
        writeln!(out, "{}", said(&next)).unwrap();
        state = after;
    }
    writeln!(
        out,
        "told {:?}, asked {:?}, {} questions, void {:?}",
        state.told(),
        state.asked(),
        state.questions(),
        state.void()
    )
    .unwrap();
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn input(value: &Value) -> Input {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let list = |key: &str| {
        let items = value.get(key)?.as_array()?;
        Some(
            items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect::<Vec<String>>(),
        )
    };
    if let Some(message) = text("turn") {
        Input::TurnEnded { message, called_tools: value["tools"].as_bool().unwrap() }
    } else if let Some(text) = text("ask") {
        Input::Asked { text, options: list("options").unwrap() }
    } else if let Some(why) = text("no_match") {
        Input::Matched(Err(why))
    } else if let Some(facts) = list("matched") {
        Input::Matched(Ok(facts))
    } else if let Some(checks) = value.get("checked") {
        let holds = |holds: &Value| holds.as_bool().ok_or_else(|| holds.as_str().unwrap().to_owned());
        let checks = checks.as_object().unwrap();
        Input::Checked(
            checks.iter().map(|(check, value)| Finding { check: check.clone(), holds: holds(value) }).collect(),
        )
    } else {
        assert_eq!(value, "opened");
        Input::Opened
    }
}

fn heard(out: &mut String, input: &Input) {
    match input {
        Input::Opened => writeln!(out, "> opened"),
        Input::Asked { text, options } => writeln!(out, "> asks in its turn: {text} {options:?}"),
        Input::TurnEnded { message, called_tools: true } => writeln!(out, "> {message}"),
        Input::TurnEnded { message, called_tools: false } => writeln!(out, "> {message} (no tool call)"),
        Input::Matched(result) => writeln!(out, "> matched: {result:?}"),
        Input::Checked(findings) => {
            let each: BTreeMap<_, _> = findings.iter().map(|finding| (&finding.check, &finding.holds)).collect();
            writeln!(out, "> checked: {each:?}")
        }
    }
    .unwrap();
}

fn said(next: &Move) -> String {
    match next {
        Move::Say(text) => format!("< {text}"),
        Move::Reply(text) => format!("< replies: {text}"),
        Move::Match { question, facts } => format!("< match {question:?} with {facts:?}"),
        Move::EndStage { stage } => format!("< end of stage {stage}"),
        Move::Wait => "< (waits)".to_owned(),
        Move::Stop => "< (stops)".to_owned(),
    }
}

fn interview() -> Interview {
    let stage =
        |id: &str, when: Option<When>, say: Say| Stage { id: id.into(), when, correction: false, say, expect: vec![] };
    let fact = |id: &str, ask: &str, say: &[(Option<&str>, &str)]| Fact {
        id: id.into(),
        ask: vec![ask.into()],
        not: vec!["worker".into()],
        examples: vec![],
        about: String::new(),
        weight: 1.0,
        discoverable: vec![],
        check: None,
        alternatives: Vec::new(),
        say: say.iter().map(|(from, text)| Wording { from: from.map(str::to_owned), text: (*text).into() }).collect(),
    };
    let constraint = |id: &str, from: &str, spoken: Spoken, text: &str| Constraint {
        id: id.into(),
        from: from.into(),
        spoken,
        text: text.into(),
        check: id.into(),
    };
    let told = When::Told { fact: "quota".into() };
    Interview {
        stages: vec![
            stage("a", None, Say::Text("Begin.".into())),
            stage("b", Some(told), Say::Text("Second.".into())),
            stage("c", Some(When::Check { name: "green".into(), passed: true }), Say::Text("Third.".into())),
            stage("d", Some(When::Constraint { id: "deps".into(), kept: false }), Say::Text("Fourth.".into())),
        ],
        facts: vec![
            fact("quota", "how many|limit", &[(None, "<quota>"), (Some("c"), "<quota from c>")]),
            fact("port", "port", &[(Some("b"), "<port>")]),
        ],
        replies: 2,
        constraints: vec![
            constraint("deps", "a", Spoken::WithStage, "<deps>"),
            constraint("names", "b", Spoken::WhenAsked, "<public names>"),
        ],
        twin: false,
        language: "en".into(),
        lines: Lines::default(),
        model: Some("a:model".into()),
    }
}

fn any_message() -> impl Strategy<Value = String> {
    let phrase = prop_oneof![
        Just("How many requests?"),
        Just("Which port, please?"),
        Just("How many workers and which port?"),
        Just("Which public names should stay?"),
        Just("Shall I proceed?"),
        Just("Shall I limit it?"),
        Just("Want me to add docs?"),
        Just("Done."),
        Just("What colour?"),
        Just("```\nwhich port?\n```"),
    ];
    prop_oneof![
        4 => proptest::collection::vec(phrase, 0..4).prop_map(|phrases| phrases.join(" ")),
        1 => any::<String>(),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    let id = prop_oneof![Just("quota"), Just("port"), Just("names"), Just("nonsense")].prop_map(str::to_owned);
    let check = prop_oneof![Just("green"), Just("deps"), Just("names")].prop_map(str::to_owned);
    let holds = prop_oneof![Just(Ok(true)), Just(Ok(false)), Just(Err("broke".to_owned()))];
    let finding = (check, holds).prop_map(|(check, holds)| Finding { check, holds });
    prop_oneof![
        1 => Just(Input::Opened),
        2 => (any_message(), proptest::collection::vec(any_message(), 0..3)).prop_map(|(text, options)| Input::Asked { text, options }),
        6 => (any_message(), any::<bool>()).prop_map(|(message, called_tools)| Input::TurnEnded { message, called_tools }),
        2 => proptest::collection::vec(id, 0..3).prop_map(|ids| Input::Matched(Ok(ids))),
        1 => any::<String>().prop_map(|why| Input::Matched(Err(why))),
        3 => proptest::collection::vec(finding, 0..4).prop_map(Input::Checked),
    ]
}

proptest! {
    // A case plays a whole interview.
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Same script, same events, same words; and one step at a time gives what the whole replay gives.
    #[test]
    fn the_same_events_give_the_same_words(inputs in proptest::collection::vec(any_input(), 0..30), twin: bool) {
        let script = || if twin { Script::twin(&interview()) } else { Script::new(&interview()) };
        let first = replay(&script(), &inputs);
        prop_assert_eq!(&first, &replay(&script(), &inputs));
        for (at, step_of) in first.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| first[before].state.clone()).unwrap_or_default();
            prop_assert_eq!(step_of, &step(&script(), before, &inputs[at]));
        }
    }

    /// A fact's words are said only when a pattern or the model's selection asked for it, and only from the list the model was given.
    #[test]
    fn nothing_is_volunteered(inputs in proptest::collection::vec(any_input(), 0..30)) {
        let mut inputs = inputs;
        inputs.insert(0, Input::Opened);
        let steps = replay(&Script::new(&interview()), &inputs);
        let mut selected: Vec<&str> = Vec::new();
        for (step, input) in steps.iter().zip(&inputs) {
            if let Input::Matched(Ok(ids)) = input {
                selected.extend(ids.iter().map(String::as_str));
            }
            let words = match &step.next {
                Move::Say(text) | Move::Reply(text) => text.as_str(),
                Move::Match { .. } | Move::EndStage { .. } | Move::Wait | Move::Stop => "",
            };
            for (id, said) in [("quota", "<quota"), ("port", "<port>"), ("names", "<public names>")] {
                let told = step.decisions.iter().any(|one| one.decision == Decided::Tell && one.facts.iter().any(|fact| fact == id));
                prop_assert_eq!(words.contains(said), told);
                let by_model = step.decisions.iter().any(|one| one.by == By::Model && one.facts.iter().any(|fact| fact == id));
                // One reply may wait for several matches; it is given when the last of them is back, and that one may have failed.
                if by_model {
                    prop_assert!(matches!(input, Input::Matched(_)) && selected.contains(&id));
                }
            }
            prop_assert!(words.matches(&Lines::default().otherwise).count() <= 1);
        }
    }

    /// Whatever an agent says, the interview ends: a stage takes a bounded number of turns.
    #[test]
    fn every_interview_ends(messages in proptest::collection::vec((any_message(), any::<bool>()), 1..8), model in proptest::collection::vec(any_input(), 1..4)) {
        let script = Script::new(&interview());
        let mut state = State::default();
        let mut input = Input::Opened;
        let mut turns = 0_usize;
        loop {
            let Step { state: after, next, .. } = step(&script, state, &input);
            state = after;
            input = match next {
                Move::Say(_) => {
                    let (message, called_tools) = messages[turns % messages.len()].clone();
                    turns += 1;
                    Input::TurnEnded { message, called_tools }
                }
                Move::Match { .. } => match &model[turns % model.len()] {
                    Input::Matched(facts) => Input::Matched(facts.clone()),
                    _ => Input::Matched(Ok(vec!["quota".to_owned()])),
                },
                Move::EndStage { .. } => Input::Checked(vec![
                    Finding { check: "green".into(), holds: Ok(true) },
                    Finding { check: "deps".into(), holds: Ok(false) },
                ]),
                Move::Stop => break,
                Move::Reply(_) | Move::Wait => panic!("nobody asked in the middle of a turn"),
            };
            prop_assert!(turns <= 4 * 9, "a stage of two replies has at most nine turns");
        }
        prop_assert!(state.is_done());
        let stages = reached(&script, &state, EndKind::Done);
        prop_assert!(stages.iter().all(|stage| matches!(stage.state, StageReached::Done | StageReached::Skipped)));
    }
}

#[test]
fn where_we_stopped_it_nothing_is_held_against_the_agent() {
    let script = Script::new(&interview());
    let steps = replay(&script, &[Input::Opened]);
    let state = &steps[0].state;
    let states = |end| reached(&script, state, end).into_iter().map(|stage| stage.state).collect::<Vec<_>>();
    assert_eq!(states(EndKind::Limit), vec![StageReached::Unreached; 4]);
    assert_eq!(states(EndKind::AgentGone), vec![StageReached::Unreached; 4]);
    assert_eq!(states(EndKind::Cancelled), vec![StageReached::NotRun; 4]);
    assert_eq!(states(EndKind::Broken), vec![StageReached::NotRun; 4]);
}

/// A recorded trial can be interviewed again: the inputs are read back from the trace, and the words are the same.
#[test]
fn a_recorded_trial_is_interviewed_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/interviews");
    for name in ["rate-limit", "enough", "model", "twin", "void"] {
        let text = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        let played: Played = serde_json::from_value(serde_yaml::from_str(&text).unwrap()).unwrap();
        let script = if played.twin { Script::twin(&played.interview) } else { Script::new(&played.interview) };
        let given: Vec<Input> = played.inputs.iter().filter(|value| value.get("end").is_none()).map(input).collect();
        let steps = replay(&script, &given);
        let trace = record(&given, &steps);
        let moves = |steps: Vec<Step>| steps.into_iter().map(|step| step.next).filter(|next| *next != Move::Wait);
        let again: Vec<Move> = moves(replay(&script, &inputs(&trace))).collect();
        let mut first: Vec<Move> = moves(steps).collect();
        // What comes after the end is not recorded.
        first.truncate(first.iter().position(|next| *next == Move::Stop).map_or(first.len(), |at| at + 1));
        // A question whose match came too late leaves no decision, so it is asked again and dropped again.
        assert_eq!(again, first, "{name}");
    }
}

fn record(inputs: &[Input], steps: &[Step]) -> Trace {
    let mut bodies = Vec::new();
    for (input, step) in inputs.iter().zip(steps) {
        match input {
            Input::Opened | Input::Matched(_) => {}
            Input::Asked { text, options } => bodies.push(Body::Question(Question {
                text: Text::whole(text.as_str()),
                options: options.clone(),
                answer: None,
            })),
            Input::TurnEnded { message, called_tools } => {
                if *called_tools {
                    let call = ToolCall { name: "ls".into(), tool: None, input: Value::Null, batch: None };
                    bodies.push(Body::ToolCall(call));
                }
                bodies.push(Body::AgentMessage(AgentMessage { text: Text::whole(message.as_str()), phase: None }));
                bodies.push(Body::TurnEnd(TurnEnd { how: TurnEnded::Done, why: String::new() }));
            }
            Input::Checked(findings) => bodies.extend(findings.iter().map(check)),
        }
        bodies.extend(step.decisions.iter().cloned().map(Body::Interviewer));
        if let Move::EndStage { stage } = &step.next {
            bodies.push(Body::Stage(StageMark { id: stage.clone(), state: StageState::Ended, why: String::new() }));
        }
    }
    let event = |(at, body): (usize, Body)| Event {
        id: EventId(u32::try_from(at).unwrap()),
        turn: 0,
        stage: String::new(),
        lane: String::new(),
        at: None,
        time: None,
        from: None,
        superseded: false,
        body,
    };
    let header = Header {
        trace: 1,
        task: None,
        agent: "a".into(),
        version: None,
        model: None,
        source: "test".into(),
        session: None,
        clock: Clock::None,
        tells: Tells::default(),
        cwd: None,
        started: None,
        language: "en".into(),
    };
    Trace { header, events: bodies.into_iter().enumerate().map(event).collect() }
}

fn check(finding: &Finding) -> Body {
    let (status, why) = match &finding.holds {
        Ok(true) => (CheckStatus::Passed, String::new()),
        Ok(false) => (CheckStatus::Failed, String::new()),
        Err(why) => (CheckStatus::Broken, why.clone()),
    };
    Body::Check(CheckMark {
        name: finding.check.clone(),
        when: "stage".into(),
        status,
        score: None,
        exit: None,
        why,
        tests: BTreeMap::new(),
        output: Text::default(),
        duration_ms: None,
    })
}
