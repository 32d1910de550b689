//! Who calls what was changed: did the agent search for it?

use super::{
    facts::{Facts, share},
    paths,
    texts::{EditText, Hunk, unnumbered},
};
use crate::code::{self, Item, ItemKind, Language};
use crate::model::{
    act::Act,
    id::EventId,
    score::{Measured, Reading},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NO_SYMBOL: &str = "no public symbol that was there before was changed";

pub fn measure(facts: &Facts<'_>) -> Measured {
    let own = facts.made();
    let counts = |path: &str| paths::class(path) == paths::Class::Code && !paths::is_test(path) && !own.contains(path);
    let mut changed: BTreeMap<String, EventId> = BTreeMap::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut untold = 0;
    for text in facts.texts.iter().filter(|text| counts(&text.path)) {
        told.insert(&text.path);
        match symbols(text) {
            Some(names) => names.into_iter().for_each(|name| {
                changed.entry(name).or_insert(text.event);
            }),
            None => untold += 1,
        }
    }
    let mut edited = facts.code_edits().filter(|edit| !edit.moved && counts(&edit.path)).peekable();
    if edited.peek().is_none() && told.is_empty() {
        return Measured::Undefined("no code that was there before was edited".to_owned());
    }
    untold += edited.filter(|edit| !told.contains(edit.path.as_str())).count();
    if changed.is_empty() && untold > 0 {
        return Measured::Unknown(format!("{untold} edits do not show which symbol they changed"));
    }
    rate(facts, &changed, untold)
}

fn rate(facts: &Facts<'_>, changed: &BTreeMap<String, EventId>, untold: usize) -> Measured {
    let mut searched: BTreeMap<&str, EventId> = BTreeMap::new();
    for act in facts.acts.iter().filter(|act| act.deed.act == Act::Search && facts.call_of(act).ran()) {
        for pattern in patterns(act, facts.call_of(act).input) {
            for word in asked_for(pattern) {
                if let Some((name, _)) = changed.get_key_value(word) {
                    searched.entry(name).or_insert(act.at.0);
                }
            }
        }
    }
    let missed: Vec<&String> = changed.keys().filter(|name| !searched.contains_key(name.as_str())).collect();
    let cites: BTreeSet<EventId> = if missed.is_empty() {
        searched.values().copied().collect()
    } else {
        missed.iter().filter_map(|name| changed.get(*name)).copied().collect()
    };
    let detail = json!({ "not_searched": missed, "edits_not_told": untold });
    match share(changed.len() - missed.len(), changed.len(), NO_SYMBOL, cites.into_iter().collect()) {
        Measured::Value(reading) => Measured::Value(Reading { detail, ..reading }),
        other @ (Measured::Undefined(_) | Measured::Unknown(_)) => other,
    }
}

/// What a search looked for; of a native tool every text of its input but paths.
fn patterns<'f>(act: &'f super::facts::ActDone, input: &'f Value) -> Vec<&'f str> {
    if !act.deed.command.is_empty() {
        return act.deed.pattern.as_deref().into_iter().collect();
    }
    let fields = input.as_object().into_iter().flatten();
    let asks = fields.filter(|(key, _)| !key.to_lowercase().contains("path") && !key.contains("dir"));
    asks.filter_map(|(_, value)| value.as_str())
        .filter(|text| text.len() < 2000)
        .chain(act.deed.pattern.as_deref())
        .collect()
}

/// Words of a pattern, escapes left out; a word after `def`, `fn` and their like asks for the definition alone.
fn asked_for(pattern: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut defines = false;
    let mut start: Option<usize> = None;
    let mut escaped = false;
    for (at, letter) in pattern.char_indices().chain([(pattern.len(), ' ')]) {
        let joins = (letter.is_alphanumeric() || letter == '_' || letter == '$') && !escaped;
        escaped = letter == '\\' && !escaped;
        match (joins, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let word = &pattern[from..at];
                if !defines {
                    words.push(word);
                }
                defines = DEFINES.contains(&word);
                start = None;
            }
            (false, None) if letter == '|' => defines = false,
            (true, Some(_)) | (false, None) => {}
        }
    }
    words
}

const DEFINES: &[&str] =
    &["def", "fn", "func", "function", "class", "struct", "interface", "enum", "trait", "type", "const"];
/// Called by the language or the platform, never by name.
const UNCALLED: &[&str] = &["main", "constructor", "new", "init"];

/// Public symbols that an edit changed; `None` where it cannot be told.
fn symbols(text: &EditText<'_>) -> Option<BTreeSet<String>> {
    let language = Language::of(&text.path)?;
    let mut names = BTreeSet::new();
    let mut told = false;
    for hunk in text.hunks.iter().filter(|hunk| hunk.before != hunk.after) {
        if let Some(found) = of_hunk(language, hunk).or_else(|| around(language, hunk, text.read)) {
            told = true;
            names.extend(found);
        }
    }
    let named = |name: &String| !UNCALLED.contains(&name.as_str()) && !name.starts_with("__") && name.len() > 1;
    (told || text.hunks.iter().all(|hunk| hunk.before == hunk.after)).then(|| names.into_iter().filter(named).collect())
}

/// Items of the piece itself that changed; `None` where it holds none that did.
fn of_hunk(language: Language, hunk: &Hunk<'_>) -> Option<Vec<String>> {
    let (before, after) = (code::items(language, &hunk.before), code::items(language, &hunk.after));
    let key =
        |items: &[Item], item: &Item| (item.kind, item.name.clone(), item.scope.map(|scope| items[scope].name.clone()));
    let is: BTreeMap<_, &Item> = after.iter().map(|item| (key(&after, item), item)).collect();
    let was: BTreeSet<_> = before.iter().map(|item| key(&before, item)).collect();
    let mut seen = is.keys().any(|key| !was.contains(key));
    let mut names = Vec::new();
    for item in &before {
        let holds = matches!(item.kind, ItemKind::Class | ItemKind::Module | ItemKind::Suite);
        let now = is.get(&key(&before, item));
        let same = now.is_some_and(|now| now.head_key == item.head_key && (holds || now.body_key == item.body_key));
        if !same {
            seen = true;
            if item.public {
                names.push(item.name.clone());
            }
        }
    }
    seen.then_some(names)
}

/// The item around a piece: as the diff names it, or as a read of the file shows it.
fn around(language: Language, hunk: &Hunk<'_>, read: Option<&str>) -> Option<Vec<String>> {
    let public = |item: &Item| if item.public { vec![item.name.clone()] } else { Vec::new() };
    let named = code::items(language, hunk.around);
    if let Some(item) = named.last() {
        return Some(public(item));
    }
    let text = unnumbered(read?);
    let at = text.find(hunk.before.trim()).filter(|_| !hunk.before.trim().is_empty())?;
    let items = code::items(language, &text);
    let inside = items.iter().filter(|item| item.body.contains(&at) || item.head.contains(&at));
    let mut callable = inside.filter(|item| item.kind != ItemKind::Module);
    Some(callable.next_back().map(public).unwrap_or_default())
}
