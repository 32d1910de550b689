//! Hostile text in every field of a report: results, traces, diffs, facts.

use super::specimen::Specimen;
use evalrun::model::{
    results::Results,
    trace::{Event, change_strings},
};
use evalrun::reporters::{
    named,
    terminal::{Colour, terminal},
};
use proptest::prelude::*;
use quick_xml::{Reader, events::Event as XmlEvent};

/// What has broken out of reports before.
pub const HOSTILE: &[&str] = &[
    "<script>document.title='owned'</script>",
    "\"><img src=x onerror=\"document.title='owned'\">",
    "'><svg onload=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "</style><style>body{display:none}</style>",
    "--><iframe src=https://example.org></iframe>",
    "javascript:document.title='owned'",
    "{{ 7 * 7 }}{% raw %}",
    "a\0b\u{1b}[31mred\u{7}\u{8}",
    "x\u{202e}gnp.exe\u{2066}",
    "line\r\nline\n| cell | `code` @someone #1 https://example.org www.example.org",
    "&lt;script&gt;&amp;#60;script",
    "]]><failure/>",
    "\u{fffe}\u{ffff}\u{feff}",
    "```\n~~~\n<details>",
];

/// Words that decide how a report reads a value stay what they are, and so do names that must agree with each other.
const KEPT: &[&str] =
    &["scored", "unknown", "not_applicable", "not_asked", "broken", "passed", "failed", "timeout", "kept", "violated"];

#[test]
fn hostile_text_in_every_field_stays_text() {
    for (at, text) in HOSTILE.iter().enumerate() {
        hold(&spoiled(|_| (*text).to_owned()), &format!("hostile text {at}"));
        hold(&spoiled(|was| format!("{was}{text}")), &format!("hostile text {at} behind the field's own"));
        let of_three = spoiled_of(Specimen::of_three(), |was| format!("{was}{text}"));
        hold(&of_three, &format!("hostile text {at} in a comparison"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_text_in_every_field_stays_text(parts in proptest::collection::vec((0..HOSTILE.len(), ".{0,12}"), 1..4)) {
        let text: String = parts.iter().map(|(at, rest)| format!("{}{rest}", HOSTILE[*at])).collect();
        hold(&spoiled(|_| text.clone()), "generated");
    }
}

/// The specimen with every string changed.
pub fn spoiled(change: impl Fn(&str) -> String) -> Specimen {
    spoiled_of(Specimen::load(), change)
}

pub fn spoiled_of(mut specimen: Specimen, change: impl Fn(&str) -> String) -> Specimen {
    let change = |was: &str| if KEPT.contains(&was) { None } else { Some(change(was)) };
    specimen.results.trials.iter_mut().for_each(|trial| trial.model = Some("m".to_owned()));
    let mut value = serde_json::to_value(&specimen.results).unwrap();
    for list in ["agents", "trials", "not_run", "gates"] {
        for item in value[list].as_array_mut().unwrap() {
            spoil(item, &change);
        }
    }
    for field in ["run", "suite", "started", "finished"] {
        spoil(&mut value[field], &change);
    }
    specimen.results = serde_json::from_value::<Results>(value).unwrap();
    for (trace, diffs) in &mut specimen.pages {
        for event in &mut trace.events {
            *event = spoiled_event(event, &change);
        }
        for text in [&mut trace.header.agent, &mut trace.header.source] {
            *text = change(text).unwrap_or_default();
        }
        trace.header.version = change("1");
        trace.header.model = change("m");
        trace.header.session = change("s");
        for (stage, patch) in diffs {
            *stage = change(stage).unwrap_or_default();
            *patch = patch
                .lines()
                .map(|line| format!("{}{}\n", &line[..line.len().min(1)], change(line).unwrap_or_default()))
                .collect();
        }
    }
    let facts = &mut specimen.facts;
    for text in [&mut facts.evalrun, &mut facts.sandbox, &mut facts.again] {
        *text = change(text).unwrap_or_default();
    }
    facts.stand_ins = facts.stand_ins.iter().filter_map(|text| change(text)).collect();
    facts.notes = facts.notes.iter().filter_map(|text| change(text)).collect();
    specimen
}

/// Every string of an event but the words of our own format, which must still be read as what they are.
fn spoiled_event(event: &Event, change: &dyn Fn(&str) -> Option<String>) -> Event {
    let mut line: serde_json::Value = serde_json::from_str(&event.to_line().unwrap()).unwrap();
    let kind = event.body.kind();
    spoil_body(&mut line["body"], kind, change);
    for field in ["stage", "by"] {
        if line.get(field).is_some() {
            spoil(&mut line[field], change);
        }
    }
    let spoiled = Event::from_line(&line.to_string()).unwrap();
    assert_eq!(spoiled.body.kind(), kind, "{line}");
    spoiled
}

fn spoil_body(body: &mut serde_json::Value, kind: &str, change: &dyn Fn(&str) -> Option<String>) {
    const OURS: &[&str] = &["status", "state", "change", "decision", "phase", "scope", "how"];
    let serde_json::Value::Object(map) = body else { return change_strings(body, change) };
    for (key, value) in map.iter_mut() {
        match (key.as_str(), kind) {
            (key, _) if OURS.contains(&key) => {}
            ("by", "interviewer") | ("kind", "end") => {}
            ("tests", _) => *value = renamed(std::mem::take(value), change),
            ("input", "tool_call") => change_strings(value, change),
            (_, _) => match value {
                serde_json::Value::Array(items) => items.iter_mut().for_each(|item| spoil_body(item, kind, change)),
                serde_json::Value::Object(_) => spoil_body(value, kind, change),
                other => change_strings(other, change),
            },
        }
    }
}

/// Changes the values, and the keys of maps that hold foreign names; the fields of our own format keep theirs.
fn spoil(value: &mut serde_json::Value, change: &dyn Fn(&str) -> Option<String>) {
    const FOREIGN: &[&str] = &["dimensions", "metrics", "checks", "constraints"];
    const WORDS: &[&str] = &["state", "kind", "outcome", "verdict", "scope"];
    match value {
        serde_json::Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                if FOREIGN.contains(&key.as_str()) {
                    let old = std::mem::take(inner);
                    *inner = renamed(old, change);
                } else if !WORDS.contains(&key.as_str()) {
                    spoil(inner, change);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, change)),
        other => change_strings(other, change),
    }
}

fn renamed(value: serde_json::Value, change: &dyn Fn(&str) -> Option<String>) -> serde_json::Value {
    let serde_json::Value::Object(map) = value else { return value };
    let entry = |(key, mut inner): (String, serde_json::Value)| {
        if inner.is_string() || inner.as_object().is_some_and(|map| map.contains_key("undefined")) {
            change_strings(&mut inner, &|was| change(was).filter(|_| was != "undefined"));
        }
        (change(&key).unwrap_or(key), inner)
    };
    serde_json::Value::Object(map.into_iter().map(entry).collect())
}

fn hold(specimen: &Specimen, what: &str) {
    let report = specimen.report();
    for file in named("html").unwrap().files(&report).unwrap() {
        let text = String::from_utf8(file.bytes).unwrap();
        assert_eq!(breaks_out(&text), None, "{what}: {}", file.path);
    }
    let text = terminal(&report, 100, Colour::No);
    assert!(!text.chars().any(|sign| sign.is_control() && sign != '\n'), "{what}: a control in the terminal");
    assert!(!text.contains('\u{202e}'), "{what}: moved text in the terminal");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{what}: a line that is too long\n{text}");
    let summary = String::from_utf8(named("md").unwrap().files(&report).unwrap()[0].bytes.clone()).unwrap();
    assert_eq!(marked_up(&summary), None, "{what}");
    let junit = named("junit").unwrap().files(&report).unwrap();
    well_formed(&junit[0].bytes, what);
    let json = named("json").unwrap().files(&report).unwrap();
    assert_eq!(serde_json::from_slice::<Results>(&json[0].bytes).unwrap(), specimen.results, "{what}");
}

#[test]
fn the_reader_of_pages_sees_what_breaks_out() {
    let page = |inside: &str| format!("<html><style>a</style>{inside}</html>");
    assert_eq!(breaks_out(&page("<p class=\"a>b\" id=\"x\">1 &lt; 2</p><input checked>")), None);
    for bad in [
        "<script>1</script><script>2</script>",
        "<img src=x>",
        "<p onclick=\"x\">",
        "<p class=x>",
        "<a href=\"javascript:1\">",
        "<p",
        "a\0b",
    ] {
        assert!(breaks_out(&page(bad)).is_some(), "{bad}");
    }
    for bad in ["- <b>", "1. item", "- https://example.org", "| a |\n| a | b |", "- `code`"] {
        assert!(marked_up(bad).is_some(), "{bad}");
    }
}

/// The tags and attributes of our templates; anything else came from data.
const TAGS: &[&str] = &[
    "html", "head", "meta", "title", "style", "script", "body", "header", "nav", "main", "section", "aside", "article",
    "div", "p", "span", "h1", "h2", "h3", "h4", "a", "ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr",
    "th", "td", "details", "summary", "svg", "rect", "line", "circle", "polyline", "text", "pre", "code", "q",
    "strong", "b", "i", "mark", "time", "fieldset", "legend", "label", "input", "button", "noscript",
];
const ATTRIBUTES: &[&str] = &[
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "href",
    "scope",
    "aria-label",
    "aria-hidden",
    "role",
    "viewBox",
    "preserveAspectRatio",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "cx",
    "cy",
    "r",
    "points",
    "width",
    "height",
    "type",
    "checked",
    "value",
    "open",
    "data-k",
    "data-a",
    "data-c",
    "data-filter",
];

/// Reads a page as a browser's tokenizer would, and says what is not ours.
fn breaks_out(page: &str) -> Option<String> {
    let mut rest = page;
    let (mut scripts, mut styles) = (0, 0);
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with("!doctype html>") {
            continue;
        }
        let Some(end) = end_of_tag(rest) else { return Some("a tag without an end".to_owned()) };
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let name = tag.trim_start_matches('/').split([' ', '/', '>']).next().unwrap();
        if !TAGS.contains(&name) {
            return Some(format!("<{tag}>"));
        }
        if let Some(wrong) = attributes(tag) {
            return Some(wrong);
        }
        if tag == "script" || tag == "style" {
            scripts += usize::from(tag == "script");
            styles += usize::from(tag == "style");
            let Some(close) = rest.find(&format!("</{tag}>")) else { return Some(format!("<{tag}> without an end")) };
            rest = &rest[close..];
        }
    }
    (scripts > 1 || styles != 1)
        .then(|| format!("{scripts} scripts, {styles} styles"))
        .or_else(|| {
            page.chars().find(|sign| sign.is_control() && !matches!(sign, '\n' | '\t')).map(|sign| format!("{sign:?}"))
        })
        .or_else(|| page.contains('\u{202e}').then(|| "moved text".to_owned()))
}

/// Quoted values may hold `>`.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quoted = false;
    rest.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    })
}

fn attributes(tag: &str) -> Option<String> {
    let mut rest = tag.split_once(' ')?.1;
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ', '/']).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        if name.is_empty() {
            rest = &rest[1..];
            continue;
        }
        if !ATTRIBUTES.contains(&name) {
            return Some(format!("attribute {name} in <{tag}>"));
        }
        if let Some(value) = rest.strip_prefix("=\"") {
            let Some(close) = value.find('"') else { return Some(format!("an open quote in <{tag}>")) };
            if name == "href" && !value[..close].starts_with(['#', '.']) && !value.starts_with("report/trials/") {
                return Some(format!("href {}", &value[..close]));
            }
            rest = &value[close + 1..];
        } else if rest.starts_with('=') {
            return Some(format!("unquoted attribute in <{tag}>"));
        }
    }
    None
}

/// What of a summary would be markup that is not ours.
fn marked_up(summary: &str) -> Option<String> {
    if let Some(tag) = summary.find('<') {
        return Some(summary[tag..].chars().take(40).collect());
    }
    for line in summary.lines() {
        let ours = ["> [!", "> **", "| ", "- ", "### ", "Run "];
        if !line.is_empty() && !ours.iter().any(|start| line.starts_with(start)) {
            return Some(format!("a line of its own: {line}"));
        }
        for bad in ["://", "www.", "@s", "`"] {
            let inert = line.replace("\\`", "");
            if inert.contains(bad) {
                return Some(format!("{bad} in {line}"));
            }
        }
    }
    let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = summary.lines().collect();
    let of_one_table = |pair: &&[&str]| pair.iter().all(|line| line.starts_with('|'));
    let torn = lines.windows(2).filter(of_one_table).find(|pair| cells(pair[0]) != cells(pair[1]));
    torn.map(|pair| format!("cells of {pair:?}"))
}

fn well_formed(xml: &[u8], what: &str) {
    let mut reader = Reader::from_reader(xml);
    loop {
        match reader.read_event() {
            Ok(XmlEvent::Eof) => return,
            Ok(XmlEvent::Start(tag) | XmlEvent::Empty(tag)) => {
                let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                let ours =
                    ["testsuites", "testsuite", "testcase", "failure", "error", "skipped", "properties", "property"];
                assert!(ours.contains(&name.as_str()), "{what}: <{name}>");
            }
            Ok(_) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}
