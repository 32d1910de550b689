//! Gemini CLI: a program per turn, `gemini --session-id UUID -p` and then `--resume UUID -p`, with its events as JSON.
//!
//! What it prints leaves out thoughts and exit codes; its session file has them and is kept. Described in `docs/agents-acp.md`.

use super::{
    Driver, Field, Identity, Seat, Session, Word,
    gone::session_id,
    login::{self, Lent},
    native,
    per_turn::{PerTurn, Tongue, as_word, lay_over},
};
use crate::{
    importers::gemini_stream::GeminiStream,
    model::{
        agent::{Draft, TurnEnd},
        fault::{Boundary, Fault},
        run::Boxed,
        suite::AgentSpec,
        trace::Tells,
    },
    process::Spec,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

pub static DRIVER: Driver = Driver {
    name: "gemini",
    about: "drives Gemini CLI, a program per turn",
    fields: &[Field { name: "command", about: "command line instead of `gemini`", word: Word::Argv, required: false }],
    stand_in: false,
    tells: |_| Tells { times: true, usage: true, plans: true, snapshots: true, ..Tells::default() },
    check,
    open: |seat| Box::pin(async move { open(seat) }),
};

/// Where Gemini CLI keeps a login.
pub(super) const LOGIN: &[&str] = &[".gemini/oauth_creds.json", ".gemini/google_accounts.json"];

const APPROVALS: &[&str] = &["default", "auto_edit", "yolo", "plan"];

fn check(spec: &AgentSpec) -> Vec<String> {
    let mut mistakes = Vec::new();
    let command = spec.rest.get("command");
    if command.is_some_and(|command| command.as_array().is_none_or(Vec::is_empty)) {
        mistakes.push("`command` is a list of words that is not empty".to_owned());
    }
    for (name, value) in spec.rest.get("settings").and_then(Value::as_object).into_iter().flatten() {
        mistakes.extend(match name.as_str() {
            "approval_mode" if !value.as_str().is_some_and(|mode| APPROVALS.contains(&mode)) => {
                Some(format!("`settings.approval_mode` is one of {}", APPROVALS.join(", ")))
            }
            "config" if !value.is_object() => Some("`settings.config` is a map, as in settings.json".to_owned()),
            "approval_mode" | "config" => None,
            name => Some(format!("`settings.{name}` is unknown: approval_mode, config")),
        });
    }
    mistakes
}

fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let mistakes = check(&seat.spec);
    if !mistakes.is_empty() {
        return Err(Fault::new(Boundary::Workspace, "command", mistakes.join("; ")));
    }
    let folder = seat.home.join(".gemini");
    let settings = settings(&seat.spec).to_string();
    fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("settings.json"), settings)).map_err(|error| {
        Fault::new(Boundary::Workspace, "settings", format!("the settings of Gemini CLI cannot be written: {error}"))
    })?;
    let lent = login::lend(&seat, LOGIN)?;
    let session = session_id(&seat);
    let gemini = Gemini { seat: seat.clone(), session, begun: false, stream: GeminiStream::default(), lent };
    Ok(Box::new(PerTurn::new(Box::new(gemini), seat)))
}

/// No questions about trust, no statistics, no updates; then what the suite says.
fn settings(spec: &AgentSpec) -> Value {
    let way = if login::is_asked(spec) { "oauth-personal" } else { "gemini-api-key" };
    let mut settings = json!({
        "security": {"auth": {"selectedType": way}, "folderTrust": {"enabled": false}},
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
        "general": {
            "disableAutoUpdate": true,
            "disableUpdateNag": true,
            "enableAutoUpdate": false,
            "enableAutoUpdateNotification": false,
        },
    });
    if let Some(config) = spec.rest.pointer("/settings/config") {
        lay_over(&mut settings, config);
    }
    settings
}

struct Gemini {
    seat: Seat,
    session: String,
    /// Its session exists: the next turn resumes it.
    begun: bool,
    stream: GeminiStream,
    lent: Lent,
}

impl Gemini {
    fn env(&self) -> BTreeMap<String, String> {
        let mut env = self.seat.env.clone();
        env.insert("GEMINI_CLI_NO_RELAUNCH".to_owned(), "1".to_owned());
        if let Some(base) = &self.seat.model_at {
            env.insert("GOOGLE_GEMINI_BASE_URL".to_owned(), base.clone());
            env.entry("GEMINI_API_KEY".to_owned()).or_insert_with(|| "scripted".to_owned());
        }
        env
    }
}

impl Tongue for Gemini {
    fn program(&mut self, message: &str) -> Spec {
        let command = self.seat.spec.rest.get("command").and_then(Value::as_array).into_iter().flatten();
        let mut argv: Vec<String> = command.filter_map(Value::as_str).map(str::to_owned).collect();
        if argv.is_empty() {
            argv.push("gemini".to_owned());
        }
        let way = if self.begun { "--resume" } else { "--session-id" };
        argv.extend([way.to_owned(), self.session.clone()]);
        if let Some(model) = &self.seat.spec.model {
            argv.extend(["-m".to_owned(), model.clone()]);
        }
        let approval = self.seat.spec.rest.pointer("/settings/approval_mode").and_then(Value::as_str).unwrap_or("yolo");
        argv.extend(["--approval-mode", approval, "--skip-trust", "-o", "stream-json", "-p"].map(str::to_owned));
        argv.push(as_word(message));
        Spec { env: self.env(), timeout: None, ..self.seat.program(argv) }
    }

    fn record(&mut self, record: &Value) -> Vec<Draft> {
        self.stream.record(record);
        self.begun |= self.stream.session.is_some();
        self.drain()
    }

    fn ended(&mut self) -> (Vec<Draft>, Option<TurnEnd>) {
        self.stream.flush();
        (self.drain(), self.stream.ended.take())
    }

    fn identity(&self) -> Identity {
        let session = self.stream.session.clone().unwrap_or_else(|| self.session.clone());
        Identity { version: None, model: self.stream.model.clone(), session: Some(session) }
    }

    fn close(self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            let Gemini { seat, lent, .. } = *self;
            let mut notes = lent.take_back();
            let chats =
                native::entries(&seat.home.join(".gemini/tmp")).into_iter().map(|project| project.join("chats"));
            let named = |file: &std::path::PathBuf| {
                let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.starts_with("session-") && (name.ends_with(".jsonl") || name.ends_with(".json"))
            };
            let files = chats.flat_map(|chats| native::entries(&chats)).filter(named);
            notes.extend(files.filter_map(|file| native::keep(&seat, &file).err()));
            notes
        })
    }
}

impl Gemini {
    fn drain(&mut self) -> Vec<Draft> {
        self.stream.drain().into_iter().map(|(draft, _)| draft).collect()
    }
}
