//! The words and classes of what an event says by a name of ours.

use super::super::words::one_line;
use crate::model::{
    agent::{TurnEnd, TurnEnded},
    interview::Decided,
    trace::{CheckStatus, EndKind, Phase},
};

pub(super) fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Commentary => "commentary",
        Phase::Final => "final",
    }
}

pub(super) fn check_word(status: CheckStatus) -> (&'static str, &'static str) {
    match status {
        CheckStatus::Passed => ("passed", "met"),
        CheckStatus::Failed => ("failed", "unmet"),
        CheckStatus::Skipped => ("skipped", "none"),
        CheckStatus::Broken => ("broken", "none"),
        CheckStatus::Timeout => ("timeout", "unmet"),
    }
}

pub(super) fn end_word(kind: EndKind) -> &'static str {
    match kind {
        EndKind::Done => "the script was played to its end",
        EndKind::Limit => "the agent reached its limit",
        EndKind::AgentGone => "the agent left",
        EndKind::Cancelled => "stopped by us",
        EndKind::Broken => "broken, on our side",
        EndKind::Recorded => "the recording ends",
    }
}

pub(super) fn turn_word(end: &TurnEnd) -> String {
    let how = match end.how {
        TurnEnded::Done => "done",
        TurnEnded::Interrupted => "interrupted",
        TurnEnded::Failed => "failed",
    };
    if end.why.is_empty() { how.to_owned() } else { format!("{how}: {}", one_line(&end.why, 200)) }
}

pub(super) fn decided(decision: Decided) -> &'static str {
    match decision {
        Decided::Brief => "the interviewer briefs",
        Decided::Tell => "the interviewer tells",
        Decided::Otherwise => "the interviewer has no opinion",
        Decided::GoAhead => "the interviewer says go ahead",
        Decided::DeclineOffer => "the interviewer declines an offer",
        Decided::Enough => "the interviewer has answered enough",
        Decided::Remind => "the interviewer reminds",
        Decided::EndStage => "the interviewer ends the stage",
        Decided::SkipStage => "the interviewer skips a stage",
        Decided::Stop => "the interviewer stops",
    }
}
