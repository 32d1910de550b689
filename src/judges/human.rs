//! `human`: the question goes into the run's queue, `evalrun label` shows it, and once a person has decided every criterion of it, that is the
//! reply.

use super::{Desk, Failed, Provider, Request, fault};
use crate::model::{
    fault::Fault,
    judge::{JudgeReply, Kept},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub const HUMAN: Provider = Provider {
    name: "human",
    about: "a person: the question waits for `evalrun label`",
    model: false,
    check: |_| None,
    complete: |request, desk| Box::pin(async move { complete(request, desk).map_err(Failed::from) }),
};

/// What a person said of one criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// `dimension/criterion`.
    pub criterion: String,
    /// `met`, `not_met`, `unknown`, `not_applicable`.
    pub verdict: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub quote: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Who decided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rater: String,
}

fn complete(request: &Request<'_>, desk: &Desk<'_>) -> Result<JudgeReply, Fault> {
    let Some(decided) = desk.people.ask(request)? else {
        return Err(fault("waiting", "waits for a person").hint(
            "`evalrun label RUN` writes what is open; with the decisions read back, `evalrun grade RUN` goes on",
        ));
    };
    let rater = decided.iter().map(|decision| decision.rater.as_str()).find(|name| !name.is_empty());
    Ok(JudgeReply {
        text: written(&decided).to_string(),
        by: "human".to_owned(),
        model: rater.map(str::to_owned),
        fingerprint: None,
        usage: None,
        micro_usd: None,
        kept: Kept::Recorded,
    })
}

/// Decisions in the form of a judge's reply.
pub fn written(decided: &[Decision]) -> Value {
    let verdict = |decision: &Decision| {
        let quoted = json!([{"event": decision.event, "quote": decision.quote}]);
        json!({
            "criterion": decision.criterion.rsplit('/').next().unwrap_or_default(),
            "expectation": "",
            "evidence": if decision.quote.is_empty() { json!([]) } else { quoted },
            "reasoning": decision.why,
            "verdict": decision.verdict,
        })
    };
    json!({ "answers": decided.iter().map(verdict).collect::<Vec<_>>() })
}
