#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::model::trace::StepStatus;
use proptest::prelude::*;

fn example() -> Script {
    let doc = include_str!("../../docs/scripts.md");
    let yaml = doc.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    Script::from_yaml(yaml, "careful.yaml").unwrap_or_else(|mistakes| panic!("{}", mistakes.join("\n")))
}

fn played(script: &Script, messages: &[&str]) -> String {
    transcript(Player::new(script.clone()), messages)
}

fn transcript(mut player: Player, messages: &[&str]) -> String {
    let mut out = String::new();
    for message in messages {
        out.push_str(&format!("> {message}\n"));
        player.user(message);
        while let Some(response) = player.next() {
            let calls: Vec<String> =
                response.calls.iter().map(|call| format!("{} {}", call.op.word(), call.op.to_json())).collect();
            out.push_str(&format!("  {:?} {:?} {}\n", response.think, response.text, calls.join(" + ")));
        }
    }
    out
}

const MESSAGES: &[&str] =
    &["Please add rate limiting.", "100 a minute.", "It has to be per tenant.", "Please carry on."];

#[test]
fn the_documented_example_plays() {
    insta::assert_snapshot!(played(&example(), MESSAGES));
}

#[test]
fn an_ablated_candidate_lacks_that_behaviour_alone() {
    assert_eq!(Vec::from_iter(tags(&example())), ["asks_first", "runs_tests"]);
    insta::assert_snapshot!("without_asks_first", played(&ablate(&example(), "asks_first"), MESSAGES));
    insta::assert_snapshot!("without_runs_tests", played(&ablate(&example(), "runs_tests"), MESSAGES));
    assert_eq!(ablate(&example(), "no_such_behaviour"), example());
}

#[test]
fn without_an_ask_tool_the_rest_of_the_turn_answers_the_next_message() {
    let yaml = "{version: 1, candidate: asker, parts: [{turns: [
        {steps: [{say: Hello.}, {ask: {question: Which?, options: [a, b]}}, {shell: make}, {say: Built.}]},
        {steps: [{say: Second turn.}]}]}]}";
    let script = Script::from_yaml(yaml, "asker.yaml").unwrap();
    insta::assert_snapshot!("with_ask_tool", played(&script, &["Build it.", "b", "More?"]));
    insta::assert_snapshot!(
        "without_ask_tool",
        transcript(Player::new(script).without_ask_tool(), &["Build it.", "b", "More?"])
    );
}

#[test]
fn an_interview_that_no_part_knows_is_answered_all_the_same() {
    let yaml =
        "{version: 1, candidate: mute, otherwise: No idea., parts: [{on: ^never$, turns: [{steps: [{say: x}]}]}]}";
    insta::assert_snapshot!(played(&Script::from_yaml(yaml, "mute.yaml").unwrap(), &["Hi.", "never"]));
}

#[test]
fn every_mistake_is_found_at_once_with_its_place() {
    let yaml = r#"
version: 2
candidate: Not An Id
abuot: typo
otherwise: 1.10
parts:
  - turns: []
  - on: "("
    turns:
      - stpes: []
      - steps:
          - syy: hello
          - {say: a, think: b}
          - {}
          - say: 0x10
          - say: true
          - say:
          - read: {path: /etc/passwd}
          - read: {path: ../x, lines: [3, 1]}
          - search: "["
          - edit: {path: a, old: "", new: b}
          - edit: {path: a, old: same, new: same}
          - edit: {path: a, old: [1], new: b, all: true}
          - write: {text: x}
          - plan: [{text: a, status: done}, {status: pending}]
          - ask: {questoin: x}
          - together: [{say: x}, {ask: y}, {shell: z, tag: t, instead: {say: z}}]
          - {say: x, instead: {say: y}}
          - {say: x, tag: [a, B], instead: {say: y, tag: c}}
          - just words
"#;
    insta::assert_snapshot!(Script::from_yaml(yaml, "bad.yaml").unwrap_err().join("\n"));
}

#[test]
fn what_is_no_script_at_all_is_one_mistake() {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let twice = "version: 1\nversion: 1\n";
    let huge = "#".repeat(2 << 20);
    let all = ["", "- a", "a: [", &deep, bomb, twice, &huge]
        .map(|yaml| Script::from_yaml(yaml, "bad.yaml").unwrap_err().join("\n"));
    insta::assert_snapshot!(all.join("\n---\n"));
}

#[test]
fn the_hash_looks_at_what_is_done_and_not_at_layout() {
    let one = "version: 1\ncandidate: a\nparts:\n  - turns:\n      - steps: [{read: x}]\n";
    let other = "{candidate: a, version: 1, parts: [{turns: [{steps: [{read: {path: x}}]}]}]} # the same\n";
    let hash = |yaml: &str| Script::from_yaml(yaml, "x").unwrap().hash();
    assert_eq!(hash(one), hash(other));
    assert_ne!(hash(one), hash(&one.replace("read: x", "read: y")));
}

fn words() -> impl Strategy<Value = String> {
    "[ -~\u{e9}\n\t]{0,20}[a-z]"
}

fn op() -> impl Strategy<Value = Op> {
    let status = prop_oneof![Just(StepStatus::Pending), Just(StepStatus::InProgress), Just(StepStatus::Completed)];
    let path = "[a-z]{1,5}(/[a-z]{1,5}){0,2}";
    prop_oneof![
        proptest::collection::vec((words(), status).prop_map(|(text, status)| PlanStep { text, status }), 1..3)
            .prop_map(Op::Plan),
        (path, proptest::option::of((1_u32..9, 9_u32..20))).prop_map(|(path, lines)| Op::Read { path, lines }),
        (words(), path).prop_map(|(pattern, path)| Op::Search { pattern: regex::escape(&pattern), path }),
        (path, words(), words()).prop_map(|(path, old, new)| Op::Edit { path, new: format!("{old}{new}"), old }),
        (path, words()).prop_map(|(path, text)| Op::Write { path, text }),
        words().prop_map(Op::Shell),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let call = || op().prop_map(|op| Step { what: What::Do(op), tag: Tag::default() });
    prop_oneof![
        words().prop_map(What::Say),
        words().prop_map(What::Think),
        op().prop_map(What::Do),
        (words(), proptest::collection::vec(words(), 0..3))
            .prop_map(|(question, options)| What::Do(Op::Ask { question, options })),
        proptest::collection::vec(call(), 1..4).prop_map(What::Together),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let tag = (proptest::collection::vec("[a-c]", 1..3), proptest::collection::vec(what(), 0..3)).prop_map(
        |(names, instead)| Tag {
            names,
            instead: instead.into_iter().map(|what| Step { what, tag: Tag::default() }).collect(),
        },
    );
    (what(), prop_oneof![3 => Just(Tag::default()), 1 => tag]).prop_map(|(what, tag)| Step { what, tag })
}

fn script() -> impl Strategy<Value = Script> {
    let on = || proptest::option::of("[a-c]{1,2}".prop_map(|source| Pattern::new(&source).unwrap()));
    let turn = move || {
        (on(), proptest::collection::vec(step(), 1..5)).prop_map(|(on, steps)| Turn { on, steps, tag: Tag::default() })
    };
    proptest::collection::vec((on(), proptest::collection::vec(turn(), 1..4)), 1..3).prop_map(|parts| {
        let last = parts.len() - 1;
        let part = |(at, (on, turns)): (usize, (Option<Pattern>, _))| Part {
            on: if at < last { on.or(Pattern::new("x").ok()) } else { on },
            turns,
        };
        Script {
            candidate: "made-up".to_owned(),
            about: None,
            otherwise: OTHERWISE.to_owned(),
            faults: Vec::new(),
            parts: parts.into_iter().enumerate().map(part).collect(),
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(script in script()) {
        let text = script.to_json().to_string();
        prop_assert_eq!(Script::from_yaml(&text, "made-up.yaml"), Ok(script));
    }

    #[test]
    fn an_ablated_script_is_a_script(script in script(), tag in "[a-c]") {
        let without = ablate(&script, &tag);
        prop_assert!(!tags(&without).contains(&tag));
        if without.parts.iter().all(|part| !part.turns.is_empty()) {
            prop_assert!(Script::from_yaml(&without.to_json().to_string(), "x").is_ok());
        }
    }

    /// The scripted model rebuilds its state from the conversation alone.
    #[test]
    fn every_turn_ends_and_a_rebuilt_player_says_the_same(script in script(), messages in proptest::collection::vec("[a-d]{1,3}", 1..6)) {
        let texts: Vec<&str> = messages.iter().map(String::as_str).collect();
        for player in [Player::new(script.clone()), Player::new(script).without_ask_tool()] {
            let whole = transcript(player.clone(), &texts);
            let (last, before) = texts.split_last().unwrap();
            let mut rebuilt = player;
            for message in before {
                rebuilt.user(message);
                while rebuilt.next().is_some() {}
            }
            prop_assert!(whole.ends_with(&transcript(rebuilt, &[last])));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(text in "\\PC{0,200}") {
        let _ = Script::from_yaml(&text, "x");
    }

    #[test]
    fn a_damaged_script_is_read_without_a_panic(at in 0_usize..1200, with in "[\\-:\\[\\]{}&*!|>'\"%@` \n]{0,3}") {
        let text = example().to_json().to_string();
        let at = at.min(text.len());
        let _ = Script::from_yaml(&format!("{}{with}{}", &text[..at], &text[at..]), "x");
    }
}
