//! The scripted model as a server: requests in, replies of the script out, one line of log for each.

use super::{
    dialects::{Asks, Dialect, dialect},
    faults::{beginning, spoil},
    log::{self, Log},
    play::{Answered, Kind, answer},
    turn::{Reply, Turn, tokens},
};
use crate::{
    http::{Answer, Asked, Content, Limits, Piece, Respond, Server},
    model::{
        canon::{Domain, canonical, hash_bytes},
        run::Boxed,
    },
    script::{Misdeed, Script, Wrong},
};
use serde_json::{Value, json};
use std::{
    io::Error,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Name of the model where a request names none.
pub const MODEL: &str = "scripted";

/// What is played, and how.
pub struct Playing {
    pub script: Script,
    /// What goes wrong on purpose, before what the script itself says.
    pub misdeeds: Vec<Misdeed>,
    /// Where the agent works, if it is known; else it is looked for in the requests.
    pub workspace: Option<String>,
    pub log: Log,
}

/// A scripted model that runs. Dropped, it ends at once.
#[derive(Debug)]
pub struct ScriptedModel {
    server: Server,
}

impl ScriptedModel {
    /// Listens on 127.0.0.1; port 0: any that is free.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(port: u16, playing: Playing) -> Result<ScriptedModel, Error> {
        let model = Model { playing, requests: AtomicU64::new(0), mains: AtomicU64::new(0) };
        let server = Server::start(port, Limits::default(), Arc::new(model)).await?;
        Ok(ScriptedModel { server })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Without a path: `http://127.0.0.1:4101`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Lets replies on their way end, and returns when all is closed.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// What an agent's environment says so that it asks this model; the keys are none, but agents insist on one.
pub fn environment(base_url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("OPENAI_BASE_URL", format!("{base_url}/v1")),
        ("OPENAI_API_BASE", format!("{base_url}/v1")),
        ("OPENAI_API_KEY", "scripted".to_owned()),
        ("ANTHROPIC_BASE_URL", base_url.to_owned()),
        ("ANTHROPIC_API_KEY", "scripted".to_owned()),
        ("GOOGLE_GEMINI_BASE_URL", base_url.to_owned()),
        ("GEMINI_API_KEY", "scripted".to_owned()),
    ]
}

struct Model {
    playing: Playing,
    requests: AtomicU64,
    /// Requests of the conversation itself.
    mains: AtomicU64,
}

impl Respond for Model {
    fn respond(&self, asked: Asked) -> Boxed<'_, Answer> {
        Box::pin(async move {
            let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
            let mut entry = log::asked(number, &asked);
            let answer = self.answer(&asked, &mut entry);
            entry["status"] = json!(answer.status);
            self.playing.log.write(&entry).await;
            answer
        })
    }
}

impl Model {
    fn answer(&self, asked: &Asked, entry: &mut Value) -> Answer {
        let served = dialect(&asked.path);
        match (asked.method.as_str(), served) {
            ("POST", Some((dialect, asks))) => self.post(asked, (dialect, asks), entry),
            // Some agents look first whether anybody is there.
            ("HEAD", _) => whole(200, &json!({})),
            ("GET", _) if asked.path == "/" => whole(200, &json!({"scripted_model": self.playing.script.candidate})),
            ("GET", _) if asked.path.ends_with("/models") || asked.path.contains("/models/") => models(asked),
            (_, Some((dialect, _))) => whole(405, &(dialect.refused)(405, "only POST is answered here")),
            (_, None) => whole(404, &super::dialects::unknown(&asked.path)),
        }
    }

    fn post(&self, asked: &Asked, (dialect, asks): (&'static Dialect, Asks), entry: &mut Value) -> Answer {
        entry["dialect"] = json!(dialect.name);
        let read = serde_json::from_slice::<Value>(&asked.body)
            .map_err(|error| format!("the body is no JSON: {error}"))
            .and_then(|body| Ok(((dialect.read)(&asked.path, &body)?, canonical(&body))));
        let (mut turn, body) = match read {
            Ok(read) => read,
            Err(why) => return whole(400, &(dialect.refused)(400, &why)),
        };
        if turn.model.is_empty() {
            MODEL.clone_into(&mut turn.model);
        }
        entry["request"] = log::turn(&turn);
        if asks == Asks::Count {
            entry["kind"] = json!("count");
            return whole(200, &(dialect.counted)(tokens(body.len())));
        }
        let id: String = hash_bytes(Domain::Script, body.as_bytes()).chars().take(12).collect();
        let with = (self.playing.workspace.as_deref(), id.as_str(), body.len());
        let Answered { kind, reply } = answer(&self.playing.script, &turn, with);
        entry["kind"] = match &kind {
            Kind::Main => json!("main"),
            Kind::Side(what) => json!(what),
        };
        let misdeed = match kind {
            Kind::Main => self.misdeed(),
            Kind::Side(_) => None,
        };
        if let Some(Wrong::Status(status, after)) = misdeed {
            entry["fault"] = json!(status.to_string());
            return refused(dialect, *status, *after);
        }
        entry["reply"] = log::reply(&reply);
        entry["fault"] = misdeed.map_or(Value::Null, |misdeed| json!(misdeed.word()));
        spoken(dialect, (&turn, &reply), misdeed)
    }

    fn misdeed(&self) -> Option<&Wrong> {
        let number = self.mains.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.playing.misdeeds.iter().chain(&self.playing.script.faults);
        all.filter(|misdeed| misdeed.hits(number)).map(|misdeed| &misdeed.what).next()
    }
}

fn refused(dialect: &Dialect, status: u16, after: Option<u64>) -> Answer {
    let mut answer = whole(status, &(dialect.refused)(status, "this fault was asked for"));
    answer.headers.extend(after.map(|seconds| ("Retry-After".to_owned(), seconds.to_string())));
    answer
}

/// A reply as the request wants it, or as it is spoiled.
fn spoken(dialect: &Dialect, (turn, reply): (&Turn, &Reply), misdeed: Option<&Wrong>) -> Answer {
    if matches!(misdeed, Some(Wrong::WrongType)) {
        let page = b"<html><body><h1>It works!</h1></body></html>\n".to_vec();
        return Answer { status: 200, headers: typed("text/html"), content: Content::Whole(page) };
    }
    let events =
        if turn.stream { (dialect.events)(turn, reply) } else { vec![(dialect.whole)(turn, reply).to_string()] };
    let content = match (misdeed, turn.stream) {
        (Some(Wrong::Malformed), false) => Content::Whole(beginning(&events.concat()).as_bytes().to_vec()),
        (Some(what), _) => Content::Pieces(spoil(what, events)),
        (None, true) => Content::Pieces(events.into_iter().map(|event| Piece::Bytes(event.into_bytes())).collect()),
        (None, false) => Content::Whole(events.concat().into_bytes()),
    };
    let mut headers = typed(if turn.stream { "text/event-stream" } else { "application/json" });
    headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    headers.push(("x-request-id".to_owned(), format!("req_{}", reply.id)));
    Answer { status: 200, headers, content }
}

/// The list of models, as each provider words it.
fn models(asked: &Asked) -> Answer {
    let list = if asked.path.contains("/v1beta") {
        let methods = ["generateContent", "countTokens"];
        json!({"models": [{"name": format!("models/{MODEL}"), "displayName": "Scripted", "supportedGenerationMethods": methods}]})
    } else if asked.headers.get("anthropic-version").is_some() {
        let model =
            json!({"type": "model", "id": MODEL, "display_name": "Scripted", "created_at": "2026-01-01T00:00:00Z"});
        json!({"data": [model], "has_more": false, "first_id": MODEL, "last_id": MODEL})
    } else {
        let model = json!({"id": MODEL, "object": "model", "created": super::dialects::CREATED, "owned_by": "evalrun"});
        json!({"object": "list", "data": [model]})
    };
    whole(200, &list)
}

fn whole(status: u16, body: &Value) -> Answer {
    Answer { status, headers: typed("application/json"), content: Content::Whole(body.to_string().into_bytes()) }
}

fn typed(kind: &str) -> Vec<(String, String)> {
    vec![("Content-Type".to_owned(), kind.to_owned())]
}
