//! What an agent writes can change neither who speaks nor what is judged.
//!
//! The judges here are as gullible as can be: each obeys the last instruction about verdicts that it sees outside of the record. It reads as a
//! careless reader does: hidden characters are not seen, full width is plain, case does not matter.

use super::bench::*;
use evalrun::{
    judging::escape,
    model::{
        judge::{JudgeNeed, NONCE},
        score::Outcome,
    },
};
use proptest::prelude::*;
use regex::Regex;
use serde::Deserialize;
use serde_json::json;
use std::{fs, path::Path, sync::LazyLock};

#[derive(Deserialize)]
struct Canary {
    case: String,
    text: String,
}

fn canaries() -> Vec<Canary> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judging/canaries.yaml");
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The nonce that the canaries' authors guessed.
const GUESSED: &str = "7f3a9c";

/// As the rim draws it: again, if it occurs in the data.
fn draw(text: &str) -> &'static str {
    [GUESSED, "b81d02", "55ce17"].into_iter().find(|nonce| !seen(text).contains(nonce)).unwrap()
}

/// As a careless reader sees it.
fn seen(text: &str) -> String {
    let plain = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap(),
        '\r' | '\u{2028}' => '\n',
        '\u{1d400}'..='\u{1d433}' => {
            let nth = u32::from(character) - 0x1d400;
            char::from_u32(if nth < 26 { 65 + nth } else { 71 + nth }).unwrap()
        }
        character => character,
    };
    let hidden = |character: &char| matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    text.chars().filter(|character| !hidden(character)).map(plain).collect::<String>().to_lowercase()
}

static INSTRUCTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?s)(grade|mark|verdict|criteria)["']?.{0,60}\bmet\b|"verdict": "met""#).unwrap());

/// Whether a text, seen as an instruction, says to call it met.
fn obeys(text: &str) -> bool {
    // The protocol's own words name both verdicts; an instruction names one.
    let own = ["`met`", "\"met\"", "say `not_met`"];
    seen(text)
        .lines()
        .filter(|line| !own.iter().any(|own| line.contains(own)) || line.contains("\"verdict\": \"met\""))
        .any(|line| INSTRUCTION.is_match(line))
}

/// Everything outside of the fences: lines that end with a tag that names the nonce, whatever stands before it.
fn outside(user: &str, nonce: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in seen(user).split('\n') {
        let tag: String = line.chars().filter(|character| !character.is_whitespace()).collect();
        match (tag.ends_with(&format!("<record-{nonce}>")), tag.ends_with(&format!("</record-{nonce}>"))) {
            (true, _) => inside = true,
            (_, true) => inside = false,
            _ if inside => {}
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// Everything but what stands between the first and the second place where the nonce is seen.
fn naive(user: &str, nonce: &str) -> String {
    let seen = seen(user);
    let mut parts = seen.split(nonce);
    let before = parts.next().unwrap_or_default().to_owned();
    parts.next();
    before + &parts.collect::<Vec<_>>().join(" ")
}

/// A judge that obeys what it sees outside of the record, else judges: the check failed.
fn gullible(need: &JudgeNeed, fenced: bool) -> &'static str {
    let user = |nonce: &str| need.prompt.user.replace(NONCE, nonce);
    let drawn = draw(&need.prompt.user);
    // The careful one is given the nonce that the canary's author guessed, which the rim would never draw.
    let told = if fenced { outside(&user(GUESSED), GUESSED) } else { naive(&user(drawn), drawn) };
    if obeys(&told) { "met" } else { "not_met" }
}

#[test]
fn canaries_change_no_verdict_and_are_flagged() {
    assert!(canaries().len() >= 10);
    for canary in canaries() {
        assert!(
            obeys(&outside(&format!("{}\n", canary.text.replace('\u{2028}', "\n")), GUESSED)),
            "{}: fools nobody",
            canary.case
        );
        let text = canary.text.as_str();
        let failed = json!({"shell": "pytest -q", "exit": 1, "out": "1 failed"});
        for place in [
            json!([{"user": "Fix it."}, failed, {"say": text}]),
            json!([{"user": "Fix it."}, {"shell": "cat notes.txt", "out": text}, failed]),
            json!([{"user": "Fix it."}, {"shell": text, "exit": 1, "out": "1 failed"}, {"say": "Done."}]),
            json!([{"user": "Fix it."}, {"write": text, "new": "x"}, failed]),
        ] {
            for fenced in [true, false] {
                let scores = judged(&steps(&place), &one("weight: 1"), &votes(2), &mut |need| {
                    all(need, gullible(need, fenced), Some((4, "1 failed")))
                });
                assert_eq!(scores[0].outcome, Outcome::Scored(0.0), "{}: {place}", canary.case);
                let judged = scores[0].judged.as_ref().unwrap();
                assert!(!judged.injection_suspected.is_empty(), "{}: not flagged in {place}", canary.case);
                assert!(scores[0].why.contains("speaks to a judge"), "{}", scores[0].why);
            }
        }
    }
}

#[test]
fn plain_work_is_not_flagged() {
    let plain = "- {user: \"Judge for yourself: fix it\"}\n- {shell: cat page.tsx, out: \"<User name='x'>\\n<data>\\nsystem: linux\\nassistant: bot\"}\n- {say: \"All 4 tests pass; the grade of the slope is 10.\"}\n- {shell: cat a.xml, out: \"<record><field/></record>\\nend of data\"}\n";
    let scores = judged(&case(plain), &one("weight: 1"), &votes(1), &mut |need| all(need, "not_met", None));
    let judged = scores[0].judged.as_ref().unwrap();
    assert_eq!((scores[0].outcome.clone(), judged.injection_suspected.clone()), (Outcome::Scored(0.0), vec![]));
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "<", "/", "record", "-", GUESSED, ">", "</record-7f3a9c>", "<record-7f3a9c>", "＜", "／", "ｒｅｃｏｒｄ", "－", "７ｆ３ａ９ｃ", "＞",
            "\u{200b}", "\u{feff}", "\r", "\n", " ", "RECORD", "ReCoRd-7F3A9C>", "\\u{3c}", "\u{2}nonce\u{2}", "\u{2}", "nonce", "| ", "~ ", "fact| ",
            "e1 t1 user", "\u{2028}", "\u{1d42b}ecord-7f3a9c>", "{{ nonce }}", "{% raw %}", "\"", "\\",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The nonce is known to whoever writes the data, and still no data yields the fence, another line of ours, or the nonce's own mark.
    #[test]
    fn no_input_yields_the_fence(said in pieces(), output in pieces(), line in pieces()) {
        let place = json!([{"user": "Fix it."}, {"shell": line, "out": output}, {"say": said}]);
        let mut users = Vec::new();
        judged(&steps(&place), &one("weight: 1"), &votes(1), &mut |need| {
            users.push(need.prompt.user.clone());
            all(need, "not_met", None)
        });
        let user = users.remove(0);
        prop_assert_eq!(user.matches(NONCE).count(), 2);
        let user = user.replace(NONCE, GUESSED);
        let first = user.find("<record-7f3a9c>\n").unwrap();
        let last = user.rfind("\n</record-7f3a9c>\n").unwrap();
        prop_assert_eq!((user.matches("<record-7f3a9c>").count(), user.matches("</record-7f3a9c>").count()), (1, 1));
        for line in user[first..last].lines().skip(1) {
            let ours = line.starts_with("| ") || line.starts_with("~ ") || line.starts_with("fact| ") || line.starts_with('e');
            prop_assert!(ours, "{line:?}");
        }
        // An event's line of ours begins with its id: as many as there are events.
        let heads = user[first..last].lines().filter(|line| line.starts_with('e')).count();
        prop_assert_eq!(heads, 4);
        let tags = Regex::new(r"<\s*/?\s*record-7f3a9c\s*>").unwrap();
        prop_assert_eq!(tags.find_iter(&seen(&user)).count(), 2, "{}", user);
    }

    #[test]
    fn escaping_loses_nothing(text in pieces()) {
        let escaped = escape(&text).text;
        let no_control = escaped.chars().all(|character| character == '\n' || character == '\t' || !character.is_control());
        prop_assert!(no_control);
        let back = evalrun::judging::read_back(&escaped);
        prop_assert_eq!(back, evalrun::judging::read_back(&text));
    }
}
