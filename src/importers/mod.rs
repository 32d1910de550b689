//! One file per foreign trace format, and the seal that turns a live log into the trace that is graded.
//!
//! A recorded session of any agent ends in the same trace that a trial ends in, so the same code grades it. A bundle of files is
//! *recognised* by what stands in its first records, never by its name; then its importer writes one or more traces into a sink.
//! Nothing is lost on the way: every record of a source is an event, an event that is kept but superseded, an `unknown` that holds
//! it verbatim, or is counted as one that carries nothing or repeats another. Here nothing reads files: the bytes are handed in.

mod acp;
mod acp_agents;
pub mod acp_ask;
mod acp_calls;
pub mod acp_updates;
mod claude_blocks;
mod claude_results;
mod claude_session;
mod claude_stream;
mod claude_stream_talk;
mod claude_tree;
pub mod claude_wire;
mod claude_words;
mod codex_events;
pub mod codex_exec;
mod codex_index;
mod codex_items;
mod codex_outputs;
mod codex_rollout;
mod collect;
mod diff;
mod evalrun;
pub mod gemini_session;
pub mod gemini_stream;
pub mod join;
mod join_lanes;
mod join_pairs;
mod lines;
mod opencode;
pub mod opencode_parts;
mod plans;
mod scribe;
pub mod seal;
mod swe_messages;
mod swe_together;
mod tau_bench;
mod value;
mod weave;

pub use collect::{Collector, Imported, KeepLong};
pub use lines::mended;

use crate::model::import::{Claim, Importer, Member};

/// Every format that is read.
pub static IMPORTERS: &[&dyn Importer] = &[
    &evalrun::EvalRun,
    &codex_rollout::CodexRollout,
    &codex_exec::CodexExec,
    &claude_session::ClaudeSession,
    &claude_stream::ClaudeStream,
    &swe_together::SweTogether,
    &tau_bench::TauBench,
    &acp::AcpLog,
    &gemini_session::GeminiSession,
    &opencode::OpenCode,
];

/// The importer of a bundle: the one that is sure, else the only one that may be right.
///
/// # Errors
/// Where nobody takes it, or several do: what each said.
pub fn recognise(bundle: &[Member<'_>]) -> Result<&'static dyn Importer, Vec<(&'static str, String)>> {
    let claims: Vec<(&dyn Importer, Claim)> =
        IMPORTERS.iter().map(|importer| (*importer, importer.claim(bundle))).collect();
    let of = |sure: bool| -> Vec<&'static dyn Importer> {
        let wanted =
            |claim: &Claim| if sure { matches!(claim, Claim::Sure(_)) } else { matches!(claim, Claim::Weak(_)) };
        claims.iter().filter(|(_, claim)| wanted(claim)).map(|(importer, _)| *importer).collect()
    };
    match (of(true).as_slice(), of(false).as_slice()) {
        ([one], _) | ([], [one]) => Ok(*one),
        ([], []) | ([_, _, ..], _) | ([], [_, _, ..]) => {
            Err(claims.iter().map(|(importer, claim)| (importer.doc().name, said(*claim))).collect())
        }
    }
}

/// The importer of that name.
pub fn named(name: &str) -> Option<&'static dyn Importer> {
    IMPORTERS.iter().copied().find(|importer| importer.doc().name == name)
}

fn said(claim: Claim) -> String {
    match claim {
        Claim::No(why) => why.to_owned(),
        Claim::Weak(why) => format!("perhaps: {why}"),
        Claim::Sure(why) => format!("sure: {why}"),
    }
}

/// The first records of a member, as text; what claims look at.
fn first_lines(member: &Member<'_>) -> Vec<String> {
    const LOOK: usize = 40;
    const BYTES: usize = 1 << 20;
    let mut lines = lines::Lines::of(member.source);
    let (mut out, mut bytes): (Vec<String>, usize) = (Vec::new(), 0);
    while out.len() < LOOK && bytes < BYTES && lines.advance().unwrap_or(false) {
        let line = lines.line().text.into_owned();
        bytes += line.len();
        out.push(line);
    }
    out
}
