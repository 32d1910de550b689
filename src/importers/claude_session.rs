//! Claude Code's session files: `~/.claude/projects/<folder>/<session>.jsonl`, and its sub-agents' beside it.
//!
//! Looks at records with `uuid`, `parentUuid` and `sessionId`. They form a tree: the branch that ends in the last record is the
//! conversation, others are kept as superseded. A response is several records, one per block, each repeating its usage.
//! Sub-agents are records marked `isSidechain`, in the same file or, since 2.0, in `<session>/subagents/agent-<id>.jsonl`; each
//! becomes a lane.
//!
//! What `claude -p --output-format stream-json` prints looks alike (`session_id`, no parents, no times) and is another format.

use super::{
    claude_blocks::Talk,
    claude_tree::{Bones, Tree},
    first_lines,
    lines::Line,
    scribe::{Fate, Scribe, Stamp},
    value::millis,
    weave::weave,
};
use crate::model::{
    fault::Fault,
    import::{Claim, Importer, ImporterDoc, Member, Sink, Source},
    trace::{Body, Clock, End, EndKind, Header, Tells, VERSION},
};
use serde_json::Value;

pub(super) struct ClaudeSession;

static DOC: ImporterDoc = ImporterDoc {
    name: "claude_session",
    about: "a session of Claude Code with its sub-agents'",
    found_at: "~/.claude/projects/<folder>/<session>.jsonl and <session>/subagents/*.jsonl",
    carries_nothing: QUIET_AND_NOISE,
    merges: &["repeated record", "compact_boundary", "brief of a sub-agent"],
};

/// Types of records that only the client needs.
pub(super) const QUIET: &[&str] = QUIET_AND_NOISE.split_at(QUIET_AND_NOISE.len() - NOISES).0;

/// How many of the last entries below are no types of records but kinds of noise in messages.
const NOISES: usize = 9;

const QUIET_AND_NOISE: &[&str] = &[
    "agent-color",
    "agent-name",
    "agent-setting",
    "ai-title",
    "attribution-snapshot",
    "content-replacement",
    "custom-title",
    "file-history-snapshot",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "queue-operation",
    "summary",
    "tag",
    "worktree-state",
    "attachment",
    "system notice",
    "meta message",
    "empty message",
    "local command",
    "reminder",
    "skill text",
    "notification",
    "user's own shell",
];

impl Importer for ClaudeSession {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        let trees = bundle.iter().map(Tree::of).collect::<Result<Vec<_>, _>>()?;
        for (main, sides) in groups(&trees) {
            let members: Vec<usize> = std::iter::once(main).chain(sides).collect();
            session(bundle, &trees, &members, sink)?;
        }
        Ok(())
    }
}

fn claim_of(member: &Member<'_>) -> Claim {
    let lines = first_lines(member);
    if lines.is_empty() {
        return Claim::No("the file is empty");
    }
    let mut streamed = false;
    for line in &lines {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        let has = |key: &str| record.get(key).is_some();
        let speaks = matches!(record.get("type").and_then(Value::as_str), Some("user" | "assistant"));
        if speaks && has("uuid") && has("parentUuid") && has("sessionId") && has("message") {
            return Claim::Sure("messages of Claude Code with uuid, parentUuid and sessionId");
        }
        streamed |= has("session_id") && has("type");
    }
    if streamed {
        return Claim::No("Claude Code's stream-json output, not its session file");
    }
    Claim::No("no message with uuid, parentUuid and sessionId among the first records")
}

/// Each session's own file with those of its sub-agents; a sub-agent's file without its session stands for itself.
fn groups(trees: &[Tree]) -> Vec<(usize, Vec<usize>)> {
    let mut groups: Vec<(usize, Vec<usize>)> =
        (0..trees.len()).filter(|at| trees[*at].has_main).map(|at| (at, Vec::new())).collect();
    for (at, tree) in trees.iter().enumerate().filter(|(_, tree)| !tree.has_main) {
        let parent = groups
            .iter_mut()
            .find(|(main, _)| trees[*main].has_main && tree.session.is_some() && trees[*main].session == tree.session);
        match parent {
            Some((_, sides)) => sides.push(at),
            None => groups.push((at, Vec::new())),
        }
    }
    groups
}

fn session(bundle: &[Member<'_>], trees: &[Tree], members: &[usize], sink: &mut dyn Sink) -> Result<(), Fault> {
    let own: Vec<&Tree> = members.iter().map(|member| &trees[*member]).collect();
    let header = header(&own);
    let start = header.started.as_deref().and_then(millis);
    sink.begin(header)?;
    let mut talk = Talk::of(Scribe::of(sink, start), &own);
    let sources: Vec<&dyn Source> = members.iter().map(|member| bundle[*member].source).collect();
    let mut times: Vec<Option<String>> = vec![None; members.len()];
    weave(&sources, |at, line| {
        let fate = record(&mut talk, At { tree: own[at], member: at }, &mut times[at], line);
        talk.scribe.settle(fate);
    })?;
    let last = Stamp { time: times.swap_remove(0), ..Stamp::default() };
    talk.scribe.put(&last, Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

fn header(trees: &[&Tree]) -> Header {
    let main = trees[0];
    let lanes: Vec<&String> = trees.iter().flat_map(|tree| &tree.lane_names).collect();
    let has_lane = |agent: Option<&String>| agent.map_or(!lanes.is_empty(), |agent| lanes.contains(&agent));
    Header {
        trace: VERSION,
        task: None,
        agent: "claude".to_owned(),
        version: main.version.clone(),
        model: main.model.clone(),
        source: DOC.name.to_owned(),
        session: main.session.clone(),
        clock: if main.started.is_some() { Clock::Source } else { Clock::None },
        tells: Tells {
            exit_codes: true,
            outputs: true,
            plans: true,
            // Some models' thoughts are not written down at all: then their absence says nothing.
            reasoning: trees.iter().any(|tree| tree.thinks),
            times: main.started.is_some(),
            usage: trees.iter().any(|tree| !tree.usage.is_empty()),
            failed_edits: true,
            sub_agents: main.delegated().all(has_lane),
            snapshots: false,
        },
        cwd: main.cwd.clone(),
        started: main.started.clone(),
        language: "en".to_owned(),
    }
}

/// Which member a record stands in.
#[derive(Clone, Copy)]
struct At<'t> {
    tree: &'t Tree,
    member: usize,
}

fn record(talk: &mut Talk<'_, '_>, at: At<'_>, time: &mut Option<String>, line: &Line<'_>) -> Fate {
    talk.scribe.warn_of(line);
    let lane =
        at.tree.lanes.get(&line.number).filter(|_| at.member > 0 || at.tree.has_main).cloned().unwrap_or_default();
    let from = if at.member == 0 { format!("line:{}", line.number) } else { format!("{lane}:{}", line.number) };
    let mut stamp =
        Stamp { lane, time: time.clone(), from, superseded: at.tree.is_dead(line.number), lossy: line.lossy };
    let (bones, whole) =
        match (serde_json::from_str::<Bones<'_>>(&line.text), serde_json::from_str::<Value>(&line.text)) {
            (Ok(bones), Ok(whole)) => (bones, whole),
            (Err(error), _) | (_, Err(error)) => {
                return talk.scribe.malformed(&stamp, line, &format!("not a record of a session: {error}"));
            }
        };
    if let Some(new) = bones.timestamp.as_deref().filter(|time| millis(time).is_some()) {
        stamp.time = Some(new.to_owned());
        time.clone_from(&stamp.time);
    }
    if at.tree.is_repeated(line.number) {
        return Fate::Merged("repeated record");
    }
    let taken = match bones.kind.as_ref() {
        "user" => talk.user(at.tree, &stamp, whole),
        "assistant" => talk.assistant(at.tree, &stamp, whole),
        "system" => talk.system(at.tree, &stamp, &whole),
        "attachment" => Some(talk.attachment(&stamp, &whole)),
        kind => QUIET.iter().find(|quiet| **quiet == kind).map(|quiet| Fate::Nothing(quiet)),
    };
    taken.unwrap_or_else(|| {
        let kind = [Some(bones.kind.as_ref()), bones.subtype.as_deref()].into_iter().flatten().collect::<Vec<_>>();
        talk.scribe.unknown(&stamp, &kind.join("."), &line.text)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::claude_words, *};

    #[test]
    fn the_doc_lists_all_that_is_passed_over() {
        for kind in QUIET.iter().chain(claude_words::NOISE) {
            assert!(DOC.carries_nothing.contains(kind), "{kind}");
        }
    }
}
