//! Habits: how an agent likes to work. Description, never a score.

use super::{
    Metric,
    facts::{ActDone, Facts, count, share},
};
use crate::model::{act::Act, id::EventId, score::Measured};

const NEVER: &str = "never";

pub const RG_SHARE: Metric = Metric {
    id: "rg_share",
    behaviour: "habits",
    unit: "share",
    range: "0..1",
    doc: "Search acts by `rg` / search acts by `rg`, `grep`, `git grep`, `ag` and their like from a shell.",
    undefined: "nothing was searched for from a shell",
    unknown: NEVER,
    fails: "Depends on what is installed in the workspace; it describes and is no merit.",
    of: |facts| {
        let shell: Vec<&ActDone> = acts(facts, Act::Search).filter(|act| !act.deed.command.is_empty()).collect();
        let rg: Vec<EventId> = shell.iter().filter(|act| act.deed.program == "rg").map(|act| act.at.0).collect();
        share(rg.len(), shell.len(), "nothing was searched for from a shell", rg)
    },
};

const GREPS: &[&str] = &["grep", "egrep", "fgrep", "zgrep", "git"];

pub const RG_SEARCHES: Metric = Metric {
    id: "rg_searches",
    behaviour: "habits",
    unit: "acts",
    range: ">= 0",
    doc: "Search acts by `rg` from a shell.",
    undefined: NEVER,
    unknown: NEVER,
    fails: "A count grows with the length of the session, and says nothing where a native tool searches.",
    of: |facts| from_a_shell(facts, |program| program == "rg"),
};

pub const GREP_SEARCHES: Metric = Metric {
    id: "grep_searches",
    behaviour: "habits",
    unit: "acts",
    range: ">= 0",
    doc: "Search acts by `grep`, `egrep`, `fgrep`, `zgrep` or `git grep` from a shell.",
    undefined: NEVER,
    unknown: NEVER,
    fails: "As with rg_searches: a count grows with the session; `grep` behind a pipe filters and is no search.",
    of: |facts| from_a_shell(facts, |program| GREPS.contains(&program)),
};

fn from_a_shell(facts: &Facts<'_>, counts: fn(&str) -> bool) -> Measured {
    let shell = acts(facts, Act::Search).filter(|act| !act.deed.command.is_empty());
    let cites: Vec<EventId> = shell.filter(|act| counts(&act.deed.program)).map(|act| act.at.0).collect();
    count(cites.len(), cites)
}

fn acts<'f>(facts: &'f Facts<'_>, act: Act) -> impl Iterator<Item = &'f ActDone> {
    facts.acts.iter().filter(move |done| done.deed.act == act)
}

pub const NATIVE_SEARCH_SHARE: Metric = Metric {
    id: "native_search_share",
    behaviour: "habits",
    unit: "share",
    range: "0..1",
    doc: "Search acts by a tool of the agent's own / search acts.",
    undefined: "nothing was searched for",
    unknown: NEVER,
    fails: "Follows from the tools that the agent was given; it describes and is no merit.",
    of: |facts| {
        let native: Vec<EventId> =
            acts(facts, Act::Search).filter(|act| act.deed.command.is_empty()).map(|act| act.at.0).collect();
        share(native.len(), acts(facts, Act::Search).count(), "nothing was searched for", native)
    },
};

pub const PATCH_SHARE: Metric = Metric {
    id: "patch_share",
    behaviour: "habits",
    unit: "share",
    range: "0..1",
    doc: "Edit acts that apply a patch (`apply_patch`, `patch`, `git apply`) / edit acts.",
    undefined: "no edit was tried",
    unknown: NEVER,
    fails: "An agent without a patch tool has 0 by necessity; a patch written by a program of its own is not known as one.",
    of: |facts| {
        let patches = |act: &&ActDone| {
            matches!(act.deed.program.as_str(), "apply_patch" | "patch") || act.deed.command.starts_with("git apply")
        };
        let cites: Vec<EventId> = acts(facts, Act::Edit).filter(patches).map(|act| act.at.0).collect();
        share(cites.len(), acts(facts, Act::Edit).count(), "no edit was tried", cites)
    },
};

pub const PARALLEL_READS: Metric = Metric {
    id: "parallel_reads",
    behaviour: "habits",
    unit: "calls",
    range: ">= 1",
    doc: "Mean number of read, search and list calls per model response that holds any. Only responses whose calls the source groups are counted. Cites the first call of the response with most.",
    undefined: "no response with a read is told apart",
    unknown: NEVER,
    fails: "Only told where the source groups calls by response; reading many files at once may be haste.",
    of: |facts| {
        let reads = |batch: &super::facts::Batch| {
            let looks = |call: &&usize| {
                let acts = &facts.acts[facts.calls[**call].acts.clone()];
                !acts.is_empty() && acts.iter().all(|act| matches!(act.deed.act, Act::Read | Act::Search | Act::List))
            };
            batch.calls.iter().filter(looks).map(|call| facts.calls[*call].event).collect::<Vec<EventId>>()
        };
        let told: Vec<Vec<EventId>> =
            facts.batches.iter().filter(|batch| batch.told).map(reads).filter(|reads| !reads.is_empty()).collect();
        match told.len() {
            0 => Measured::Undefined("no response with a read is told apart".to_owned()),
            batches => {
                let cites: Vec<EventId> = told.into_iter().flatten().collect();
                Measured::cited(cites.len() as f64 / batches as f64, cites)
            }
        }
    },
};

pub const COMPACTIONS: Metric = Metric {
    id: "compactions",
    behaviour: "habits",
    unit: "count",
    range: ">= 0",
    doc: "Times the root agent's context was compacted.",
    undefined: NEVER,
    unknown: NEVER,
    fails: "Depends on the model's window and on the agent's settings more than on its work; a source that does not tell of them shows 0.",
    of: |facts| count(facts.compactions.len(), facts.compactions.clone()),
};
