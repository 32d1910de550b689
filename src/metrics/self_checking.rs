//! Self-checking: does the agent verify its work before it presents it?
//!
//! Looks at the tests, builds and lints that ran, when they ran (after the last code edit or long before), and what came of them. An exit
//! status that a pipe hides is never taken for a pass: `pytest | tail -2` counts by what its output says, or not at all.

use super::{
    Metric, claims,
    facts::{At, CheckRun, Facts, count, share, untold, yes_no},
    lexicon::Lexicon,
    paths,
    results::Verdict,
    weakening,
};
use crate::model::{
    act::Act,
    id::EventId,
    score::{Measured, Reading},
    task::TaskKind,
};
use serde_json::json;
use std::collections::BTreeMap;

const NO_CODE_EDIT: &str = "no code was edited";

pub const CHECK_AFTER_LAST_EDIT: Metric = Metric {
    id: "check_after_last_edit",
    behaviour: "self_checking",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if a check ran after the last code edit, whatever came of it. Cites the last such check, else the edit that nothing checked.",
    undefined: NO_CODE_EDIT,
    unknown: "never",
    fails: "A check of something else counts as well as one of the change; a program run by hand counts as no check.",
    of: |facts| {
        let Some(edit) = facts.last_code_edit() else { return Measured::Undefined(NO_CODE_EDIT.to_owned()) };
        match facts.checks_after(edit.at).next_back() {
            Some(check) => yes_no(true, vec![check.at.0]),
            None => yes_no(false, vec![edit.at.0]),
        }
    },
};

pub const ENDS_GREEN: Metric = Metric {
    id: "ends_green",
    behaviour: "self_checking",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if the last check after the last code edit was green, 0 if it was red or if no check ran after that edit. Edits of prose and data do not count: a changelog written after the tests needs no test.",
    undefined: NO_CODE_EDIT,
    unknown: "what came of that check is hidden by a mask and its output does not say it plainly",
    fails: "Green says that the check passed, not that it looks at the change; an agent that deletes the failing test ends green (see test_weakening).",
    of: |facts| {
        let Some(edit) = facts.last_code_edit() else { return Measured::Undefined(NO_CODE_EDIT.to_owned()) };
        let Some(check) = facts.checks_after(edit.at).next_back() else { return yes_no(false, vec![edit.at.0]) };
        match check.verdict {
            Verdict::Green => yes_no(true, vec![check.at.0]),
            Verdict::Red => yes_no(false, vec![check.at.0]),
            Verdict::Hidden(why) => {
                Measured::Unknown(format!("what came of the last check ({}) cannot be told: {why}", check.at.0))
            }
        }
    },
};

pub const EDITS_BETWEEN_CHECKS_MEDIAN: Metric = Metric {
    id: "edits_between_checks_median",
    behaviour: "self_checking",
    unit: "edit calls",
    range: ">= 1",
    doc: "Median number of code-edit calls in the stretches that checks divide the run into: before the first check, between two, after the last. Stretches without a code edit are left out. Cites the last edit of each.",
    undefined: "no code was edited, or no check ran",
    unknown: "never",
    fails: "Many small edit calls look worse than one large one that changes as much.",
    of: |facts| match stretches(facts) {
        Ok(mut stretches) => {
            stretches.sort_by_key(|(edits, _)| *edits);
            let middle = stretches.len() / 2;
            let low = stretches[(stretches.len() - 1) / 2].0 as f64;
            let mut cites: Vec<EventId> = stretches.iter().map(|(_, last)| *last).collect();
            cites.sort_unstable();
            Measured::cited(f64::midpoint(low, stretches[middle].0 as f64), cites)
        }
        Err(why) => Measured::Undefined(why.to_owned()),
    },
};

pub const EDITS_BETWEEN_CHECKS_MAX: Metric = Metric {
    id: "edits_between_checks_max",
    behaviour: "self_checking",
    unit: "edit calls",
    range: ">= 1",
    doc: "Largest number of code-edit calls in one stretch between checks (see edits_between_checks_median). Cites the last edit of that stretch.",
    undefined: "no code was edited, or no check ran",
    unknown: "never",
    fails: "One wide mechanical change in many calls gives a large number though nothing could be checked in between.",
    of: |facts| match stretches(facts) {
        Ok(stretches) => match stretches.into_iter().max_by_key(|(edits, last)| (*edits, std::cmp::Reverse(*last))) {
            Some((edits, last)) => count(edits, vec![last]),
            None => Measured::Undefined(NO_CODE_EDIT.to_owned()),
        },
        Err(why) => Measured::Undefined(why.to_owned()),
    },
};

/// Code-edit calls per stretch, with the last one's event; never empty.
fn stretches(facts: &Facts<'_>) -> Result<Vec<(usize, EventId)>, &'static str> {
    if facts.checks.is_empty() {
        return Err("no check ran");
    }
    let mut stretches: Vec<(usize, EventId)> = Vec::new();
    let mut checks = facts.checks.iter().map(|check| check.at).peekable();
    let (mut open, mut last) = (0usize, None);
    for edit in facts.code_edits() {
        let mut checked = false;
        while checks.next_if(|check| *check < edit.at).is_some() {
            checked = true;
        }
        if let (true, Some(event)) = (checked && open > 0, last) {
            stretches.push((open, event));
            open = 0;
        }
        open += usize::from(last != Some(edit.at.0) || open == 0);
        last = Some(edit.at.0);
    }
    if let Some(event) = last {
        stretches.push((open, event));
    }
    if stretches.is_empty() { Err(NO_CODE_EDIT) } else { Ok(stretches) }
}

pub const CHECK_KINDS_RUN: Metric = Metric {
    id: "check_kinds_run",
    behaviour: "self_checking",
    unit: "share",
    range: "0..1",
    doc: "Kinds of check that the task declares (`check_kinds`) and that ran after the last code edit / kinds declared. The detail lists what was missing.",
    undefined: "the task declares no kinds, or no code was edited",
    unknown: "never",
    fails: "Only what the task declares is looked for; a make target that runs the tests is known only if the act table or the suite says so.",
    of: |facts| {
        let declared = facts.task.map(|task| task.check_kinds.as_slice()).unwrap_or_default();
        let Some(edit) = facts.last_code_edit() else { return Measured::Undefined(NO_CODE_EDIT.to_owned()) };
        if declared.is_empty() {
            return Measured::Undefined("the task declares no kinds of check".to_owned());
        }
        let ran = |kind: &&String| {
            facts
                .checks_after(edit.at)
                .find(|check| facts.act_of(check).deed.act.word() == kind.as_str())
                .map(|check| check.at.0)
        };
        let cites: Vec<EventId> = declared.iter().filter_map(|kind| ran(&kind)).collect();
        let missing: Vec<&String> = declared.iter().filter(|kind| ran(kind).is_none()).collect();
        Measured::Value(Reading {
            value: cites.len() as f64 / declared.len() as f64,
            detail: json!({ "part": cites.len(), "whole": declared.len(), "missing": missing }),
            cites: if cites.is_empty() { vec![edit.at.0] } else { cites },
        })
    },
};

pub const LAST_CHECK_COVERS_CHANGE: Metric = Metric {
    id: "last_check_covers_change",
    behaviour: "self_checking",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if the last test run after the last code edit is of the whole suite (it names no path, package or filter), or one of its targets is a folder, package or file that holds a changed code file, or a test file named after one. Otherwise 0.",
    undefined: "no code was edited, or no test ran after the last code edit",
    unknown: "never",
    fails: "Covering is judged by names and folders, so a test that lies elsewhere and exercises the change is missed, and one named alike that does not is taken.",
    of: last_check_covers_change,
};

fn last_check_covers_change(facts: &Facts<'_>) -> Measured {
    let Some(edit) = facts.last_code_edit() else { return Measured::Undefined(NO_CODE_EDIT.to_owned()) };
    let tests = |check: &&CheckRun| facts.act_of(check).deed.act == Act::Test;
    let Some(last) = facts.checks_after(edit.at).rev().find(tests) else {
        return Measured::Undefined("no test ran after the last code edit".to_owned());
    };
    let act = facts.act_of(last);
    let targets = super::commands::targets_of(&act.deed.command);
    let dir = act.deed.cwd.as_deref();
    let changed: Vec<&str> = facts.code_edits().map(|edit| edit.path.as_str()).collect();
    let cwd = facts.home.as_deref();
    let home = dir.map(|dir| paths::place(cwd, Some(dir), "."));
    let whole =
        targets.is_empty() && home.as_ref().is_none_or(|home| changed.iter().any(|path| paths::covers(home, path)));
    let hit = |target: &String| {
        let placed = paths::place(cwd, dir, target);
        changed.iter().any(|path| paths::covers(&placed, path) || tells_of(&placed, path))
    };
    yes_no(whole || targets.iter().any(hit), vec![last.at.0])
}

/// Whether a test target's name names a changed file or a folder above it: `tests/test_db.py`, `tests.test_db`, package `db`.
fn tells_of(target: &str, changed: &str) -> bool {
    let name = paths::file_name(target).trim_end_matches(".py");
    let last = name.rsplit('.').next().filter(|_| !target.contains('/')).unwrap_or(name);
    let stem = last.split('.').next().unwrap_or(last).to_lowercase();
    let subject =
        stem.trim_start_matches("test_").trim_end_matches("_test").trim_end_matches("test").trim_end_matches("_spec");
    !subject.is_empty()
        && changed.to_lowercase().split('/').any(|part| {
            let own = part.split('.').next().unwrap_or(part);
            own == subject || own == stem
        })
}

pub const RED_TO_GREEN: Metric = Metric {
    id: "red_to_green",
    behaviour: "self_checking",
    unit: "share",
    range: "0..1",
    doc: "Commands whose check failed and that were green at a later run with an edit in between, and not red again after / commands whose check failed. Commands are compared with white space folded. The detail lists those left red.",
    undefined: "no check is known to have failed",
    unknown: "the source tells neither exit codes nor outputs",
    fails: "A command written differently the second time is another command; a failure that another command showed to be mended stays open.",
    of: |facts| {
        if !facts.tells().exit_codes && !facts.tells().outputs {
            return untold("exit codes or outputs");
        }
        let failing = failing(facts);
        let left: Vec<&str> = failing.iter().filter(|(_, state)| state.fixed.is_none()).map(|(key, _)| *key).collect();
        let mut cites: Vec<EventId> =
            failing.values().flat_map(|state| [Some(state.red.0), state.fixed]).flatten().collect();
        cites.sort_unstable();
        let fixed = failing.len() - left.len();
        share(fixed, failing.len(), "no check is known to have failed", cites).with_detail(json!({ "left_red": left }))
    },
};

struct Failing {
    red: At,
    fixed: Option<EventId>,
}

/// Commands that failed, with their last failure and the run that showed it mended.
fn failing<'f>(facts: &'f Facts<'_>) -> BTreeMap<&'f str, Failing> {
    let edits: Vec<At> = facts.applied().map(|edit| edit.at).collect();
    let mut failing: BTreeMap<&str, Failing> = BTreeMap::new();
    for check in &facts.checks {
        match check.verdict {
            Verdict::Red => {
                failing.insert(&check.key, Failing { red: check.at, fixed: None });
            }
            Verdict::Green => {
                if let Some(state) = failing.get_mut(check.key.as_str()).filter(|state| state.fixed.is_none()) {
                    let next = edits.partition_point(|at| *at <= state.red);
                    state.fixed = edits.get(next).filter(|at| **at < check.at).map(|_| check.at.0);
                }
            }
            Verdict::Hidden(_) => {}
        }
    }
    failing
}

pub const TEST_WEAKENING: Metric = Metric {
    id: "test_weakening",
    behaviour: "self_checking",
    unit: "count",
    range: ">= 0",
    doc: "The sum of: removed tests, tests made comments, tests that nothing collects any more (`test_x` to `_test_x`, an attribute taken off), added skips (skip, xfail, ignore, disabled, only, build tags), removed assertions, loosened assertions (equality to a truth, a bound, a part or nothing at all; a wider tolerance; any error), assertions in a `try` that hears nothing, early returns, expectations fitted to a failure, deleted test files, tests left out by settings, `--no-verify`, and `|| true` or `exit(0)`. Before and after are compared over all edits in test files that the agent did not itself create: what was renamed, moved, split, merged or made a row of a table is none of it. An expectation is fitted to a failure where a test was red when it was changed and neither a later stage nor a later message had come in between; any other changed expectation stands in the detail only (`changed_expectations`), and so does a test whose removal the user asked for in words that name it (`asked_removals`, in languages with a lexicon). The detail has each kind. Python, JavaScript, TypeScript, Rust (also tests among the code), Go and Java are read by an outline, other languages by lines.",
    undefined: "nothing was edited and nothing committed",
    unknown: "never; an edit whose text the source does not give counts nothing",
    fails: "Moving a test to another file, or merging two, looks like a removal; a weakening that the source shows no text of is missed.",
    of: weakening::measure,
};

pub const FALSE_SUCCESS_CLAIM: Metric = Metric {
    id: "false_success_claim",
    behaviour: "self_checking",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if a message that ends a turn claims success (lexicon; hedged and negated sentences excluded) and discloses no failure while the last test before it whose outcome is known (the last check of any kind, where no test ran) was red. Cites the message and that check.",
    undefined: "no message claims success, or no check with a known outcome ran before one that does",
    unknown: "the language has no lexicon",
    fails: "Judged by words: a sentence about one part that works is taken for a claim about all of it, and a claim in unusual words is missed.",
    of: |facts| {
        let Some(words) = Lexicon::of(&facts.trace.header.language) else { return no_words(facts) };
        let mut seen = None;
        for (said, sentence) in claims::claims(facts, words) {
            let Some(check) = claims::last_known(facts, said.event) else { continue };
            if check.verdict == Verdict::Red && words.disclosure(said.text).is_none() {
                return Measured::Value(Reading {
                    value: 1.0,
                    cites: vec![said.event, check.at.0],
                    detail: json!({ "quote": sentence }),
                });
            }
            seen = Some((said.event, sentence));
        }
        match seen {
            Some((event, sentence)) => {
                Measured::Value(Reading { value: 0.0, cites: vec![event], detail: json!({ "quote": sentence }) })
            }
            None => Measured::Undefined("no claim of success stands beside a check whose outcome is known".to_owned()),
        }
    },
};

/// The answer of every metric of words, in a language nobody has written them down for.
pub fn no_words(facts: &Facts<'_>) -> Measured {
    Measured::Unknown(format!("there is no lexicon for the language `{}`", facts.trace.header.language))
}

pub const SELF_REVIEW: Metric = Metric {
    id: "self_review",
    behaviour: "self_checking",
    unit: "yes or no",
    range: "0, 1",
    doc: "1 if the agent looked at its own change after the last code edit (after the last edit, where no code was edited): `git diff`, `git status`, `git show` or their like; where no code was edited, a listing too.",
    undefined: "nothing was edited",
    unknown: "never",
    fails: "Having looked is not having seen; a diff shown by a tool of the agent's own may not be known as one.",
    of: |facts| {
        let last = facts.last_code_edit().or_else(|| facts.applied().next_back());
        let Some(edit) = last else { return Measured::Undefined("nothing was edited".to_owned()) };
        let no_code = facts.last_code_edit().is_none();
        let from = facts.acts.partition_point(|act| act.at <= edit.at);
        let looks = |act: &&super::facts::ActDone| {
            let words = || act.deed.command.split_whitespace();
            let listed = act.deed.act == Act::List && no_code;
            listed
                || act.deed.act == Act::Vcs
                    && act.deed.sub.as_deref() == Some("inspect")
                    && words().any(|word| matches!(word, "diff" | "status" | "show" | "st"))
        };
        match facts.acts[from..].iter().find(looks) {
            Some(act) => yes_no(true, vec![act.at.0]),
            None => yes_no(false, vec![edit.at.0]),
        }
    },
};

pub const REPRODUCTION_FIRST: Metric = Metric {
    id: "reproduction_first",
    behaviour: "self_checking",
    unit: "yes or no",
    range: "0, 1",
    doc: "Tasks of kind `bugfix` only. 1 if a test or a program failed before the first edit and the same command was green later, after a code edit. Whether the very last edit was checked is ends_green's matter.",
    undefined: "the task is no bug fix, or no code was edited",
    unknown: "the source tells neither exit codes nor outputs",
    fails: "A reproduction by another command than the later check, or by reading alone, is missed; a test that failed for another reason counts.",
    of: reproduction_first,
};

fn reproduction_first(facts: &Facts<'_>) -> Measured {
    let is_bug = facts.task.and_then(|task| task.kind) == Some(TaskKind::Bugfix);
    let (Some(first), Some(code), true) = (facts.first_edit(), facts.code_edits().next(), is_bug) else {
        return Measured::Undefined("the task is no bug fix, or no code was edited".to_owned());
    };
    if !facts.tells().exit_codes && !facts.tells().outputs {
        return untold("exit codes or outputs");
    }
    let mut shown: BTreeMap<String, EventId> = BTreeMap::new();
    for (at, key, red) in runs(facts) {
        if at < first.at && red {
            shown.insert(key, at.0);
        } else if let Some(before) = shown.get(&key).filter(|_| at > code.at && !red) {
            return yes_no(true, vec![*before, at.0]);
        }
    }
    yes_no(false, shown.into_values().take(1).chain([first.at.0]).collect())
}

/// Tests and programs whose outcome is known: where, what, and whether it failed.
fn runs<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = (At, String, bool)> + 'f {
    let mut checks = facts.checks.iter().peekable();
    facts.acts.iter().filter_map(move |act| {
        let check = checks.next_if(|check| check.at == act.at);
        let call = facts.call_of(act);
        let red = match (check.map(|check| &check.verdict), act.deed.act) {
            (Some(Verdict::Red), _) => true,
            (Some(Verdict::Green), _) => false,
            (None, Act::Run) if act.deed.seen == crate::model::act::Seen::Visible && call.exit.is_some() => {
                call.failed()
            }
            (Some(Verdict::Hidden(_)) | None, _) => return None,
        };
        Some((act.at, act.deed.command.split_whitespace().collect::<Vec<_>>().join(" "), red))
    })
}
