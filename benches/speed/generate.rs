//! A long trace out of the recorded sessions of `fixtures/traces`: repeated, each time with other ids, paths and words.
//!
//! The same seed and size give the same bytes. Nothing in it repeats exactly but what repeats in real sessions, so that no cache of whole
//! texts or lines can shine here.

use evalrun::{
    importers::{Collector, IMPORTERS},
    model::{
        id::EventId,
        trace::{Body, Clock, Event, Header, Tells, Text, Trace, change_strings},
    },
    store::bundles,
};
use std::path::Path;

/// What a generated trace is like, so that a number can be judged.
#[derive(Default)]
pub struct Shape {
    pub events: usize,
    pub bytes: usize,
    /// Bytes of shell lines in calls.
    pub shell: usize,
    pub median_event: usize,
}

/// What must be in shell lines, in percent; a little more than is asked for.
const SHELL: f64 = 2.2;

impl Shape {
    /// In percent of all bytes.
    pub fn shell_share(&self) -> f64 {
        self.shell as f64 * 100.0 / self.bytes as f64
    }
}

/// The trace as the lines of its file, the header first: at least `bytes` long, and no more than one session longer.
pub fn trace(bytes: usize, seed: u64) -> (String, Shape) {
    let sessions = sessions();
    let pool = pool(&sessions);
    let mut long = Long::new(seed, &pool);
    // Where shell lines are too few, a session that is rich in them comes in between.
    let mut rich = sessions.iter().filter(|session| is_rich(session)).cycle();
    for session in sessions.iter().cycle() {
        long.add(session);
        while long.text.len() < bytes && long.shape.shell_share() < SHELL {
            long.add(rich.next().expect("a session that is rich in shell lines"));
        }
        if long.text.len() >= bytes {
            break;
        }
    }
    long.lengths.sort_unstable();
    long.shape.median_event = long.lengths[long.lengths.len() / 2];
    (long.text, long.shape)
}

struct Long<'p> {
    text: String,
    shape: Shape,
    lengths: Vec<usize>,
    turn: u32,
    round: u64,
    pool: &'p [String],
}

impl<'p> Long<'p> {
    fn new(seed: u64, pool: &'p [String]) -> Long<'p> {
        let text = serde_json::to_string(&header()).unwrap() + "\n";
        Long { text, shape: Shape::default(), lengths: Vec::new(), turn: 0, round: seed, pool }
    }

    fn add(&mut self, session: &Trace) {
        self.round += 1;
        let change = Change { round: self.round, pool: self.pool, cwd: session.header.cwd.clone() };
        let base = u32::try_from(self.lengths.len()).unwrap();
        for event in &session.events {
            let changed = change.event(event.clone(), base, self.turn);
            let line = changed.to_line().unwrap();
            self.shape.shell += shell(&changed.body);
            self.lengths.push(line.len());
            self.text += &line;
            self.text.push('\n');
        }
        self.turn += session.events.iter().map(|event| event.turn).max().unwrap_or(0);
        self.shape.events = self.lengths.len();
        self.shape.bytes = self.text.len();
    }
}

/// Enough shell lines to bring the share of the whole up.
fn is_rich(session: &Trace) -> bool {
    let bytes: usize = session.events.iter().map(|event| event.to_line().unwrap().len()).sum();
    session.events.iter().map(|event| shell(&event.body)).sum::<usize>() as f64 * 100.0 > 1.5 * SHELL * bytes as f64
}

fn sessions() -> Vec<Trace> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces");
    let mut found = Vec::new();
    for importer in IMPORTERS.iter().filter(|importer| importer.doc().name != "evalrun") {
        for bundle in bundles(&[root.join(importer.doc().name)]).bundles {
            let open = bundle.open().unwrap();
            let mut sink = Collector::new();
            // Licence texts stand beside the sessions.
            if importer.import(&open.members(), &mut sink).is_ok() {
                found.extend(sink.finish().into_iter().map(|one| one.trace));
            }
        }
    }
    found
}

/// Long words of all messages, for putting in each other's place.
fn pool(sessions: &[Trace]) -> Vec<String> {
    let events = sessions.iter().flat_map(|session| &session.events);
    let texts = events.filter_map(|event| match &event.body {
        Body::AgentMessage(said) => Some(said.text.as_str()),
        Body::UserMessage(said) => Some(said.text.as_str()),
        _ => None,
    });
    let mut words: Vec<String> =
        texts.flat_map(str::split_whitespace).filter(|word| is_long(word)).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

fn is_long(word: &str) -> bool {
    word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

struct Change<'p> {
    round: u64,
    pool: &'p [String],
    cwd: Option<String>,
}

impl Change<'_> {
    fn event(&self, mut event: Event, base: u32, turn: u32) -> Event {
        event.id = EventId(event.id.0 + base);
        event.turn += turn;
        event.at = event.at.map(|at| at + self.round * 1000);
        event.from = event.from.map(|from| format!("{from}.{}", self.round));
        if !event.lane.is_empty() {
            event.lane = format!("{}{}", event.lane, self.round);
        }
        let prose = matches!(event.body, Body::AgentMessage(_) | Body::UserMessage(_) | Body::Reasoning(_));
        for text in event.body.texts_mut() {
            self.text(text, prose);
        }
        match &mut event.body {
            Body::ToolCall(call) => change_strings(&mut call.input, &|text| Some(self.paths(text))),
            Body::ToolResult(result) => result.call = result.call.map(|call| EventId(call.0 + base)),
            Body::FileChange(change) => {
                change.call = change.call.map(|call| EventId(call.0 + base));
                change.path = self.paths(&change.path);
            }
            _ => {}
        }
        event
    }

    fn text(&self, text: &mut Text, prose: bool) {
        let mut new = self.paths(&text.inline);
        if prose {
            new = new.split_inclusive(' ').map(|word| self.word(word)).collect();
        }
        text.inline = new;
    }

    /// Every third long word becomes another one.
    fn word(&self, word: &str) -> String {
        let bare = word.trim_end();
        let pick = hash(bare, self.round);
        if !pick.is_multiple_of(3) || !is_long(bare) {
            return word.to_owned();
        }
        format!("{}{}", self.pool[(pick / 3) as usize % self.pool.len()], &word[bare.len()..])
    }

    /// Files get another name, the same one wherever they stand; well-known names keep theirs. The session's folder becomes `/repo`.
    fn paths(&self, text: &str) -> String {
        const KNOWN: &[&str] = &[
            "package",
            "pyproject",
            "setup",
            "Cargo",
            "go",
            "README",
            "AGENTS",
            "CLAUDE",
            "mod",
            "lib",
            "main",
            "index",
        ];
        let moved = self.cwd.as_deref().filter(|cwd| cwd.len() > 1).map(|cwd| text.replace(cwd, "/repo"));
        let text = moved.as_deref().unwrap_or(text);
        let (mut out, mut from) = (String::with_capacity(text.len() + 64), 0);
        for (dot, _) in text.match_indices('.') {
            let stem =
                text[..dot].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').map_or(0, |at| at + 1);
            let stem = text[..dot].char_indices().map(|(at, _)| at).find(|at| *at >= stem).unwrap_or(dot);
            let rest = text[dot + 1..].bytes().take_while(u8::is_ascii_lowercase).count();
            let name = &text[stem..dot];
            let a_file = (1..5).contains(&rest) && name.len() > 2 && name.as_bytes()[0].is_ascii_alphabetic();
            if a_file && stem >= from && !KNOWN.contains(&name) {
                out += &text[from..dot];
                out += &format!("_{}", hash(name, self.round) % 10_000);
                from = dot;
            }
        }
        out + &text[from..]
    }
}

/// FNV-1a.
fn hash(text: &str, round: u64) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325 ^ round, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        >> 8
}

fn shell(body: &Body) -> usize {
    let Body::ToolCall(call) = body else { return 0 };
    let line = ["cmd", "command"].iter().find_map(|key| call.input.get(key));
    match line {
        Some(serde_json::Value::String(line)) => line.len(),
        Some(serde_json::Value::Array(words)) => words.iter().filter_map(|word| word.as_str()).map(str::len).sum(),
        _ => 0,
    }
}

fn header() -> Header {
    let tells = Tells {
        exit_codes: true,
        outputs: true,
        plans: true,
        reasoning: true,
        times: true,
        usage: true,
        failed_edits: true,
        sub_agents: true,
        snapshots: false,
    };
    Header {
        trace: 1,
        task: None,
        agent: "generated".to_owned(),
        version: None,
        model: None,
        source: "generated".to_owned(),
        session: None,
        clock: Clock::Source,
        tells,
        cwd: Some("/repo".to_owned()),
        started: None,
        language: "en".to_owned(),
    }
}
