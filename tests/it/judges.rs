//! The outer half of the judge: who is asked, how replies are kept, what failures come to. Programs are real processes.

mod bodies;
mod faults;
mod kept;
mod people;
mod programs;
mod reference;
mod reports;
mod runs;

use evalrun::{
    judges::{Failed, Message, Post, Response, Scene},
    model::{
        fault::Fault,
        judge::{JudgeNeed, NONCE, Prompt, Replied, Seat},
        judge_spec::{JudgeSpec, VoteSpec},
        run::Boxed,
        suite::Permits,
    },
    process::use_supervisor,
    runner::asking::{About, Asking, Cache, Chosen, Queue},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// A judge in a folder of its own.
struct Bench {
    folder: tempfile::TempDir,
    judge: JudgeSpec,
    permits: BTreeMap<String, Permits>,
}

impl Bench {
    fn of(votes: Vec<VoteSpec>) -> Bench {
        use_supervisor(env!("CARGO_BIN_EXE_evalrun"));
        let judge = JudgeSpec { name: "main".to_owned(), votes, tie_breaker: None, labels: None };
        Bench { folder: tempfile::tempdir().unwrap(), judge, permits: BTreeMap::new() }
    }

    /// `judge.py MODE`, which notes its calls.
    fn program(mode: &str) -> Bench {
        let mut bench = Bench::of(vec![VoteSpec::default()]);
        bench.judge.votes = vec![program(mode, &bench.log())];
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("calls.jsonl")
    }

    fn cache(&self) -> Cache {
        Cache::at(self.path("cache"))
    }

    /// The calls that the program noted.
    fn calls(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn asking(&self, offline: bool, post: Box<dyn Post>) -> Asking {
        let chosen = Chosen {
            judge: self.judge.clone(),
            permits: self.permits.clone(),
            cache: self.cache(),
            queue: Queue::of(&self.path("run")),
            offline,
            seed: 7,
        };
        Asking::new(chosen, post).unwrap()
    }

    fn live(&self) -> Asking {
        self.asking(false, Box::new(Nowhere))
    }

    fn ask(&self, need: &JudgeNeed) -> Replied {
        ask(&self.live(), need)
    }
}

fn program(mode: &str, log: &Path) -> VoteSpec {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judges/judge.py");
    let command = ["python3".to_owned(), script.display().to_string(), mode.to_owned(), log.display().to_string()];
    VoteSpec { provider: "command".to_owned(), command: command.to_vec(), ..VoteSpec::default() }
}

fn model(provider: &str, name: &str) -> VoteSpec {
    VoteSpec { provider: provider.to_owned(), model: Some(name.to_owned()), ..VoteSpec::default() }
}

/// A question about two criteria.
fn need(text: &str) -> JudgeNeed {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {"verdicts": {"type": "array", "items": {"type": "string"}}},
        "required": ["verdicts"],
        "additionalProperties": false,
    });
    let user = format!("<record {NONCE}>\n{text}\n</record {NONCE}>\nIs it met?");
    JudgeNeed {
        seat: Seat::Vote(0),
        prompt: Prompt { system: format!("You judge. Fences carry {NONCE}."), user, schema, most: 800 },
        criteria: vec!["planning/names_risks".to_owned(), "planning/proportionate".to_owned()],
        again: 0,
    }
}

fn ask(asking: &Asking, need: &JudgeNeed) -> Replied {
    runtime().block_on(asking.ask(need, About { item: "limit/careful/1", scene: &OneLine }))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A trace of one message.
struct OneLine;

impl Scene for OneLine {
    fn set(&self, folder: &Path) -> Result<(), Fault> {
        fs::write(
            folder.join("trace.jsonl"),
            "{\"trace\":1}\n{\"id\":4,\"kind\":\"message\",\"body\":{\"text\":\"Done.\"}}\n",
        )
        .unwrap();
        fs::create_dir(folder.join("workspace")).unwrap();
        Ok(())
    }

    fn clear(&self, folder: &Path) {
        fs::remove_file(folder.join("trace.jsonl")).unwrap();
    }
}

/// No network.
struct Nowhere;

impl Post for Nowhere {
    fn post(&self, message: Message) -> Boxed<'_, Result<Response, Failed>> {
        panic!("nothing is sent to {}", message.url);
    }

    fn cannot(&self, url: &str) -> Option<String> {
        url.starts_with("https").then(|| "there is no network here".to_owned())
    }
}

/// Keeps what would be sent, and answers with one reply.
#[derive(Clone)]
struct Letterbox {
    sent: Arc<Mutex<Vec<Message>>>,
    reply: Response,
}

impl Letterbox {
    fn answering(reply: &serde_json::Value) -> Letterbox {
        let reply = Response { status: 200, headers: Vec::new(), body: reply.to_string().into_bytes() };
        Letterbox { sent: Arc::default(), reply }
    }

    fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().clone()
    }
}

impl Post for Letterbox {
    fn post(&self, message: Message) -> Boxed<'_, Result<Response, Failed>> {
        self.sent.lock().unwrap().push(message);
        let reply = self.reply.clone();
        Box::pin(async move { Ok(reply) })
    }

    fn cannot(&self, _url: &str) -> Option<String> {
        None
    }
}
