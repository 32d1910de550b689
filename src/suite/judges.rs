//! The `judges:` block of a suite.

use super::{
    build::{Builder, Want},
    files,
    finding::Code,
    names::JudgeDoc,
    near,
    node::{Entry, Kind, Node, Span, brief},
    units::{DURATION, MONEY, SOME},
};
use crate::model::judge_spec::{JudgeSpec, Price, VoteSpec};

/// The judges of a suite, in file order.
pub fn judges(node: Option<&Node>, build: &mut Builder<'_>) -> Vec<JudgeSpec> {
    let entries = node.map_or(&[][..], Node::entries);
    entries.iter().map(|Entry { key, value }| judge(&key.text, value, build)).collect()
}

fn judge(name: &str, node: &Node, build: &mut Builder<'_>) -> JudgeSpec {
    let mut votes: Vec<VoteSpec> = Vec::new();
    for item in node.get("votes").map_or(&[][..], Node::items) {
        let Some(vote) = vote(item, build) else { continue };
        if votes.contains(&vote) {
            let what = format!("`{}` votes twice, and alike", brief(&vote.by()));
            build.notes.warning(Code::NoEffect.at(place(item)), what, "give each a `seed` of its own");
        }
        votes.push(vote);
    }
    JudgeSpec {
        name: name.to_owned(),
        votes,
        tie_breaker: node.get("tie_breaker").and_then(|node| vote(node, build)),
        labels: node.get("labels").map(|node| {
            let text = build.line(Some(node));
            files::absolute(&build.relative(node.span, &text))
        }),
    }
}

/// A vote as a line, from outside a suite: `openai:MODEL`, `anthropic:MODEL`, `recorded`, `human`.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn vote_of_line(line: &str, known: &[JudgeDoc<'_>]) -> Result<VoteSpec, (String, String)> {
    let (provider, model) = match line.split_once(':') {
        Some((provider, model)) => (provider, Some(model.trim())),
        None => (line, None),
    };
    let Some(doc) = known.iter().find(|doc| doc.name == provider) else {
        let names = known.iter().map(|doc| doc.name);
        let what = format!("nobody who judges is called `{}`", brief(provider));
        return Err((what, near::hint(provider, names, "there are")));
    };
    match (doc.model, model) {
        (true, None | Some("")) => {
            Err((format!("`{provider}` needs a model"), format!("write `{provider}:` and the model's name")))
        }
        (false, Some(_)) => Err((format!("`{provider}` has no models"), format!("write `{provider}`"))),
        (_, model) => {
            Ok(VoteSpec { provider: provider.to_owned(), model: model.map(str::to_owned), ..VoteSpec::default() })
        }
    }
}

fn vote(node: &Node, build: &mut Builder<'_>) -> Option<VoteSpec> {
    match node.kind {
        Kind::Map(_) => served(node, build),
        Kind::List(_) | Kind::Scalar(_) => named(node, build).filter(|vote| complete(vote, node, build)),
    }
}

/// Who it is, by a line.
fn named(node: &Node, build: &mut Builder<'_>) -> Option<VoteSpec> {
    let line = build.line(Some(node));
    if line.is_empty() {
        return None;
    }
    match vote_of_line(&line, build.names.judges) {
        Ok(vote) => Some(vote),
        Err((what, hint)) => {
            build.notes.error(Code::UnknownName.at(node.span), what, hint);
            None
        }
    }
}

fn served(node: &Node, build: &mut Builder<'_>) -> Option<VoteSpec> {
    let base = match (node.get("command"), node.get("model")) {
        (Some(_), model) => VoteSpec {
            provider: "command".to_owned(),
            model: build.maybe_line(model).filter(|name| name != "command"),
            ..VoteSpec::default()
        },
        (None, Some(model)) => named(model, build)?,
        (None, None) => {
            let what = "a vote needs `model` or `command`";
            build.notes.error(
                Code::Misplaced.at(place(node)),
                what,
                "`model: \"openai:MODEL\"`, or `command: [python3, judge.py]`",
            );
            return None;
        }
    };
    fitting(&base, node, build);
    let vote = VoteSpec {
        base_url: build.maybe_line(node.get("base_url")),
        api: build.word(node.get("api")),
        key_env: node.get("key_env").map(|node| variable(node, build)),
        command: build.argv(node.get("command")),
        input: build.word(node.get("input")).unwrap_or_default(),
        timeout_ms: build.quantity(node.get("timeout"), &DURATION),
        retries: build.whole(node.get("retries")),
        window: build.quantity(node.get("window"), &SOME),
        seed: build.whole(node.get("seed")).map(u64::from),
        settings: node.get("settings").map(Node::to_value).unwrap_or_default(),
        price: node.get("price").map(|node| price(node, build)),
        folder: build.path(node.get("folder"), Want::Folder),
        ..base
    };
    if let Some(url) = node.get("base_url").filter(|_| vote.base_url.as_deref().is_some_and(|url| !is_url(url))) {
        let what = "a `base_url` begins with `http://` or `https://`";
        build.notes.error(Code::Misplaced.at(url.span), what, "for example `http://127.0.0.1:8000/v1`");
    }
    complete(&vote, node, build).then_some(vote)
}

fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|start| text.strip_prefix(start).is_some_and(|rest| !rest.is_empty()))
}

/// A program that judges must be said; its word alone names none.
fn complete(vote: &VoteSpec, node: &Node, build: &mut Builder<'_>) -> bool {
    let missing = vote.provider == "command" && vote.command.is_empty() && node.get("command").is_none();
    if missing {
        let what = "a judge that is a program needs its `command`";
        build.notes.error(Code::Misplaced.at(place(node)), what, "for example `{command: [python3, judge.py]}`");
    }
    !missing
}

/// Fields that only some can use.
const ONLY: &[(&str, &[&str])] = &[
    ("base_url", &["openai", "anthropic"]),
    ("api", &["openai"]),
    ("key_env", &["openai", "anthropic", "command"]),
    ("price", &["openai", "anthropic"]),
    ("settings", &["openai", "anthropic", "command"]),
    ("input", &["command"]),
    ("seed", &["openai", "anthropic", "command"]),
    ("folder", &["recorded"]),
];

fn fitting(vote: &VoteSpec, node: &Node, build: &mut Builder<'_>) {
    for (field, who) in ONLY {
        if let Some(entry) = node.entry(field).filter(|_| !who.contains(&vote.provider.as_str())) {
            let what = format!("`{field}` means nothing to `{}`", vote.provider);
            build.notes.error(Code::Misplaced.at(entry.key.span), what, "take it out");
        }
    }
}

fn variable(node: &Node, build: &mut Builder<'_>) -> String {
    let name = build.line(Some(node));
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && (!name.chars().all(good) || name.starts_with(|c: char| c.is_ascii_digit())) {
        let what = "this is no name of an environment variable";
        build.notes.hide(node.span);
        build.notes.error(Code::Misplaced.at(node.span), what, "write the variable's name, never its value");
    }
    name
}

fn price(node: &Node, build: &Builder<'_>) -> Price {
    let of = |name: &str| build.quantity(node.get(name), &MONEY);
    Price { input: of("input").unwrap_or(0), cached: of("cached"), output: of("output").unwrap_or(0) }
}

/// The brace or the first key: a whole map underlined says nothing.
fn place(node: &Node) -> Span {
    match node.kind {
        Kind::Map(_) | Kind::List(_) => Span { end: node.span.start + 1, ..node.span },
        Kind::Scalar(_) => node.span,
    }
}
