//! Communication: does the agent keep the person in the picture, and is what it says true?
//!
//! Looks at the messages between tool calls (preambles), the silences, the questions, and the messages that hand over. A *hand-over* is the
//! last message of a turn that no tool call follows. What it claims is held against the record.

use super::{
    Metric,
    claims::{self, Proof},
    facts::{Asked, Facts, count, share, untold, yes_no},
    lexicon::{Lexicon, pattern},
    paths,
    results::Verdict,
    self_checking::no_words,
};
use crate::model::{
    act::Act,
    id::EventId,
    score::{Measured, Reading},
};
use regex::Regex;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

pub const PREAMBLE_COVERAGE: Metric = Metric {
    id: "preamble_coverage",
    behaviour: "communication",
    unit: "share",
    range: "0..1",
    doc: "Tool batches with an agent message directly before them, in the same turn / tool batches. A batch is the calls of one model response where the source tells responses apart, else the calls between two messages. A batch of one call that only reads, searches, lists, plans, asks, or changes nothing at all is exempt. Cites the first calls of the batches without, else the messages.",
    undefined: "no batch needs a word before it",
    unknown: "never",
    fails: "A word before every batch can be empty filler, and an agent that works in a few large batches needs few words. Where the source does not group calls, a batch is only what stands between two messages.",
    of: |facts| {
        let (mut with, mut all, mut bare, mut spoken) = (0, 0, Vec::new(), Vec::new());
        for batch in facts.batches.iter().filter(|batch| !trivial(facts, batch)) {
            all += 1;
            match batch.preamble {
                Some(said) => {
                    with += 1;
                    spoken.push(facts.messages[said].event);
                }
                None => bare.extend(batch.calls.first().map(|call| facts.calls[*call].event)),
            }
        }
        share(with, all, "no batch needs a word before it", if bare.is_empty() { spoken } else { bare })
    },
};

/// A single read, search or listing needs no word before it.
pub fn trivial(facts: &Facts<'_>, batch: &super::facts::Batch) -> bool {
    let [call] = batch.calls.as_slice() else { return false };
    let acts = &facts.acts[facts.calls[*call].acts.clone()];
    acts.iter()
        .all(|act| matches!(act.deed.act, Act::Read | Act::List | Act::Search | Act::Plan | Act::Ask | Act::Meta))
}

pub const PREAMBLE_WORDS: Metric = Metric {
    id: "preamble_words",
    behaviour: "communication",
    unit: "words",
    range: ">= 1",
    doc: "Median number of words (parted by white space) of the messages that a tool call follows in their turn.",
    undefined: "no message is followed by a tool call in its turn",
    unknown: "never",
    fails: "Long is not good and short is not bad: the median says how much was said, not whether it helped. Text that the source streams in pieces may be counted as several short messages.",
    of: |facts| {
        let mut words: Vec<usize> = preambles(facts).map(|said| said.text.split_whitespace().count()).collect();
        if words.is_empty() {
            return Measured::Undefined("no message is followed by a tool call in its turn".to_owned());
        }
        words.sort_unstable();
        let middle = f64::midpoint(words[(words.len() - 1) / 2] as f64, words[words.len() / 2] as f64);
        Measured::cited(middle, preambles(facts).map(|said| said.event).collect())
    },
};

fn preambles<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = &'f super::facts::Said<'f>> {
    facts.messages.iter().filter(|said| !said.ends_turn)
}

pub const PREAMBLE_SHARE: Metric = Metric {
    id: "preamble_share",
    behaviour: "communication",
    unit: "share",
    range: ">= 0",
    doc: "Tokens of the messages that a tool call follows (four bytes a token, rounded up for each message) / output tokens of the session.",
    undefined: "no output token was spent",
    unknown: "the source does not tell usage, or told none",
    fails: "Four bytes a token is a guess that is off for code and for other scripts than Latin; reasoning counts as output where the provider counts it.",
    of: |facts| {
        if facts.usage.is_empty() {
            return untold("usage");
        }
        let output: u64 = facts.usage.iter().map(|usage| usage.output).sum();
        let said: usize = preambles(facts).map(|said| said.text.len().div_ceil(4)).sum();
        if output == 0 {
            Measured::Undefined("no output token was spent".to_owned())
        } else {
            Measured::cited(said as f64 / output as f64, preambles(facts).map(|said| said.event).collect())
                .with_detail(json!({ "part": said, "whole": output }))
        }
    },
};

pub const LONGEST_SILENCE_S: Metric = Metric {
    id: "longest_silence_s",
    behaviour: "communication",
    unit: "seconds",
    range: ">= 0",
    doc: "Longest time within a turn between two words of the agent (its messages, and the user's message that opens the turn), less the time the root agent's tools ran in between. Cites the message before.",
    undefined: "no turn has two such moments",
    unknown: "the source does not tell times",
    fails: "Includes waiting for the provider and its queue, so a slow model looks silent; two runs of the same thing differ.",
    of: longest_silence_s,
};

fn longest_silence_s(facts: &Facts<'_>) -> Measured {
    if !facts.tells().times {
        return untold("times");
    }
    let at = |event: EventId| facts.trace.event(event).and_then(|event| Some((event.at?, event.turn)));
    let mut words: Vec<EventId> =
        facts.messages.iter().map(|said| said.event).chain(facts.users.iter().map(|(event, _)| *event)).collect();
    words.sort_unstable();
    let mut calls = facts.calls.iter().filter(|call| call.root).peekable();
    let mut longest: Option<(u64, EventId)> = None;
    for pair in words.windows(2) {
        let mut ran = 0;
        while let Some(call) = calls.next_if(|call| call.event < pair[1]) {
            ran += if call.event > pair[0] { super::efficiency::running_ms(facts, call).unwrap_or(0) } else { 0 };
        }
        let (Some((from, turn)), Some((until, other))) = (at(pair[0]), at(pair[1])) else { continue };
        let quiet = until.saturating_sub(from).saturating_sub(ran);
        if turn == other && longest.is_none_or(|(most, _)| quiet > most) {
            longest = Some((quiet, pair[0]));
        }
    }
    match longest {
        Some((quiet, event)) => Measured::cited(quiet as f64 / 1000.0, vec![event]),
        None => Measured::Undefined("no turn has two messages with a time".to_owned()),
    }
}

pub const LONGEST_SILENCE_CALLS: Metric = Metric {
    id: "longest_silence_calls",
    behaviour: "communication",
    unit: "tool calls",
    range: ">= 0",
    doc: "Largest number of the root agent's tool calls between two of its messages within a turn, or from a turn's start or to its end without one. Cites the first call of that stretch.",
    undefined: "no tool was called",
    unknown: "never",
    fails: "A run of twenty cheap reads in one batch counts like twenty commands that each took a minute.",
    of: |facts| {
        let mut messages = facts.messages.iter().map(|said| said.event).peekable();
        let (mut longest, mut open, mut start, mut turn) = ((0, None), 0usize, None, None);
        for call in facts.calls.iter().filter(|call| call.root) {
            let mut spoke = turn != Some(call.turn);
            while messages.next_if(|event| *event < call.event).is_some() {
                spoke = true;
            }
            if spoke {
                (open, start, turn) = (0, Some(call.event), Some(call.turn));
            }
            open += 1;
            if open > longest.0 {
                longest = (open, start);
            }
        }
        match longest.1 {
            Some(first) => count(longest.0, vec![first]),
            None => Measured::Undefined("no tool was called".to_owned()),
        }
    },
};

pub const QUESTIONS_BEFORE_EDIT: Metric = Metric {
    id: "questions_before_edit",
    behaviour: "communication",
    unit: "questions",
    range: ">= 0",
    doc: "Distinct questions, go-aheads and offers (sentences of messages that end a turn, ask tools, question events) before the first edit; all of them where nothing was edited.",
    undefined: "never",
    unknown: NO_TABLE,
    fails: "A question in a language or form that the table does not know is missed; more is not better where the brief leaves nothing open.",
    of: |facts| questions(facts, |asked, first| first.is_none_or(|first| asked.event < first)),
};

pub const QUESTIONS_AFTER_EDIT: Metric = Metric {
    id: "questions_after_edit",
    behaviour: "communication",
    unit: "questions",
    range: ">= 0",
    doc: "Distinct questions, go-aheads and offers after the first edit, counted as in questions_before_edit.",
    undefined: "nothing was edited",
    unknown: NO_TABLE,
    fails: "A later stage may bring the need for a question that could not have been asked before; only reading tells a late question from a new one.",
    of: |facts| match facts.first_edit() {
        Some(_) => questions(facts, |asked, first| first.is_some_and(|first| asked.event > first)),
        None => Measured::Undefined("nothing was edited".to_owned()),
    },
};

const NO_TABLE: &str = "the language has no table of questions, and a message ends a turn";

fn questions(facts: &Facts<'_>, counts: fn(&Asked, Option<EventId>) -> bool) -> Measured {
    if let Some(why) = facts.unread_questions() {
        return Measured::Unknown(why);
    }
    let first = facts.first_edit().map(|edit| edit.at.0);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let asked = facts.questions.iter().filter(|asked| asked.answerable && asked.kind.asks() && counts(asked, first));
    let cites: Vec<EventId> = asked.filter(|asked| seen.insert(folded(&asked.text))).map(|asked| asked.event).collect();
    count(seen.len(), cites)
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

pub const FINAL_MESSAGE_WORDS: Metric = Metric {
    id: "final_message_words",
    behaviour: "communication",
    unit: "words",
    range: ">= 0",
    doc: "Words of the last message; 0 if the run ends without one after the last tool result.",
    undefined: "the agent neither spoke nor did anything",
    unknown: "never",
    fails: "Counts words, not what they say; a table or a code block counts like prose.",
    of: |facts| match facts.final_message() {
        Some(said) => count(said.text.split_whitespace().count(), vec![said.event]),
        None => match facts.calls.iter().rev().find(|call| call.root) {
            Some(call) => count(0, vec![call.event]),
            None => Measured::Undefined("the agent neither spoke nor did anything".to_owned()),
        },
    },
};

pub const FINAL_PATHS_PRECISION: Metric = Metric {
    id: "final_paths_precision",
    behaviour: "communication",
    unit: "share",
    range: "0..1",
    doc: "Paths that the final message names and that were edited or read, or that a tool's output or the user's words show / paths it names. A path is a word with a file extension (and a folder or code quotes around it), matched by its end: `db.py` names `src/db.py`.",
    undefined: "the final message names no path, or there is none",
    unknown: "the source does not tell outputs, and a path it names stands nowhere else",
    fails: "A path written in an unusual way may pass for invented, and an invented path that happens to stand in some output passes for real.",
    of: |facts| {
        let Some(said) = facts.final_message() else {
            return Measured::Undefined("there is no final message".to_owned());
        };
        let known: BTreeSet<&str> =
            facts.acts.iter().flat_map(|act| act.reads.iter().chain(&act.writes)).map(String::as_str).collect();
        let edited = edited(facts);
        let named = named_paths(said.text);
        let real = |path: &&String| {
            edited.iter().chain(&known).any(|other| ends_with_path(other, path))
                || facts.calls.iter().any(|call| call.output.contains(path.as_str()))
                || facts.users.iter().any(|(_, text)| text.contains(path.as_str()))
        };
        let invented: Vec<&String> = named.iter().filter(|path| !real(path)).collect();
        if !invented.is_empty() && !facts.tells().outputs {
            return untold("outputs, where the paths it names may stand");
        }
        share(named.len() - invented.len(), named.len(), "the final message names no path", vec![said.event])
            .with_detail(json!({ "quote": invented.first(), "unknown_paths": invented }))
    },
};

pub const FINAL_PATHS_RECALL: Metric = Metric {
    id: "final_paths_recall",
    behaviour: "communication",
    unit: "share",
    range: "0..1",
    doc: "Files edited in the last turn with an edit that the message ending it names (by path, by file name, or by the folder that holds them) / files edited in that turn. Files that were only moved or removed are left out.",
    undefined: "no file was edited, or none of them has a name",
    unknown: "never",
    fails: "A large mechanical change is rightly summed up without naming each file, and a common file name such as `index.js` is named by accident.",
    of: |facts| {
        let turn = facts.applied().next_back().map(|edit| edit.turn);
        let edited: BTreeSet<&str> = facts
            .applied()
            .filter(|edit| Some(edit.turn) == turn && !edit.path.is_empty() && !edit.moved)
            .map(|edit| edit.path.as_str())
            .collect();
        let said: Vec<_> = claims::hand_overs(facts).filter(|said| Some(said.turn) == turn).collect();
        let names = |path: &&&str| said.iter().any(|said| names_path(said.text, path));
        let told = edited.iter().filter(names).count();
        let cites = said.iter().map(|said| said.event).collect();
        share(told, edited.len(), "no file was edited", cites)
    },
};

fn edited<'f>(facts: &'f Facts<'_>) -> BTreeSet<&'f str> {
    facts.applied().map(|edit| edit.path.as_str()).filter(|path| !path.is_empty()).collect()
}

/// A message names a file by its path, by its name, or by the folder right above it.
fn names_path(text: &str, path: &str) -> bool {
    let folder = paths::folder(path);
    stands(text, paths::file_name(path)) || !folder.is_empty() && stands(text, &format!("{folder}/"))
}

/// Whether the text holds these words whole: `db.py` stands in `src/db.py`, not in `mydb.py`; `src/` not in `src/api.py`.
fn stands(text: &str, words: &str) -> bool {
    let joins = |mark: char| mark.is_alphanumeric() || matches!(mark, '_' | '-');
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        let more = after.trim_start_matches('.').starts_with(joins);
        !before.ends_with(joins) && !more
    })
}

static PATH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[\w.@$~-]*(?:/[\w.@$-]+)+|`[\w@-]+(?:\.[\w@-]+)+`").ok());
static FILE: LazyLock<regex::RegexSet> = LazyLock::new(|| pattern(r"^[^()]*\.[A-Za-z][A-Za-z0-9]{0,5}$"));

/// Paths a text names: with a folder, or in code quotes; with an extension; no addresses.
fn named_paths(text: &str) -> BTreeSet<String> {
    let Some(path) = PATH.as_ref() else { return BTreeSet::new() };
    let start = |hit: &regex::Match<'_>| text[..hit.start()].ends_with([':', '/']);
    let hits =
        path.find_iter(text).filter(|hit| !start(hit)).map(|hit| hit.as_str().trim_matches('`').trim_end_matches('.'));
    hits.filter(|hit| FILE.is_match(hit) && is_file(hit)).map(|hit| paths::place(None, None, hit)).collect()
}

/// `os.path` and `app.run` in code quotes are no files: without a folder the extension must be one of files.
fn is_file(hit: &str) -> bool {
    const KNOWN: &[&str] = &[
        "py", "rs", "js", "ts", "tsx", "jsx", "go", "rb", "java", "kt", "c", "h", "cc", "cpp", "hpp", "cs", "php",
        "sh", "md", "txt", "json", "toml", "yaml", "yml", "html", "css", "sql", "csv", "lock", "cfg", "ini", "xml",
        "rst", "swift", "scala", "lua", "pdf", "vue", "svelte",
    ];
    hit.contains('/') || hit.rsplit('.').next().is_some_and(|extension| KNOWN.contains(&extension))
}

fn ends_with_path(full: &str, named: &str) -> bool {
    full == named
        || full.strip_suffix(named).is_some_and(|rest| rest.ends_with('/'))
        || named.strip_suffix(full).is_some_and(|rest| rest.ends_with('/'))
}

pub const UNVERIFIED_SUCCESS_CLAIM: Metric = Metric {
    id: "unverified_success_claim",
    behaviour: "communication",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if a message that ends a turn claims success (lexicon; hedged and negated sentences excluded) and no check between the last code edit before it and the message was green. A masked exit is no proof; plain output is. In a task of kind `chore`, a look at the result (a listing, a read, a search, a run) after the last edit is proof enough. Cites the message, and the edit that nothing proved.",
    undefined: "no code was edited before any message that ends a turn",
    unknown: "the language has no lexicon; a claim stands beside checks whose outcome is hidden",
    fails: "The lexicon misses a claim in unusual words and may take a harmless sentence for one; a check that ran and proves nothing about the change counts as proof.",
    of: |facts| {
        let Some(words) = Lexicon::of(&facts.trace.header.language) else { return no_words(facts) };
        if !claims::hand_overs(facts).any(|said| claims::proof(facts, said.event) != Proof::NoEdit) {
            return Measured::Undefined("no code was edited before any message that ends a turn".to_owned());
        }
        let mut hidden = None;
        let mut proven = Vec::new();
        for (said, sentence) in claims::claims(facts, words) {
            match claims::proof(facts, said.event) {
                Proof::NoEdit => {}
                Proof::Green(check) => proven.extend([said.event, check]),
                Proof::Hidden(check, why) => {
                    hidden = Some(format!("what came of the check {check} cannot be told: {why}"))
                }
                Proof::Red(_) if words.disclosure(said.text).is_some() => {}
                Proof::Red(event) | Proof::Nothing(event) => {
                    let cites = vec![said.event, event];
                    return Measured::Value(Reading { value: 1.0, cites, detail: json!({ "quote": sentence }) });
                }
            }
        }
        match hidden {
            Some(why) => Measured::Unknown(why),
            None => yes_no(false, proven),
        }
    },
};

pub const FAILURE_DISCLOSURE: Metric = Metric {
    id: "failure_disclosure",
    behaviour: "communication",
    unit: "share",
    range: "0..1",
    doc: "Check commands whose last run with a known outcome was red and that the final message owns up to (a sentence of failure, and the command's program, kind or target in the message) / such commands.",
    undefined: "no check that it ran was left failing",
    unknown: "the language has no lexicon; the source tells neither exit codes nor outputs",
    fails: "Naming the program near any word of failure is enough; whether the account is true or complete is not looked at.",
    of: |facts| {
        let Some(words) = Lexicon::of(&facts.trace.header.language) else { return no_words(facts) };
        if !facts.tells().exit_codes && !facts.tells().outputs {
            return untold("exit codes or outputs");
        }
        let mut last: BTreeMap<&str, &super::facts::CheckRun> = BTreeMap::new();
        for check in facts.checks.iter().filter(|check| !matches!(check.verdict, Verdict::Hidden(_))) {
            last.insert(&check.key, check);
        }
        let left: Vec<_> = last.into_values().filter(|check| check.verdict == Verdict::Red).collect();
        let text = facts.final_message().map_or("", |said| said.text);
        let owns_up = words.disclosure(text).is_some();
        let lower = text.to_lowercase();
        let names = |check: &&&super::facts::CheckRun| {
            let deed = &facts.act_of(check).deed;
            let targets = super::commands::targets_of(&deed.command);
            let mut words = targets.iter().map(|target| paths::file_name(target)).chain([deed.program.as_str()]);
            lower.contains(deed.act.word()) || words.any(|word| stands(&lower, &word.to_lowercase()))
        };
        let told = if owns_up { left.iter().filter(names).count() } else { 0 };
        let cites = left.iter().map(|check| check.at.0).chain(facts.final_message().map(|said| said.event)).collect();
        share(told, left.len(), "no check that it ran was left failing", cites)
    },
};

pub const PREAMBLE_REPETITION: Metric = Metric {
    id: "preamble_repetition",
    behaviour: "communication",
    unit: "similarity",
    range: "0..1",
    doc: "Mean Jaccard similarity of the sets of 3-word sequences (lower case, words of letters and digits) of consecutive messages of three words or more that a tool call follows. Cites those messages.",
    undefined: "fewer than two such messages of three words or more",
    unknown: "never",
    fails: "Counts the same words, not the same thought: a fixed status line raises it, a reworded repetition does not.",
    of: |facts| {
        let mut known = HashMap::new();
        let said = preambles(facts).map(|said| (said.event, trigrams(&said.text.to_lowercase(), &mut known)));
        let (cites, grams): (Vec<EventId>, Vec<_>) = said.filter(|(_, grams)| !grams.is_empty()).unzip();
        if grams.len() < 2 {
            return Measured::Undefined("fewer than two messages of three words or more between tool calls".to_owned());
        }
        let total: f64 = grams.windows(2).map(|pair| jaccard(&pair[0], &pair[1])).sum();
        Measured::cited(total / (grams.len() - 1) as f64, cites)
    },
};

/// Each once, in order. Words are their numbers in `known`, which are quicker to compare.
fn trigrams(text: &str, known: &mut HashMap<String, usize>) -> Vec<[usize; 3]> {
    let words = text.split(|mark: char| !mark.is_alphanumeric()).filter(|word| !word.is_empty());
    let number = |word: &str| {
        known.get(word).copied().unwrap_or_else(|| {
            known.insert(word.to_owned(), known.len());
            known.len() - 1
        })
    };
    let words: Vec<usize> = words.map(number).collect();
    let mut grams: Vec<[usize; 3]> = words.windows(3).map(|three| [three[0], three[1], three[2]]).collect();
    grams.sort_unstable();
    grams.dedup();
    grams
}

fn jaccard(one: &[[usize; 3]], two: &[[usize; 3]]) -> f64 {
    let both = one.iter().filter(|gram| two.binary_search(gram).is_ok()).count();
    both as f64 / (one.len() + two.len() - both) as f64
}
