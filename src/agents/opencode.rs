//! opencode: a program per turn, `opencode run --format json`, then with `--session ID`. The turn's end is the program's end.
//!
//! At the end `opencode export` writes the whole session, which is kept. Described in `docs/agents-acp.md`.

use super::{
    Driver, Field, Identity, Seat, Session, Word,
    login::{self, Lent},
    native,
    per_turn::{PerTurn, Tongue, as_word, lay_over},
};
use crate::{
    importers::opencode_parts,
    model::{
        agent::{Draft, TurnEnd, TurnEnded},
        fault::{Boundary, Fault},
        run::Boxed,
        suite::AgentSpec,
        trace::Tells,
    },
    process::{Cancel, Exit, Spec, run},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, time::Duration};

pub static DRIVER: Driver = Driver {
    name: "opencode",
    about: "drives opencode, a program per turn",
    fields: &[Field {
        name: "command",
        about: "command line instead of `opencode`",
        word: Word::Argv,
        required: false,
    }],
    stand_in: false,
    tells: |_| Tells { sub_agents: false, snapshots: true, ..opencode_parts::TELLS },
    check,
    open: |seat| Box::pin(async move { open(seat) }),
};

/// Where opencode keeps a login.
pub(super) const LOGIN: &[&str] = &[".local/share/opencode/auth.json"];

const SWITCHES: &[&str] =
    &["OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH", "OPENCODE_DISABLE_LSP_DOWNLOAD"];

/// How long the export of a session may take: less than a session's closing may.
const EXPORTING: Duration = Duration::from_secs(25);

/// The provider of a scripted model, and its model where the agent's block names none.
const SCRIPTED: &str = "scripted";

fn check(spec: &AgentSpec) -> Vec<String> {
    let mut mistakes = Vec::new();
    let command = spec.rest.get("command");
    if command.is_some_and(|command| command.as_array().is_none_or(Vec::is_empty)) {
        mistakes.push("`command` is a list of words that is not empty".to_owned());
    }
    for (name, value) in spec.rest.get("settings").and_then(Value::as_object).into_iter().flatten() {
        mistakes.extend(match name.as_str() {
            "config" if value.is_object() => None,
            "config" => Some("`settings.config` is a map, as in opencode.json".to_owned()),
            name => Some(format!("`settings.{name}` is unknown: config")),
        });
    }
    mistakes
}

fn open(seat: Seat) -> Result<Box<dyn Session>, Fault> {
    let mistakes = check(&seat.spec);
    if !mistakes.is_empty() {
        return Err(Fault::new(Boundary::Workspace, "command", mistakes.join("; ")));
    }
    let folder = seat.home.join(".config/opencode");
    let config = config(&seat).to_string();
    fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join("opencode.json"), config)).map_err(|error| {
        Fault::new(Boundary::Workspace, "settings", format!("the settings of opencode cannot be written: {error}"))
    })?;
    let lent = login::lend(&seat, LOGIN)?;
    let opencode = OpenCode { seat: seat.clone(), session: None, failed: None, lent };
    Ok(Box::new(PerTurn::new(Box::new(opencode), seat)))
}

/// No updates, no sharing; a scripted model as the only provider; then what the suite says.
fn config(seat: &Seat) -> Value {
    let mut config = json!({"$schema": "https://opencode.ai/config.json", "autoupdate": false, "share": "disabled"});
    if let Some(base) = &seat.model_at {
        let model = seat.spec.model.as_deref().unwrap_or(SCRIPTED);
        let name = format!("{SCRIPTED}/{model}");
        let limit = json!({"context": 200_000, "output": 8192});
        lay_over(
            &mut config,
            &json!({
                "model": name,
                "small_model": name,
                "enabled_providers": [SCRIPTED],
                "provider": {SCRIPTED: {
                    "npm": "@ai-sdk/openai-compatible",
                    "name": SCRIPTED,
                    "options": {"baseURL": format!("{base}/v1"), "apiKey": SCRIPTED},
                    "models": {model: {"name": model, "tool_call": true, "reasoning": true, "limit": limit}},
                }},
            }),
        );
    }
    if let Some(over) = seat.spec.rest.pointer("/settings/config") {
        lay_over(&mut config, over);
    }
    config
}

struct OpenCode {
    seat: Seat,
    /// As the agent gave it.
    session: Option<String>,
    /// The running turn's error, by its own words: the program may end with 0 all the same.
    failed: Option<String>,
    lent: Lent,
}

impl OpenCode {
    fn run(&self, words: &[&str]) -> Spec {
        let command = self.seat.spec.rest.get("command").and_then(Value::as_array).into_iter().flatten();
        let mut argv: Vec<String> = command.filter_map(Value::as_str).map(str::to_owned).collect();
        if argv.is_empty() {
            argv.push("opencode".to_owned());
        }
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        let mut env: BTreeMap<String, String> = self.seat.env.clone();
        env.extend(SWITCHES.iter().map(|name| ((*name).to_owned(), "1".to_owned())));
        Spec { env, timeout: None, ..self.seat.program(argv) }
    }

    /// Writes the whole session; says why where it cannot.
    async fn export(&self, session: &str) -> Result<(), String> {
        let spec = Spec { timeout: Some(EXPORTING), cap: 64 << 20, ..self.run(&["export", session]) };
        let output =
            run(spec, &Cancel::new()).await.map_err(|fault| format!("the session was not exported: {fault}"))?;
        let whole = output.stdout.bytes().len() as u64 == output.stdout.written();
        if output.exit != Exit::Code(0) || !whole {
            return Err("the session was not exported: `opencode export` failed, took too long, or wrote over 64 MiB"
                .to_owned());
        }
        let (native, redactor, bytes) = (self.seat.native.clone(), self.seat.redactor.clone(), output.stdout.bytes());
        let written = tokio::task::spawn_blocking(move || {
            native::write(&native, Path::new("opencode-export.json"), &bytes, &redactor)
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the exported session was not kept: {error}")),
            Err(error) => Err(format!("the exported session was not kept: {error}")),
        }
    }
}

impl Tongue for OpenCode {
    fn program(&mut self, message: &str) -> Spec {
        let model = self.seat.spec.model.as_deref().map(|model| match &self.seat.model_at {
            Some(_) => format!("{SCRIPTED}/{model}"),
            None => model.to_owned(),
        });
        let mut words = vec!["run", "--pure", "--format", "json", "--auto", "--thinking"];
        let session = self.session.clone();
        if let Some(session) = &session {
            words.extend(["--session", session]);
        }
        if let Some(model) = &model {
            words.extend(["--model", model]);
        }
        let message = as_word(message);
        words.push(&message);
        self.run(&words)
    }

    fn record(&mut self, record: &Value) -> Vec<Draft> {
        if let Some(error) = record.get("error").filter(|_| record.get("type") == Some(&json!("error"))) {
            self.failed = Some(opencode_parts::error_words(Some(error)));
        }
        opencode_parts::line(record, &mut self.session)
    }

    fn ended(&mut self) -> (Vec<Draft>, Option<TurnEnd>) {
        let failed = self.failed.take().map(|why| TurnEnd { how: TurnEnded::Failed, why });
        (Vec::new(), failed)
    }

    fn identity(&self) -> Identity {
        Identity { version: None, model: self.seat.spec.model.clone(), session: self.session.clone() }
    }

    fn close(self: Box<Self>) -> Boxed<'static, Vec<String>> {
        Box::pin(async move {
            let exported = match &self.session {
                Some(session) => self.export(session).await.err(),
                None => None,
            };
            let mut notes = self.lent.take_back();
            notes.extend(exported);
            notes
        })
    }
}
