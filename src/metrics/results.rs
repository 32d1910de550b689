//! What came of a check: by its exit status where that can be believed, by its output where the output says so plainly,
//! and otherwise *hidden*.
//!
//! `pytest -q | tail -3` exits 0 whatever pytest found, so its status proves nothing; but the tail may show "1 failed in 0.2s".
//! A filter that can hide a failure (`head`, `grep`) leaves a green line unproven, a red line is believed.

use super::facts::{ActDone, Call};
use crate::model::{
    act::{Deed, Seen},
    trace::ResultStatus,
};
use regex::RegexSet;
use serde::Deserialize;
use std::sync::LazyLock;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Green,
    Red,
    /// Nobody can tell, and why.
    Hidden(&'static str),
}

/// What is known about the call that a check stands in.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub call: &'a Call<'a>,
    pub exit_codes: bool,
    /// The call's acts: another one may own its exit status.
    pub acts: &'a [ActDone],
}

pub fn verdict(deed: &Deed, setting: Setting<'_>) -> Verdict {
    if let Some(failed) = exit_of(deed, setting) {
        return if failed { Verdict::Red } else { Verdict::Green };
    }
    by_output(deed, setting).unwrap_or(Verdict::Hidden(reason(deed.seen)))
}

fn reason(seen: Seen) -> &'static str {
    match seen {
        Seen::Visible => "its exit status is not told, or belongs to another command of the line",
        Seen::Pipe => "its exit status is hidden by a pipe",
        Seen::Or => "its exit status is hidden by `||` or a condition",
        Seen::Seq => "its exit status is hidden by a later command",
        Seen::Async => "it ran in the background",
    }
}

/// Whether it failed, where the exit status of the line is that of this check.
fn exit_of(deed: &Deed, setting: Setting<'_>) -> Option<bool> {
    if deed.seen != Seen::Visible {
        return None;
    }
    let told = match (setting.call.exit, setting.call.status) {
        (Some(exit), _) => Some(exit != 0),
        (None, ResultStatus::Ok) if setting.exit_codes => Some(false),
        (None, ResultStatus::Failed) => Some(true),
        (None, ResultStatus::Ok | ResultStatus::Denied | ResultStatus::Cancelled | ResultStatus::Unknown) => None,
    }?;
    let alone = setting.acts.iter().filter(|other| other.deed.seen == Seen::Visible).count() == 1;
    (!told || alone).then_some(told)
}

fn by_output(deed: &Deed, setting: Setting<'_>) -> Option<Verdict> {
    if deed.seen == Seen::Async || setting.call.output.is_empty() {
        return None;
    }
    let checks = setting.acts.iter().filter(|act| act.deed.act.is_check()).count();
    let (green, red) = FAMILIES.marks(setting.call.output, if checks > 1 { Some(&deed.program) } else { None });
    let twice = checks > 1 && setting.acts.iter().filter(|act| act.deed.program == deed.program).count() > 1;
    match (green, red) {
        (_, true) if !twice => Some(Verdict::Red),
        (true, false) if !filtered(setting) => Some(Verdict::Green),
        (true | false, true | false) => None,
    }
}

/// Whether something between the check and the reader may have taken lines away that matter.
fn filtered(setting: Setting<'_>) -> bool {
    let line = super::commands::line_of(setting.call.input);
    line.is_some_and(|line| FILTER.is_match(line))
}

static FILTER: LazyLock<RegexSet> = LazyLock::new(|| {
    super::lexicon::pattern(r"\|\s*(head|grep|rg|awk|cut|wc|sed|jq|sort|uniq|tr|Select-String|findstr)\b")
});

#[derive(Deserialize)]
struct Entry {
    programs: Vec<String>,
    green: Vec<String>,
    red: Vec<String>,
}

struct Families {
    /// One set over every pattern; `owner` says which entry it belongs to and whether it is red.
    set: RegexSet,
    owner: Vec<(usize, bool)>,
    entries: Vec<Entry>,
}

static FAMILIES: LazyLock<Families> = LazyLock::new(|| {
    let entries: Vec<Entry> = serde_yaml::from_str(include_str!("results.yaml")).unwrap_or_default();
    let (mut patterns, mut owner) = (Vec::new(), Vec::new());
    for (at, entry) in entries.iter().enumerate() {
        for (red, list) in [(false, &entry.green), (true, &entry.red)] {
            patterns.extend(list.iter().map(|pattern| format!("(?m){pattern}")));
            owner.extend(list.iter().map(|_| (at, red)));
        }
    }
    Families { set: RegexSet::new(patterns).unwrap_or_else(|_| RegexSet::empty()), owner, entries }
});

impl Families {
    /// Whether a green and a red mark stand in the output; of one program's family, or of any.
    fn marks(&self, output: &str, program: Option<&String>) -> (bool, bool) {
        let (mut green, mut red) = (false, false);
        for hit in self.set.matches(output) {
            let (entry, is_red) = self.owner[hit];
            if program.is_some_and(|program| !self.entries[entry].programs.contains(program)) {
                continue;
            }
            if is_red { red = true } else { green = true }
        }
        (green, red)
    }
}

#[cfg(test)]
mod tests {
    use super::FAMILIES;

    #[test]
    fn the_data_is_read_whole() {
        assert!(FAMILIES.entries.len() >= 9);
        assert_eq!(FAMILIES.set.len(), FAMILIES.owner.len());
    }

    #[test]
    fn summaries_are_told_apart() {
        let rows = [
            ("== 3 passed in 0.12s ==", (true, false)),
            ("1 failed, 2 passed in 0.10s", (false, true)),
            ("Ran 3 tests in 0.001s\n\nOK\n", (true, false)),
            ("Ran 3 tests in 0.001s\n\nFAILED (failures=1)\n", (false, true)),
            ("test result: ok. 4 passed; 0 failed; 0 ignored", (true, false)),
            ("test result: ok. 0 passed; 0 failed; 0 ignored", (false, false)),
            ("test result: FAILED. 3 passed; 1 failed", (false, true)),
            ("ok  \texample.com/x\t0.01s\nFAIL\texample.com/y", (true, true)),
            ("I printed: all tests passed", (false, false)),
            ("Tests:       1 failed, 2 passed, 3 total", (false, true)),
        ];
        for (output, expected) in rows {
            assert_eq!(FAMILIES.marks(output, None), expected, "{output}");
        }
    }
}
