//! How far an interview came, stage by stage.
//!
//! A stage that was never reached because the agent ran into its own limit, or left, is not met; where we stopped the trial it was not run, and nothing is
//! held against the agent.

use super::{
    script::Script,
    state::{How, State},
};
use crate::model::{
    results::{StageReached, StageResult},
    trace::EndKind,
};
use std::collections::BTreeMap;

/// Every stage of the script with its state; checks are left for whoever ran them.
pub fn reached(script: &Script, state: &State, end: EndKind) -> Vec<StageResult> {
    let (rest, why) = match end {
        EndKind::Done => (StageReached::Unreached, "the interview ended before it"),
        EndKind::Limit => (StageReached::Unreached, "the agent reached a limit before it"),
        EndKind::AgentGone => (StageReached::Unreached, "the agent left before it"),
        EndKind::Cancelled => (StageReached::NotRun, "the trial was stopped before it"),
        EndKind::Broken => (StageReached::NotRun, "the trial broke before it"),
        EndKind::Recorded => (StageReached::NotRun, "the recording ends before it"),
    };
    let stage = |id: &str| {
        let (state, why) = match state.passages.iter().find(|passage| passage.stage == id).map(|passage| &passage.how) {
            Some(How::Ended) => (StageReached::Done, ""),
            Some(How::Skipped(why)) => (StageReached::Skipped, why.as_str()),
            Some(How::Entered) => (rest, why.strip_suffix(" before it").unwrap_or(why)),
            None => (rest, why),
        };
        StageResult { id: id.to_owned(), state, why: why.to_owned(), checks: BTreeMap::new() }
    };
    script.stages().iter().map(|one| stage(&one.id)).collect()
}
