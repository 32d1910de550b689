//! The first pass over a Claude Code session: its records are a tree, and only one branch of it is the conversation.
//!
//! Each record names its parent. Going back and asking anew leaves the old branch in the file: it is kept, and superseded. Two traps:
//! a response with several calls is one record per block, and the result of the first call hangs beside the second call, off the
//! path to the last leaf, and yet is live; a compaction starts a new root that names its parent otherwise.

use super::{
    lines::Lines,
    value::{content_text, millis, number},
};
use crate::model::{fault::Fault, import::Member, trace::Usage};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// What of a record the tree is made of.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Bones<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub subtype: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub parent_uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    logical_parent_uuid: Option<Cow<'a, str>>,
    pub is_sidechain: bool,
    is_compact_summary: bool,
    #[serde(borrow)]
    pub agent_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cwd: Option<Cow<'a, str>>,
    #[serde(borrow)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
    #[serde(borrow)]
    tool_use_result: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    usage: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct Node {
    parent: Option<String>,
    line: u64,
    message: Option<String>,
    /// It only carries results, attachments, notices: no branch of its own.
    follows: bool,
    side: bool,
    /// A new root that goes on where the record before it ended.
    continues: bool,
    before: Option<usize>,
    live: bool,
}

#[derive(Default)]
pub(super) struct Tree {
    pub session: Option<String>,
    pub cwd: Option<String>,
    pub version: Option<String>,
    pub model: Option<String>,
    pub started: Option<String>,
    /// Some record belongs to the session itself and not to a sub-agent.
    pub has_main: bool,
    pub thinks: bool,
    pub summaries: bool,
    /// What each response used, by message id: the last word on it.
    pub usage: HashMap<String, Usage>,
    /// Answers to `AskUserQuestion`, by call.
    pub answers: HashMap<String, Value>,
    /// Sub-agents by the call that started them.
    pub agents: HashMap<String, String>,
    /// Lanes of sub-agents whose records stand in this file, by the line of their record.
    pub lanes: HashMap<u64, String>,
    pub lane_names: HashSet<String>,
    dead: HashSet<u64>,
    repeated: HashSet<u64>,
    nodes: Vec<Node>,
    by_uuid: HashMap<String, usize>,
    asks: HashSet<String>,
    tasks: HashSet<String>,
    /// First words of the lanes in this file, by what they are.
    briefs: HashMap<String, String>,
    /// First words of roots whose lane has no name yet, by node.
    heads: HashMap<usize, String>,
    last_main: Option<usize>,
    side_lanes: HashMap<usize, String>,
}

impl Tree {
    pub fn of(member: &Member<'_>) -> Result<Tree, Fault> {
        let mut tree = Tree::default();
        let mut lines = Lines::of(member.source);
        while lines.advance()? {
            let line = lines.line();
            if let Ok(bones) = serde_json::from_str::<Bones<'_>>(&line.text) {
                tree.take(line.number, &bones);
            }
        }
        tree.find_live();
        tree.find_lanes();
        (tree.nodes, tree.by_uuid) = (Vec::new(), HashMap::new());
        Ok(tree)
    }

    /// The record stands on a branch that was left.
    pub fn is_dead(&self, line: u64) -> bool {
        self.dead.contains(&line)
    }

    /// The record's id was there before.
    pub fn is_repeated(&self, line: u64) -> bool {
        self.repeated.contains(&line)
    }

    /// The sub-agent that a call started: as its result names it, else the lane that begins with the same words.
    pub fn agent_of(&self, call: &str, brief: &str) -> Option<String> {
        self.agents.get(call).or_else(|| self.briefs.get(brief.trim())).cloned()
    }

    /// For each call that started a sub-agent, whose name its result says.
    pub fn delegated(&self) -> impl Iterator<Item = Option<&String>> {
        self.tasks.iter().map(|call| self.agents.get(call))
    }

    fn take(&mut self, line: u64, bones: &Bones<'_>) {
        let fill = |known: &mut Option<String>, new: &Option<Cow<'_, str>>| {
            if known.is_none() {
                *known = new.as_deref().filter(|new| !new.is_empty()).map(str::to_owned);
            }
        };
        fill(&mut self.session, &bones.session_id);
        fill(&mut self.cwd, &bones.cwd);
        fill(&mut self.version, &bones.version);
        if self.started.is_none() && bones.timestamp.as_deref().is_some_and(|time| millis(time).is_some()) {
            fill(&mut self.started, &bones.timestamp);
        }
        let blocks: Vec<Block<'_>> = bones
            .message
            .as_ref()
            .and_then(|message| serde_json::from_str(message.content?.get()).ok())
            .unwrap_or_default();
        if let Some(message) = &bones.message {
            self.message(message, &blocks);
            self.results(bones, &blocks);
        }
        let Some(uuid) = bones.uuid.as_deref() else { return };
        let speaks = matches!(bones.kind.as_ref(), "user" | "assistant");
        self.has_main |= speaks && !bones.is_sidechain;
        self.summaries |= bones.is_compact_summary;
        if let Some(agent) = bones.agent_id.as_deref().filter(|_| bones.is_sidechain) {
            self.lanes.insert(line, agent.to_owned());
            self.lane_names.insert(agent.to_owned());
        }
        if bones.is_sidechain && bones.parent_uuid.is_none() && bones.agent_id.is_none() {
            let content = bones.message.as_ref().and_then(|message| serde_json::from_str(message.content?.get()).ok());
            let words: Value = content.unwrap_or_default();
            self.heads.insert(self.nodes.len(), content_text(&words).trim().to_owned());
        }
        let node = Node {
            parent: bones.parent_uuid.as_ref().or(bones.logical_parent_uuid.as_ref()).map(|id| id.to_string()),
            line,
            message: bones.message.as_ref().and_then(|message| message.id.as_deref()).map(str::to_owned),
            follows: !speaks || blocks.iter().any(|block| block.kind == "tool_result"),
            side: bones.is_sidechain,
            continues: bones.is_compact_summary || bones.subtype.as_deref() == Some("compact_boundary"),
            before: self.last_main,
            live: false,
        };
        self.insert(uuid, node);
    }

    fn insert(&mut self, uuid: &str, node: Node) {
        if self.by_uuid.contains_key(uuid) {
            self.repeated.insert(node.line);
            return;
        }
        if !node.side {
            self.last_main = Some(self.nodes.len());
        }
        self.by_uuid.insert(uuid.to_owned(), self.nodes.len());
        self.nodes.push(node);
    }

    fn message(&mut self, message: &Message<'_>, blocks: &[Block<'_>]) {
        if let Some(model) = message.model.as_deref().filter(|model| *model != "<synthetic>") {
            self.model.get_or_insert_with(|| model.to_owned());
        }
        if let (Some(id), Some(usage)) = (message.id.as_deref(), &message.usage) {
            self.usage.insert(id.to_owned(), tokens(usage));
        }
        self.thinks |= blocks.iter().any(|block| block.thinking.as_deref().is_some_and(|text| !text.is_empty()));
        let asked = blocks.iter().filter(|block| block.name.as_deref() == Some("AskUserQuestion"));
        self.asks.extend(asked.filter_map(|block| block.id.as_deref()).map(str::to_owned));
        let tasks = blocks.iter().filter(|block| matches!(block.name.as_deref(), Some("Task" | "Agent")));
        self.tasks.extend(tasks.filter_map(|block| block.id.as_deref()).map(str::to_owned));
    }

    fn results(&mut self, bones: &Bones<'_>, blocks: &[Block<'_>]) {
        // What stands beside the results belongs to the first of them.
        let mut beside = bones.tool_use_result.map(RawValue::get).unwrap_or_default();
        for block in blocks {
            let (Some(id), Some(content)) = (block.tool_use_id.as_deref(), block.content) else { continue };
            let result = std::mem::take(&mut beside);
            if self.asks.contains(id) {
                let whole: Option<Value> = serde_json::from_str(result).ok();
                let answers = whole.and_then(|mut whole| Some(whole.get_mut("answers")?.take()));
                let said = || content_text(&serde_json::from_str(content.get()).unwrap_or_default());
                self.answers.insert(id.to_owned(), answers.unwrap_or_else(|| Value::String(said())));
            }
            if self.tasks.contains(id) {
                let agent = after(result, "\"agentId\":").or_else(|| after(content.get(), "agentId: "));
                self.agents.extend(agent.map(|agent| (id.to_owned(), agent)));
            }
        }
    }

    fn parent(&self, at: usize) -> Option<usize> {
        let node = &self.nodes[at];
        match &node.parent {
            Some(parent) => self.by_uuid.get(parent.as_str()).copied().or(node.before),
            None if node.continues => node.before,
            None => None,
        }
    }

    fn find_live(&mut self) {
        let Some(leaf) = self.nodes.iter().rposition(|node| !node.side) else { return };
        let mut at = Some(leaf);
        while let Some(here) = at.filter(|here| !self.nodes[*here].live) {
            self.nodes[here].live = true;
            at = self.parent(here);
        }
        for at in 0..self.nodes.len() {
            let Some(parent) = self.parent(at).filter(|parent| self.nodes[*parent].live) else { continue };
            let node = &self.nodes[at];
            let same_response = node.message.is_some() && node.message == self.nodes[parent].message;
            if node.follows || same_response {
                self.nodes[at].live = true;
            }
        }
        let dead = self.nodes.iter().filter(|node| !node.live && !node.side).map(|node| node.line);
        self.dead = dead.collect();
    }

    /// Older sessions keep a sub-agent's records in the same file, without a name: each root of them is a lane.
    fn find_lanes(&mut self) {
        for at in 0..self.nodes.len() {
            let node = &self.nodes[at];
            if !node.side || self.lanes.contains_key(&node.line) {
                continue;
            }
            let known = node.parent.as_deref().and_then(|parent| self.by_uuid.get(parent));
            let lane = known.and_then(|parent| self.side_lanes.get(parent)).cloned();
            let lane = lane.unwrap_or_else(|| format!("side-{}", self.lane_names.len() + 1));
            self.lane_names.insert(lane.clone());
            self.lanes.insert(node.line, lane.clone());
            if let Some(head) = self.heads.remove(&at) {
                self.briefs.entry(head).or_insert_with(|| lane.clone());
            }
            self.side_lanes.insert(at, lane);
        }
    }
}

/// The word that stands behind a key.
fn after(text: &str, key: &str) -> Option<String> {
    let rest = text.split_once(key)?.1.trim_start_matches([' ', '"']);
    let word: String =
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(64).collect();
    (!word.is_empty()).then_some(word)
}

/// Claude counts fresh, written and read input apart; here input is all of it.
pub(super) fn tokens(usage: &Value) -> Usage {
    let cached = number(usage, "cache_read_input_tokens");
    let written = number(usage, "cache_creation_input_tokens");
    let fresh = number(usage, "input_tokens");
    Usage {
        input: fresh.saturating_add(written).saturating_add(cached),
        cached,
        output: number(usage, "output_tokens"),
        ..Usage::default()
    }
}
