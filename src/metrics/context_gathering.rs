//! Context gathering: does the agent look before it acts?
//!
//! Looks at what was searched, listed and read before the first edit, whether edited files had been seen, whether edits missed their place,
//! and how much was read twice for nothing.

use super::{
    Metric, callers,
    facts::{ActDone, At, Facts, count, share, untold},
    lexicon::pattern,
    paths,
    split::Marks,
};
use crate::model::{act::Act, id::EventId, score::Measured};
use aho_corasick::packed::Searcher;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::RegexSet;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::LazyLock,
};

const NO_EDIT: &str = "nothing was edited";
const NO_SEARCH: &str = "no call that only searches came back";

pub const SEARCHES_BEFORE_EDIT: Metric = Metric {
    id: "searches_before_edit",
    behaviour: "context_gathering",
    unit: "acts",
    range: ">= 0",
    doc: "Search and list acts before the first edit that took hold.",
    undefined: NO_EDIT,
    unknown: "never",
    fails: "Counts acts, not what they found; an agent that was told the place needs none.",
    of: |facts| before_edit(facts, |act| matches!(act.deed.act, Act::Search | Act::List)),
};

fn before_edit(facts: &Facts<'_>, counts: fn(&ActDone) -> bool) -> Measured {
    let Some(edit) = facts.first_edit() else { return Measured::Undefined(NO_EDIT.to_owned()) };
    let cites: Vec<EventId> = facts.acts_before_edit().iter().filter(|act| counts(act)).map(|act| act.at.0).collect();
    count(cites.len(), if cites.is_empty() { vec![edit.at.0] } else { cites })
}

pub const FILES_READ_BEFORE_EDIT: Metric = Metric {
    id: "files_read_before_edit",
    behaviour: "context_gathering",
    unit: "files",
    range: ">= 0",
    doc: "Distinct files of the workspace that were read before the first edit. A read that failed or was denied read nothing.",
    undefined: NO_EDIT,
    unknown: "never",
    fails: "Reading many files is not reading the right ones; a read by a program that the act table does not know is missed.",
    of: |facts| {
        let Some(edit) = facts.first_edit() else { return Measured::Undefined(NO_EDIT.to_owned()) };
        let mut files: BTreeMap<&str, EventId> = BTreeMap::new();
        for act in facts.reads().take_while(|act| act.at < edit.at) {
            for path in act.reads.iter().filter(|path| !paths::outside(path)) {
                files.entry(path).or_insert(act.at.0);
            }
        }
        let mut cites: BTreeSet<EventId> = files.values().copied().collect();
        if cites.is_empty() {
            cites.insert(edit.at.0);
        }
        count(files.len(), cites.into_iter().collect())
    },
};

pub const CALLS_BEFORE_EDIT_SHARE: Metric = Metric {
    id: "calls_before_edit_share",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Tool calls before the first edit / tool calls.",
    undefined: NO_EDIT,
    unknown: "never",
    fails: "Depends on how long the work after the first edit took: the same care gives a smaller share in a longer run.",
    of: |facts| match facts.first_edit() {
        Some(edit) => {
            let before = facts.calls.partition_point(|call| call.event < edit.at.0);
            let cites: Vec<EventId> = facts.calls[..before].iter().map(|call| call.event).collect();
            let cites = if cites.is_empty() { vec![edit.at.0] } else { cites };
            share(before, facts.calls.len(), "no tool was called", cites)
        }
        None => Measured::Undefined(NO_EDIT.to_owned()),
    },
};

pub const READ_BEFORE_EDIT: Metric = Metric {
    id: "read_before_edit",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Edited files that existed before and that were seen before their first edit / edited files that existed before. Seen: the file was read, or the output of a search or a diff before shows its path. Files that were only moved or removed, and files that the agent made (reported or shown as added, or first written by a create) are left out. Cites the edits of files not seen, or where the others were seen; the detail lists those edited unseen.",
    undefined: "no file that existed before was edited",
    unknown: "never",
    fails: "A search that shows a path counts as having seen the file, though only a line of it may have been shown.",
    of: read_before_edit,
};

fn read_before_edit(facts: &Facts<'_>) -> Measured {
    let new = facts.made();
    let mut first: BTreeMap<&str, At> = BTreeMap::new();
    for edit in facts.applied().filter(|edit| !edit.path.is_empty() && !edit.moved) {
        if !new.contains(edit.path.as_str()) {
            first.entry(&edit.path).or_insert(edit.at);
        }
    }
    let seen = seen(facts, &first);
    let unseen: Vec<&str> = first.keys().filter(|path| !seen.contains_key(*path)).copied().collect();
    let cites: BTreeSet<EventId> = if unseen.is_empty() {
        seen.values().copied().collect()
    } else {
        unseen.iter().filter_map(|path| first.get(path)).map(|at| at.0).collect()
    };
    let cites = cites.into_iter().collect();
    share(first.len() - unseen.len(), first.len(), "no file that existed before was edited", cites)
        .with_detail(json!({ "unseen": unseen }))
}

/// Which of the files were read, or shown by a search or a diff, before their first edit. One walk over acts and outputs.
fn seen<'f>(facts: &'f Facts<'_>, first: &BTreeMap<&'f str, At>) -> BTreeMap<&'f str, EventId> {
    let mut seen: BTreeMap<&str, EventId> = BTreeMap::new();
    // Every word of every output is looked up: by length first, since few words are as long as a path.
    let known: HashMap<&str, (&'f str, At)> = first.iter().map(|(path, at)| (*path, (*path, *at))).collect();
    let lengths: HashSet<usize> = known.keys().map(|path| path.len()).collect();
    let longest = lengths.iter().max().copied().unwrap_or(0);
    let lengths: Vec<bool> = (0..=longest).map(|length| lengths.contains(&length)).collect();
    let mut note = |path: &str, at: At| {
        if !lengths.get(path.len()).is_some_and(|some| *some) {
            return;
        }
        if let Some((path, _)) = known.get(path).filter(|(_, edit)| at < *edit) {
            seen.entry(path).or_insert(at.0);
        }
    };
    let last = first.values().max();
    let cwd = facts.home.as_deref().map(|cwd| format!("{}/", cwd.trim_end_matches('/')));
    // Where no path holds a blank, the head of a line is one of its words.
    let spaced = first.keys().copied().chain(cwd.as_deref()).any(|path| WORDS.split(path).next() != Some(path));
    for act in facts.acts.iter().take_while(|act| last.is_some_and(|last| act.at < *last)) {
        let looks = matches!(act.deed.act, Act::Search | Act::Vcs);
        let read = act.deed.act == Act::Read && facts.came_back(act);
        if !looks && !read {
            continue;
        }
        act.reads.iter().for_each(|path| note(path, act.at));
        if act.deed.act != Act::Read {
            let output = facts.call_of(act).output;
            let lines = if spaced { output } else { "" }.lines();
            let heads = lines.filter_map(|line| line.split_once(':')).map(|(path, _)| path);
            heads
                .chain(WORDS.split(output))
                .filter(|word| word.len() < 300)
                .for_each(|word| note(plain(word, cwd.as_deref()), act.at));
        }
    }
    seen
}

/// What stands between paths in outputs.
static WORDS: Marks = Marks::of(b" \t\n\x0b\x0c\r:\"'`", char::is_whitespace);
/// Between words of a listing.
static LISTED: Marks = Marks::of(b" \t\n\x0b\x0c\r:", char::is_whitespace);

/// `./src/db.py`, `a/src/db.py` of a diff and `/repo/src/db.py` are `src/db.py`.
fn plain<'w>(word: &'w str, cwd: Option<&str>) -> &'w str {
    let word = cwd.and_then(|cwd| word.strip_prefix(cwd)).unwrap_or(word);
    ["./", "a/", "b/"].iter().find_map(|lead| word.strip_prefix(lead)).unwrap_or(word)
}

pub const EDIT_MISS_RATE: Metric = Metric {
    id: "edit_miss_rate",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Edit calls that did not apply (the tool or the patch failed) / edit calls that were not denied.",
    undefined: "no edit was tried",
    unknown: "the source does not tell failed edits",
    fails: "Tools differ in how strictly they match, so compare agents with the same tools; shell edits that change nothing do not count as missed.",
    of: |facts| {
        if !facts.tells().failed_edits {
            return untold("failed edits");
        }
        let mut calls: BTreeMap<EventId, bool> = BTreeMap::new();
        for edit in facts.edits.iter().filter(|edit| edit.by != super::facts::EditBy::Snapshot) {
            let applied = calls.entry(edit.at.0).or_insert(false);
            *applied |= edit.applied;
        }
        let denied: BTreeSet<EventId> = facts.calls.iter().filter(|call| !call.ran()).map(|call| call.event).collect();
        calls.retain(|event, _| !denied.contains(event));
        let missed: Vec<EventId> = calls.iter().filter(|(_, applied)| !**applied).map(|(event, _)| *event).collect();
        share(missed.len(), calls.len(), "no edit was tried", missed)
    },
};

pub const CALLERS_SEARCHED: Metric = Metric {
    id: "callers_searched",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Changed public symbols that were searched for / changed public symbols. A symbol counts where code edits (no tests, no files that the agent made) change its signature or body or take it away, by its name: functions, methods, classes, types and constants that another file may name; `main`, constructors and the like are left out. Changed is told from the texts of edits; a piece without a definition belongs to the one that the diff names or that a read of the file before shows around it. Searched: at any time, a search act whose pattern holds the name as a word of its own, or a search by symbol with it among its inputs; a pattern that asks only for the definition (`def name`, `fn name`) finds no caller and does not count. The detail lists those not searched for, and how many edits could not be told. Python, JavaScript, TypeScript, Rust, Go, Java. Cites the edits of those not searched for, else the searches.",
    undefined: "no public symbol that was there before was changed",
    unknown: "no edit of code shows which symbol it changed: the source gives no text, or the language has no outline",
    fails: "A search for the name counts whatever was looked for; callers that were known before, or found by reading, do not show.",
    of: callers::measure,
};

pub const TESTS_FOUND_BEFORE_EDIT: Metric = Metric {
    id: "tests_found_before_edit",
    behaviour: "context_gathering",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if a test path was named by a read, searched or listed before the first code edit (named in the call, or shown in the output of a search or a listing), or a test ran before it.",
    undefined: "no code was edited",
    unknown: "never",
    fails: "A listing that happens to show a test folder is enough; whether the right test was found is not looked at.",
    of: |facts| {
        let Some(edit) = facts.code_edits().next() else { return Measured::Undefined("no code was edited".to_owned()) };
        let before = facts.acts.iter().take_while(|act| act.at < edit.at);
        match before.into_iter().find(|act| finds_tests(facts, act)) {
            Some(act) => Measured::cited(1.0, vec![act.at.0]),
            None => Measured::cited(0.0, vec![edit.at.0]),
        }
    },
};

fn finds_tests(facts: &Facts<'_>, act: &ActDone) -> bool {
    let named = || act.reads.iter().any(|path| paths::is_test_place(path));
    let listed = || {
        let words = LISTED.split(facts.call_of(act).output);
        words.filter(|word| word.len() < 200).any(paths::is_test_place)
    };
    match act.deed.act {
        Act::Read => named(),
        Act::Search | Act::List => named() || listed(),
        Act::Test => true,
        Act::Edit | Act::Build | Act::Lint | Act::Run | Act::Vcs | Act::Net | Act::Ask => false,
        Act::Delegate | Act::Plan | Act::Meta | Act::Other => false,
    }
}

pub const REDUNDANT_READS: Metric = Metric {
    id: "redundant_reads",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Reads of one file whose lines an earlier read covers by 80 % or more, with no edit of the file, no sub-agent and no compaction in between / reads of one file. A read without line numbers is of the whole file, which only another such read covers; the last 8 reads of a file are compared.",
    undefined: "no file was read",
    unknown: "never",
    fails: "A read without line numbers counts as the whole file, so reading a large file piece by piece with an unknown tool looks redundant.",
    of: redundant_reads,
};

/// Lines of one earlier read that still hold.
type Held<'f> = BTreeMap<&'f str, Vec<(u32, u32)>>;

fn redundant_reads(facts: &Facts<'_>) -> Measured {
    let mut held: Held<'_> = BTreeMap::new();
    let mut edits = facts.applied().peekable();
    let mut compactions = facts.compactions.iter().peekable();
    let (mut reads, mut again) = (0, Vec::new());
    for act in &facts.acts {
        if act.deed.act == Act::Delegate {
            held.clear();
        }
        if act.deed.act != Act::Read || !facts.came_back(act) {
            continue;
        }
        while let Some(edit) = edits.next_if(|edit| edit.at < act.at) {
            held.remove(edit.path.as_str());
        }
        if compactions.next_if(|event| **event < act.at.0).is_some() {
            while compactions.next_if(|event| **event < act.at.0).is_some() {}
            held.clear();
        }
        let [path] = act.reads.as_slice() else { continue };
        reads += 1;
        let lines = act.deed.lines.unwrap_or((1, u32::MAX));
        let before = held.entry(path).or_default();
        if before.iter().rev().take(8).any(|other| covers(*other, lines)) {
            again.push(act.at.0);
        }
        before.push(lines);
    }
    share(again.len(), reads, "no file was read", again)
}

/// Whether the first range holds at least 80 % of the second; of a file whose end nobody told, only what holds all of it does.
pub(super) fn covers((from, to): (u32, u32), (start, end): (u32, u32)) -> bool {
    if end == u32::MAX {
        return from <= start && to == end;
    }
    let (low, high) = (from.max(start), to.min(end));
    let length = |low: u32, high: u32| f64::from(high) - f64::from(low) + 1.0;
    low <= high && length(low, high) >= 0.8 * length(start, end)
}

pub const READ_PRECISION: Metric = Metric {
    id: "read_precision",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Files read that were also edited, named in the final message, or are gold (`gold.read`, `gold.edit`) / files of the workspace read. Cites the first read of each such file, or every first read where there is none.",
    undefined: "no file was read",
    unknown: "never",
    fails: "A file read to rule it out is useful and counts as waste; without gold files only edits and the last message speak for a read.",
    of: |facts| {
        let read = files_read(facts);
        let edited: BTreeSet<&str> = facts.applied().map(|edit| edit.path.as_str()).collect();
        let text = facts.final_message().map_or("", |said| said.text);
        let gold = gold(facts, |gold| gold.read.iter().chain(&gold.edit).collect());
        let used =
            |path: &&&str| edited.contains(**path) || text.contains(paths::file_name(path)) || gold.is_match(path);
        let hits: Vec<&&str> = read.keys().filter(used).collect();
        let shown: BTreeSet<EventId> = if hits.is_empty() {
            read.values().copied().collect()
        } else {
            hits.iter().filter_map(|path| read.get(**path).copied()).collect()
        };
        share(hits.len(), read.len(), "no file was read", shown.into_iter().collect())
    },
};

pub const READ_RECALL: Metric = Metric {
    id: "read_recall",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Globs of the task's `gold.read` that a file read matches / globs of `gold.read`. The detail lists those missed.",
    undefined: "the task names no gold files to read",
    unknown: "never",
    fails: "As good as the gold list: a file that is needed and not listed, or listed and not needed, misleads.",
    of: |facts| {
        let globs = facts.task.map(|task| task.gold.read.as_slice()).unwrap_or_default();
        let read = files_read(facts);
        let hit = |glob: &String| {
            let set = set(std::iter::once(glob));
            read.iter().find(|(path, _)| set.is_match(path)).map(|(_, event)| *event)
        };
        let hits: Vec<EventId> = globs.iter().filter_map(hit).collect();
        let missed: Vec<&String> = globs.iter().filter(|glob| hit(glob).is_none()).collect();
        let found = hits.len();
        let cites = if hits.is_empty() { facts.first_edit().map(|edit| edit.at.0).into_iter().collect() } else { hits };
        share(found, globs.len(), "the task names no gold files to read", cites)
            .with_detail(json!({ "missed": missed }))
    },
};

fn files_read<'f>(facts: &'f Facts<'_>) -> BTreeMap<&'f str, EventId> {
    let mut files = BTreeMap::new();
    for act in facts.reads() {
        for path in act.reads.iter().filter(|path| !paths::outside(path)) {
            files.entry(path.as_str()).or_insert(act.at.0);
        }
    }
    files
}

fn gold<'f>(facts: &'f Facts<'_>, of: fn(&crate::model::task::Gold) -> Vec<&String>) -> GlobSet {
    facts.task.map(|task| set(of(&task.gold).into_iter())).unwrap_or_else(GlobSet::empty)
}

fn set<'g>(globs: impl Iterator<Item = &'g String>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs.filter_map(|glob| GlobBuilder::new(glob).literal_separator(true).build().ok()) {
        builder.add(glob);
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

pub const HOUSE_RULES_READ: Metric = Metric {
    id: "house_rules_read",
    behaviour: "context_gathering",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if AGENTS.md, CLAUDE.md, CONTRIBUTING or their like was read. Known to be there when a listing or a search showed it, when it was read, or when the task's `gold.read` names it.",
    undefined: "nothing shows that the workspace has such a file",
    unknown: "never",
    fails: "An agent that loads such files by itself before its first turn shows no read and gets 0.",
    of: |facts| {
        let rules = |act: &&ActDone| act.reads.iter().any(|path| paths::is_house_rules(path));
        if let Some(act) = facts.reads().find(rules) {
            return Measured::cited(1.0, vec![act.at.0]);
        }
        let shown = facts.acts.iter().filter(|act| matches!(act.deed.act, Act::List | Act::Search)).find(|act| {
            let words = LISTED.split(facts.call_of(act).output);
            words.filter(|word| word.len() < 200).any(paths::is_house_rules)
        });
        let named = facts.task.is_some_and(|task| task.gold.read.iter().any(|path| paths::is_house_rules(path)));
        match (shown, named) {
            (Some(act), _) => Measured::cited(0.0, vec![act.at.0]),
            (None, true) => Measured::cited(0.0, facts.first_edit().map(|edit| edit.at.0).into_iter().collect()),
            (None, false) => Measured::Undefined("nothing shows that the workspace has such a file".to_owned()),
        }
    },
};

pub const SEARCH_ZERO_HITS: Metric = Metric {
    id: "search_zero_hits",
    behaviour: "context_gathering",
    unit: "share",
    range: "0..1",
    doc: "Calls that only search (one search act, nothing else) and came back with an empty output, exit status 1 or words such as `No matches found` / such calls that came back.",
    undefined: NO_SEARCH,
    unknown: "the source tells neither exit codes nor outputs",
    fails: "A search that shows nothing can be the answer one wanted; exit status 1 of some programs means an error, not no hit.",
    of: |facts| {
        if !facts.tells().outputs && !facts.tells().exit_codes {
            return untold("exit codes or outputs");
        }
        let searches: Vec<_> = searches(facts).collect();
        let empty = |call: &&&super::facts::Call<'_>| {
            let silent = || call.output.trim().is_empty() || NOTHING.is_match(call.output);
            call.exit == Some(1) || facts.tells().outputs && silent()
        };
        let cites: Vec<EventId> = searches.iter().filter(empty).map(|call| call.event).collect();
        share(cites.len(), searches.len(), NO_SEARCH, cites)
    },
};

/// How search tools say that they found nothing.
static NOTHING: LazyLock<RegexSet> =
    LazyLock::new(|| pattern(r"(?i)^\s*(no (files|matches|results)( were)? found|found 0 )"));
/// How tools of agents say that they cut what they show.
static CUT: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(concat!(
        r"…\d+ (tokens|chars|characters|lines|bytes) truncated…|\[\d+ (lines|characters|chars|bytes) truncated\]",
        r"|(?m)^\[\.\.\. omitted \d+ of \d+ lines|^Warning: truncated output \(original token count|^\(Results are truncated",
        r"|^(IMPORTANT: )?The file content has been truncated|^(<persisted-output>\s*)?Output too large \(",
        r"|^\(?(\.\.\.)?\[?[Oo]utput (was )?truncated|^\[Showing lines \d+-\d+ of \d+|^<elided_chars>",
    ))
});

/// What each way of saying it holds; most outputs hold none, and are not looked at closer.
static CUT_WORDS: LazyLock<Option<Searcher>> = LazyLock::new(|| {
    Searcher::new(["runcated", "omitted ", "Output too large (", "[Showing lines ", "<elided_chars>"])
});

fn says_cut(output: &str) -> bool {
    CUT_WORDS.as_ref().is_none_or(|words| words.find(output).is_some()) && CUT.is_match(output)
}

fn searches<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = &'f super::facts::Call<'f>> {
    let only_search = |call: &&super::facts::Call<'_>| {
        call.ran()
            && call.result.is_some()
            && matches!(&facts.acts[call.acts.clone()], [act] if act.deed.act == Act::Search)
    };
    facts.calls.iter().filter(only_search)
}

pub const SEARCH_BYTES: Metric = Metric {
    id: "search_bytes",
    behaviour: "context_gathering",
    unit: "bytes",
    range: ">= 0",
    doc: "Bytes of output that calls that only search gave back, as kept in the trace. Cites the one that gave back most.",
    undefined: NO_SEARCH,
    unknown: "the source does not tell outputs",
    fails: "Long lines and vendored files weigh more than many useful hits; what an agent's own tool cut off before it was recorded is not counted.",
    of: |facts| {
        if !facts.tells().outputs {
            return untold("outputs");
        }
        let cites: Vec<EventId> = searches(facts).map(|call| call.event).collect();
        if cites.is_empty() {
            Measured::Undefined(NO_SEARCH.to_owned())
        } else {
            count(searches(facts).map(|call| call.output.len()).sum(), cites)
        }
    },
};

pub const OUTPUTS_TRUNCATED: Metric = Metric {
    id: "outputs_truncated",
    behaviour: "context_gathering",
    unit: "calls",
    range: ">= 0",
    doc: "Tool calls whose output was too long to be kept whole (over 64 KiB), or was cut by the agent's own tools as their output says (`…120 tokens truncated…`, `Results are truncated`).",
    undefined: "no tool was called",
    unknown: "the source does not tell outputs",
    fails: "An agent's own way of saying that it cut an output is found only where it uses the usual words near the end.",
    of: |facts| {
        if !facts.tells().outputs {
            return untold("outputs");
        }
        if facts.calls.is_empty() {
            return Measured::Undefined("no tool was called".to_owned());
        }
        let cut = |call: &&super::facts::Call<'_>| !call.output_whole || says_cut(call.output);
        let cites: Vec<EventId> = facts.calls.iter().filter(cut).map(|call| call.event).collect();
        count(cites.len(), cites)
    },
};
