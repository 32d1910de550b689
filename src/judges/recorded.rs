//! `recorded`: replies that a person or an earlier run gave, read only. What is not there is broken, and never asked of anybody.

use super::{Desk, Failed, Provider, Request, fault};
use crate::model::{
    fault::Fault,
    judge::{JudgeReply, Kept},
};

pub const RECORDED: Provider = Provider {
    name: "recorded",
    about: "a folder of kept replies; one that is not there is never asked for",
    model: false,
    check: |_| None,
    complete: |request, desk| Box::pin(async move { complete(request, desk).map_err(Failed::from) }),
};

fn complete(request: &Request<'_>, desk: &Desk<'_>) -> Result<JudgeReply, Fault> {
    match desk.recordings.find(request.vote.folder.as_deref(), request.key)? {
        Some(reply) => Ok(JudgeReply { kept: Kept::Recorded, ..reply }),
        None => Err(missing()),
    }
}

/// No reply was kept for this question.
pub fn missing() -> Fault {
    fault("not_recorded", "no reply is recorded for this question")
        .hint("the record or the question has changed since; ask a judge without `--offline`, or record it anew")
}
