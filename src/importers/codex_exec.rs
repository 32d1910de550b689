//! What `codex exec --json` prints: the events of one turn and process, or of several turns in files of one folder.
//!
//! Looks at lines `{"type": "thread.started" | "turn.started" | "item.started" | "item.completed" | ..}`. The rollout of the same
//! thread tells more; this is for those who kept nothing else. Tokens are summed over the thread, across processes: differences are
//! taken. Ids of items begin anew in every process. There are no times, no words of the user, no failed patches, no compactions.
//!
//! ```text
//! {"type":"item.completed","item":{"id":"item_3","type":"command_execution","command":"...","aggregated_output":"...","exit_code":0,"status":"completed"}}
//! {"type":"turn.completed","usage":{"input_tokens":6021,"cached_input_tokens":3000,"output_tokens":300,"reasoning_output_tokens":60}}
//! ```

use super::{
    first_lines,
    lines::{Line, Lines},
    scribe::{Fate, Scribe, Stamp},
    value::{content_text, items, number, some_text, take_text, text, whole},
};
use crate::model::{
    agent::{TurnEnd, TurnEnded},
    fault::Fault,
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{
        AgentMessage, Body, Change, Clock, End, EndKind, ErrorMark, FileChange, Header, Plan, PlanStep, Reasoning,
        ResultStatus, StepStatus, SubAgent, SubAgentState, Tells, Text, ToolCall, ToolResult, Usage, UsageScope,
        VERSION,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

pub(super) struct CodexExec;

static DOC: ImporterDoc = ImporterDoc {
    name: "codex_exec",
    about: "what `codex exec --json` printed, turn by turn",
    found_at: "wherever it was written: codex exec --json ... > turn1.jsonl",
    carries_nothing: &["thread.started", "turn.started", "begin of an item"],
    merges: &[],
};

impl Importer for CodexExec {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let claims: Vec<Claim> = bundle.iter().map(claim_of).collect();
        let first = claims.first().copied().unwrap_or(Claim::No("no file"));
        claims.into_iter().find(|claim| matches!(claim, Claim::No(_))).unwrap_or(first)
    }

    /// One trace for each thread; the files of a thread follow one another by their names.
    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        let mut threads: BTreeMap<String, Vec<&Member<'_>>> = BTreeMap::new();
        for member in bundle {
            let thread = first_lines(member).iter().find_map(|line| thread_of(line)).unwrap_or_default();
            threads.entry(thread).or_default().push(member);
        }
        for (thread, mut members) in threads {
            members.sort_by_key(|member| member.name);
            play(&thread, &members, sink)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Opened<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    thread_id: Option<Cow<'a, str>>,
}

fn thread_of(line: &str) -> Option<String> {
    let opened: Opened<'_> = serde_json::from_str(line).ok()?;
    opened.thread_id.filter(|_| opened.kind == "thread.started").map(Cow::into_owned)
}

fn claim_of(member: &Member<'_>) -> Claim {
    let lines = first_lines(member);
    if lines.iter().any(|line| thread_of(line).is_some()) {
        return Claim::Sure("a thread.started record of codex exec");
    }
    let kinds = lines.iter().filter_map(|line| serde_json::from_str::<Opened<'_>>(line).ok());
    let known = ["turn.started", "turn.completed", "turn.failed", "item.started", "item.updated", "item.completed"];
    match kinds.filter(|line| known.contains(&line.kind.as_ref())).count() {
        0 if lines.is_empty() => Claim::No("the file is empty"),
        0 => Claim::No("no line is an event of codex exec --json"),
        _ => Claim::Weak("events like those of codex exec, without its thread.started"),
    }
}

fn play(thread: &str, members: &[&Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
    let tells =
        Tells { exit_codes: true, outputs: true, plans: true, reasoning: true, usage: true, ..Tells::default() };
    sink.begin(Header {
        trace: VERSION,
        task: None,
        agent: "codex".to_owned(),
        version: None,
        model: None,
        source: DOC.name.to_owned(),
        session: Some(thread.to_owned()).filter(|thread| !thread.is_empty()),
        clock: Clock::None,
        tells,
        cwd: None,
        started: None,
        language: "en".to_owned(),
    })?;
    let mut play = Play { scribe: Scribe::of(sink, None), stream: Stream::default() };
    for (at, member) in members.iter().enumerate() {
        let mut lines = Lines::of(member.source);
        while lines.advance()? {
            let line = lines.line();
            let name = if members.len() > 1 { format!("file{}:", at + 1) } else { String::new() };
            let stamp = Stamp { from: format!("{name}line:{}", line.number), lossy: line.lossy, ..Stamp::default() };
            let fate = play.line(&stamp, &line);
            play.scribe.settle(fate);
        }
    }
    play.scribe.put(&Stamp::default(), Body::End(End { kind: EndKind::Recorded, why: String::new() }));
    Ok(())
}

struct Play<'s> {
    scribe: Scribe<'s>,
    stream: Stream,
}

impl Play<'_> {
    fn line(&mut self, stamp: &Stamp, line: &Line<'_>) -> Fate {
        self.scribe.warn_of(line);
        let told = match self.stream.line(&line.text) {
            Ok(told) => told,
            Err(why) => return self.scribe.malformed(stamp, line, &why),
        };
        let mut fate = Fate::Nothing("begin of an item");
        for one in told {
            let kept = match one {
                Told::Thread(_) => Fate::Nothing("thread.started"),
                Told::Turn => {
                    self.scribe.turn += 1;
                    Fate::Nothing("turn.started")
                }
                Told::Nothing => Fate::Nothing("begin of an item"),
                Told::Event(body, call) => self.event(stamp, *body, call.as_deref()),
                Told::End(end) => {
                    self.scribe.put(stamp, Body::TurnEnd(end));
                    Fate::Kept
                }
            };
            if fate != Fate::Kept {
                fate = kept;
            }
        }
        fate
    }

    fn event(&mut self, stamp: &Stamp, mut body: Body, call: Option<&str>) -> Fate {
        let known = call.and_then(|call| self.scribe.event_of(stamp, call));
        match (&mut body, call) {
            (Body::ToolCall(made), Some(id)) => {
                self.scribe.call(stamp, id, made.clone());
                return Fate::Kept;
            }
            (Body::ToolResult(result), _) => result.call = known,
            (Body::FileChange(change), _) => change.call = known,
            _ => {}
        }
        self.scribe.put(stamp, body);
        Fate::Kept
    }
}

/// What a line of the stream tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The thread's id, by which it is resumed.
    Thread(String),
    /// A turn begins.
    Turn,
    Nothing,
    /// An event, with the id of the call that it is or belongs to.
    Event(Box<Body>, Option<String>),
    End(TurnEnd),
}

/// Reads the stream line by line: shared by the importer and by the driver that starts the processes.
#[derive(Debug, Default)]
pub struct Stream {
    /// Sum of tokens that the thread said last.
    total: Usage,
    /// Processes so far: ids of items begin anew in each.
    process: u32,
    /// Calls whose begin was told.
    open: BTreeSet<String>,
    started: BTreeSet<String>,
}

/// Calls and sub-agents that are followed.
const MOST_OPEN: usize = 512;

impl Stream {
    /// # Errors
    /// Why the line is none of the stream.
    pub fn line(&mut self, line: &str) -> Result<Vec<Told>, String> {
        let mut record: Value =
            serde_json::from_str(line).map_err(|error| format!("not an event of codex exec: {error}"))?;
        let kind = text(&record, "type").to_owned();
        Ok(match kind.as_str() {
            "thread.started" => {
                self.process += 1;
                self.open.clear();
                vec![Told::Thread(take_text(&mut record, "thread_id"))]
            }
            "turn.started" => vec![Told::Turn],
            "item.started" | "item.updated" => self.item(&record["item"], At::Begin),
            "item.completed" => self.item(&record["item"], At::End),
            "turn.completed" => {
                let usage = self.used(&record["usage"]).map(|usage| event(Body::Usage(usage)));
                let end = Told::End(TurnEnd { how: TurnEnded::Done, why: String::new() });
                usage.into_iter().chain([end]).collect()
            }
            "turn.failed" => {
                let why = text(&record["error"], "message").to_owned();
                vec![Told::End(TurnEnd { how: TurnEnded::Failed, why })]
            }
            "error" => vec![event(error(text(&record, "message")))],
            _ if kind.is_empty() => return Err("not an event of codex exec: it has no type".to_owned()),
            _ => vec![unknown(&kind, &record)],
        })
    }

    /// The counts are sums over the thread, across processes.
    fn used(&mut self, usage: &Value) -> Option<Usage> {
        let total = Usage {
            scope: UsageScope::Turn,
            input: number(usage, "input_tokens"),
            cached: number(usage, "cached_input_tokens"),
            output: number(usage, "output_tokens"),
            reasoning: number(usage, "reasoning_output_tokens"),
            model: None,
            micro_usd: None,
        };
        let before = std::mem::replace(&mut self.total, total.clone());
        if total.input < before.input || total.output < before.output {
            return Some(total);
        }
        let used = Usage {
            input: total.input - before.input,
            cached: total.cached.saturating_sub(before.cached),
            output: total.output - before.output,
            reasoning: total.reasoning.saturating_sub(before.reasoning),
            ..total
        };
        (used.input > 0 || used.output > 0).then_some(used)
    }

    fn item(&mut self, item: &Value, at: At) -> Vec<Told> {
        let id = format!("{}:{}", self.process, text(item, "id"));
        match (text(item, "type"), at) {
            ("agent_message", At::End) => {
                vec![event(Body::AgentMessage(AgentMessage { text: whole(text(item, "text")), phase: None }))]
            }
            ("reasoning", At::End) => {
                vec![event(Body::Reasoning(Reasoning { text: whole(text(item, "text")), encrypted: false }))]
            }
            ("error", At::End) => vec![event(error(text(item, "message")))],
            ("todo_list", _) => plan(item).map_or_else(|| vec![Told::Nothing], |plan| vec![event(Body::Plan(plan))]),
            (_, at) => match (call_of(item), at) {
                (Some(_), At::Begin) if self.open.contains(&id) => vec![Told::Nothing],
                (Some(call), At::Begin) => self.begun(id, call),
                (Some(call), At::End) => self.finished(&id, item, call),
                (None, At::Begin) => vec![Told::Nothing],
                (None, At::End) => vec![unknown(&format!("item.{}", text(item, "type")), item)],
            },
        }
    }

    fn begun(&mut self, id: String, call: ToolCall) -> Vec<Told> {
        if self.open.len() < MOST_OPEN {
            self.open.insert(id.clone());
        }
        vec![Told::Event(Box::new(Body::ToolCall(call)), Some(id))]
    }

    fn finished(&mut self, id: &str, item: &Value, call: ToolCall) -> Vec<Told> {
        let mut told = if self.open.remove(id) { Vec::new() } else { self.begun(id.to_owned(), call) };
        self.open.remove(id);
        if text(item, "type") == "collab_tool_call" {
            told.extend(self.collaborated(item));
        }
        let (result, changes) = result_of(item);
        told.push(Told::Event(Box::new(Body::ToolResult(result)), Some(id.to_owned())));
        told.extend(
            changes.into_iter().map(|change| Told::Event(Box::new(Body::FileChange(change)), Some(id.to_owned()))),
        );
        told
    }

    fn collaborated(&mut self, item: &Value) -> Vec<Told> {
        if !text(item, "tool").contains("spawn") {
            return Vec::new();
        }
        let children = items(item, "receiver_thread_ids").iter().filter_map(Value::as_str).take(64);
        let new: Vec<&str> = children
            .filter(|child| self.started.len() < MOST_OPEN && self.started.insert((*child).to_owned()))
            .collect();
        let start = |child: &str| {
            let brief = whole(text(item, "prompt"));
            let state = SubAgentState::Started;
            event(Body::SubAgent(SubAgent { id: child.to_owned(), state, brief, result: Text::default() }))
        };
        new.into_iter().map(start).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    End,
}

fn event(body: Body) -> Told {
    Told::Event(Box::new(body), None)
}

fn error(message: &str) -> Body {
    Body::Error(ErrorMark { message: whole(message), fault: None })
}

fn unknown(kind: &str, record: &Value) -> Told {
    let raw = Text::whole(record.to_string());
    event(Body::Unknown(crate::model::trace::Unknown { kind: format!("codex.{kind}"), raw }))
}

fn call_of(item: &Value) -> Option<ToolCall> {
    let (name, input) = match text(item, "type") {
        "command_execution" => ("exec_command".to_owned(), json!({"command": text(item, "command")})),
        // The stream names the files and has no patch; the rollout has it.
        "file_change" => ("apply_patch".to_owned(), Value::Null),
        "mcp_tool_call" => {
            let name = format!("mcp__{}__{}", text(item, "server"), text(item, "tool"));
            (name, item.get("arguments").cloned().unwrap_or_default())
        }
        "collab_tool_call" => (text(item, "tool").to_owned(), json!({"message": text(item, "prompt")})),
        "web_search" => ("web_search".to_owned(), json!({"query": text(item, "query")})),
        _ => return None,
    };
    Some(ToolCall { name, tool: None, input, batch: None })
}

fn result_of(item: &Value) -> (ToolResult, Vec<FileChange>) {
    let exit = item.get("exit_code").and_then(Value::as_i64).and_then(|exit| i32::try_from(exit).ok());
    let status = match super::codex_outputs::item_status(item, exit) {
        ResultStatus::Unknown if text(item, "type") == "web_search" => ResultStatus::Ok,
        status => status,
    };
    let output = some_text(item, "aggregated_output")
        .map(str::to_owned)
        .or_else(|| item.pointer("/error/message").and_then(Value::as_str).map(str::to_owned))
        .or_else(|| item.pointer("/result/content").map(content_text));
    let result = ToolResult {
        call: None,
        status,
        exit: exit.filter(|exit| *exit >= 0),
        output: whole(output.unwrap_or_default()),
        dropped_bytes: 0,
        duration_ms: None,
    };
    let changed = |change: &Value| FileChange {
        path: text(change, "path").to_owned(),
        change: match text(change, "kind") {
            "add" => Change::Added,
            "delete" => Change::Deleted,
            _ => Change::Modified,
        },
        diff: Text::default(),
        call: None,
    };
    let done = status == ResultStatus::Ok;
    (result, items(item, "changes").iter().filter(|_| done).map(changed).collect())
}

fn plan(item: &Value) -> Option<Plan> {
    let step = |step: &Value| {
        let done = step.get("completed").and_then(Value::as_bool).unwrap_or(false);
        let status = if done { StepStatus::Completed } else { StepStatus::Pending };
        PlanStep { text: text(step, "text").to_owned(), status }
    };
    let steps: Vec<PlanStep> = items(item, "items").iter().map(step).collect();
    (!steps.is_empty()).then_some(Plan { steps })
}
