//! Asking a judge: what was kept is not asked again, permits and budget are held, what may pass is tried again, every reply is kept.
//!
//! ```text
//! need --key--> cache? --yes--> reply                                                          no call, no cost
//!                  no  --offline--> broken(judge: not recorded)
//!                  no  --> nonce drawn --> permit --> provider --> reply --redacted, priced, kept--> reply
//!                                            ^---- waits, with jitter from the seed ---- refused or failed for now
//! ```

mod cache;
mod estimate;
mod people;
mod scene;
mod wire;

pub use cache::{Cache, Entry, Origin};
pub use estimate::{Estimate, First, Line};
pub use people::{Decided, Question, Queue};
pub use scene::CaseScene;
pub use wire::Wire;

use crate::judges::{Desk, Failed, Gate, MOST_RETRIES, Post, Request, Scene, missing, next_wait, provider};
use crate::model::{
    canon::{Domain, canonical, hash_bytes},
    fault::{Boundary, Fault},
    judge::{Bench, JudgeNeed, JudgeReply, Kept, NONCE, Replied, Seat},
    judge_spec::{JudgeSpec, VoteSpec},
    suite::Permits,
};
use crate::process::{Cancel, redact::Redactor};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Programs that judge at once, where the suite says nothing.
const PROGRAMS: u32 = 4;

/// What a judge is asked with.
pub struct Chosen {
    pub judge: JudgeSpec,
    pub permits: BTreeMap<String, Permits>,
    pub cache: Cache,
    /// Where questions for people wait: the run's folder.
    pub queue: Queue,
    /// Kept replies only.
    pub offline: bool,
    pub seed: u64,
}

/// One judge, for a whole run. Cheap to clone.
#[derive(Clone)]
pub struct Asking {
    inner: Arc<Inner>,
}

struct Inner {
    chosen: Chosen,
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
    /// Questions that are being asked: the same one twice is asked once.
    flights: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    post: Box<dyn Post>,
    redactor: Redactor,
    cancel: Cancel,
    counts: Counts,
    /// The budget is spent: nothing more is asked.
    stopped: AtomicBool,
    /// Told of every cost as it comes.
    payer: OnceLock<Payer>,
}

/// Takes micro-USD.
pub type Payer = Box<dyn Fn(u64) + Send + Sync>;

#[derive(Default)]
struct Counts {
    calls: AtomicU64,
    tries: AtomicU64,
    kept: AtomicU64,
    spent: AtomicU64,
    untold: AtomicU64,
}

/// What asking took until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Questions that were sent to somebody.
    pub calls: u64,
    /// Requests, second tries included.
    pub tries: u64,
    /// Questions answered from what was kept.
    pub kept: u64,
    pub micro_usd: u64,
    /// Calls to paid models whose cost nobody knows.
    pub untold: u64,
}

/// What a question is about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The trial's or session's id.
    pub item: &'a str,
    pub scene: &'a dyn Scene,
}

impl Asking {
    /// # Errors
    /// When the secrets of this environment cannot be hidden.
    pub fn new(chosen: Chosen, post: Box<dyn Post>) -> Result<Asking, Fault> {
        let keys = chosen.judge.seats().filter_map(|vote| vote.key_env.clone()).collect::<Vec<_>>();
        let redactor = super::secrets::of_judge(&keys)?;
        let inner = Inner {
            chosen,
            gates: Mutex::default(),
            flights: Mutex::default(),
            post,
            redactor,
            cancel: Cancel::new(),
            counts: Counts::default(),
            stopped: AtomicBool::new(false),
            payer: OnceLock::new(),
        };
        Ok(Asking { inner: Arc::new(inner) })
    }

    pub fn judge(&self) -> &JudgeSpec {
        &self.inner.chosen.judge
    }

    /// The bench as graders see it.
    pub fn bench(&self) -> Bench {
        let judge = self.judge();
        Bench {
            name: judge.name.clone(),
            votes: judge.votes.len(),
            tie_breaker: judge.tie_breaker.is_some(),
            window: judge.window(),
        }
    }

    /// What stands in the way of asking here, seat by seat; nothing does where only kept replies are taken.
    pub fn obstacles(&self) -> Vec<Fault> {
        if self.inner.chosen.offline {
            return Vec::new();
        }
        let mut found: Vec<Fault> = Vec::new();
        for vote in self.judge().seats() {
            let known = provider(vote).map(|known| (known.check)(vote));
            let unreachable = crate::judges::address(vote).and_then(|url| self.inner.post.cannot(&url));
            let unreachable = unreachable.map(|why| {
                Fault::new(Boundary::Judge, "unreachable", format!("{}: {why}", vote.by()))
                    .hint("`base_url` may name a server that speaks plain http; `--offline` takes kept replies only, `--no-judge` asks nobody")
            });
            let fault = known.unwrap_or_else(Some).or(unreachable);
            found.extend(fault.filter(|fault| !found.contains(fault)));
        }
        found
    }

    pub fn queue(&self) -> &Queue {
        &self.inner.chosen.queue
    }

    pub fn spent(&self) -> Spent {
        let counts = &self.inner.counts;
        let read = |number: &AtomicU64| number.load(Ordering::SeqCst);
        Spent {
            calls: read(&counts.calls),
            tries: read(&counts.tries),
            kept: read(&counts.kept),
            micro_usd: read(&counts.spent),
            untold: read(&counts.untold),
        }
    }

    /// The most requests to a provider that were ever out at once.
    pub fn most_out(&self, provider: &str) -> u32 {
        self.gate(provider).most_out()
    }

    /// Tells somebody of every cost as it comes; the first who wants to know is told.
    pub fn paid_by(&self, payer: Payer) {
        drop(self.inner.payer.set(payer));
    }

    /// Asks nothing more: the budget is spent.
    pub fn stop(&self) {
        self.inner.stopped.store(true, Ordering::SeqCst);
    }

    /// Ends what is being asked.
    pub fn cancel(&self) {
        self.stop();
        self.inner.cancel.cancel();
    }

    /// The seat's reply: kept, or asked for now.
    pub async fn ask(&self, need: &JudgeNeed, about: About<'_>) -> Replied {
        let judge = self.judge();
        let vote = match need.seat {
            Seat::Vote(at) => judge.votes.get(at),
            Seat::TieBreaker => judge.tie_breaker.as_ref(),
        };
        let Some(vote) = vote else {
            return Err(Fault::new(Boundary::Judge, "seat", format!("judge `{}` has no such seat", judge.name)));
        };
        let key = need_key(need);
        if matches!(vote.provider.as_str(), "recorded" | "human") {
            let reply = self.once(&Call { need, vote, key: &key, about }).await.map_err(|failed| failed.fault);
            if reply.is_ok() {
                self.inner.counts.kept.fetch_add(1, Ordering::SeqCst);
            }
            return reply;
        }
        self.kept_or_asked(&Call { need, vote, key: &key, about }).await
    }

    async fn kept_or_asked(&self, call: &Call<'_>) -> Replied {
        let inner = &self.inner;
        let judge = judge_key(call.vote);
        let flight = {
            let mut flights = inner.flights.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(flights.entry(format!("{}{judge}", call.key)).or_default())
        };
        let _landed = flight.lock().await;
        if let Some(reply) = inner.chosen.cache.get(call.key, &judge)? {
            inner.counts.kept.fetch_add(1, Ordering::SeqCst);
            return Ok(JudgeReply { kept: Kept::Cache, ..reply });
        }
        if inner.chosen.offline {
            return Err(missing());
        }
        let reply = self.until_answered(call).await?;
        let entry = Entry::new(call.need, (call.about.item, call.key), reply.clone());
        match inner.chosen.cache.put(&entry, &judge)? {
            None => Ok(reply),
            // Another evalrun was faster: both must say the same.
            Some(first) => Ok(JudgeReply { kept: Kept::Cache, ..first }),
        }
    }

    async fn until_answered(&self, call: &Call<'_>) -> Replied {
        let inner = &self.inner;
        let most = call.vote.retries.unwrap_or(MOST_RETRIES);
        let gate = self.gate(&call.vote.provider);
        inner.counts.calls.fetch_add(1, Ordering::SeqCst);
        for tried in 1.. {
            let permit = gate.enter().await;
            if inner.stopped.load(Ordering::SeqCst) {
                return Err(Fault::new(Boundary::Judge, "budget", "the budget is spent: it was not asked")
                    .hint("raise `budget`, then `evalrun grade RUN`"));
            }
            inner.counts.tries.fetch_add(1, Ordering::SeqCst);
            let failed = match self.once(call).await {
                Ok(reply) => {
                    permit.replied();
                    return Ok(self.paid(call.vote, reply));
                }
                Err(failed) => failed,
            };
            if failed.fault.kind == "rate_limit" {
                permit.refused();
            }
            drop(permit);
            match next_wait(&failed, tried, most, &format!("{}{}", inner.chosen.seed, call.key)) {
                Some(wait) if !inner.cancel.is_cancelled() => tokio::time::sleep(wait).await,
                Some(_) | None => return Err(self.given_up(failed, tried)),
            }
        }
        Err(Fault::new(Boundary::Judge, "tries", "never asked"))
    }

    /// One try.
    async fn once(&self, call: &Call<'_>) -> Result<JudgeReply, Failed> {
        let inner = &self.inner;
        let prompt = &call.need.prompt;
        let nonce = drawn(&[&prompt.system, &prompt.user])?;
        let request = Request {
            vote: call.vote,
            need: call.need,
            key: call.key,
            item: call.about.item,
            system: prompt.system.replace(NONCE, &nonce),
            user: prompt.user.replace(NONCE, &nonce),
            seed: call.vote.seed.unwrap_or(inner.chosen.seed),
            scene: call.about.scene,
        };
        let desk = Desk {
            post: inner.post.as_ref(),
            recordings: &inner.chosen.cache,
            people: &inner.chosen.queue,
            cancel: &inner.cancel,
        };
        let asked = (provider(call.vote)?.complete)(&request, &desk);
        tokio::select! {
            replied = asked => replied,
            // Nobody waits for a judge that takes its time once the run is stopped.
            () = inner.cancel.cancelled() => Err(Fault::new(Boundary::Judge, "cancelled", "stopped by us").into()),
        }
    }

    fn paid(&self, vote: &VoteSpec, reply: JudgeReply) -> JudgeReply {
        let counts = &self.inner.counts;
        match reply.micro_usd {
            Some(micro) => {
                counts.spent.fetch_add(micro, Ordering::SeqCst);
                if let Some(payer) = self.inner.payer.get() {
                    payer(micro);
                }
            }
            None if vote.is_paid() => {
                counts.untold.fetch_add(1, Ordering::SeqCst);
            }
            None => {}
        }
        let clean = |text: String| self.inner.redactor.redact(&text).into_owned();
        JudgeReply { text: clean(reply.text), model: reply.model.map(clean), ..reply }
    }

    /// Without secrets: what a provider or a program said may stand in it.
    fn given_up(&self, failed: Failed, tried: u32) -> Fault {
        let fault = failed.fault;
        let message = self.inner.redactor.redact(&fault.message).into_owned();
        let message = if tried > 1 { format!("{message} (tried {tried} times)") } else { message };
        Fault { boundary: Boundary::Judge, message, retryable: false, ..fault }
    }

    fn gate(&self, provider: &str) -> Arc<Gate> {
        let mut gates = self.inner.gates.lock().unwrap_or_else(PoisonError::into_inner);
        // Programs share this machine: what nothing refuses would never stop doubling.
        let usual = if provider == "command" { Permits::Fixed(PROGRAMS) } else { Permits::Adaptive };
        let permits = self.inner.chosen.permits.get(provider).copied().unwrap_or(usual);
        Arc::clone(gates.entry(provider.to_owned()).or_insert_with(|| Gate::new(permits)))
    }
}

/// Everything about a judge that decides a verdict; a part of the grading id.
pub fn identity(judge: &JudgeSpec) -> String {
    let votes: Vec<Value> = judge.votes.iter().map(who).collect();
    canonical(&json!({"votes": votes, "tie_breaker": judge.tie_breaker.as_ref().map(who), "window": judge.window()}))
}

struct Call<'a> {
    need: &'a JudgeNeed,
    vote: &'a VoteSpec,
    key: &'a str,
    about: About<'a>,
}

/// What a question is kept under: everything of it but who answers, with the nonce's placeholder.
pub fn need_key(need: &JudgeNeed) -> String {
    let asked = json!({
        "seat": need.seat,
        "again": need.again,
        "criteria": need.criteria,
        "system": need.prompt.system,
        "user": need.prompt.user,
        "schema": need.prompt.schema,
        "most": need.prompt.most,
    });
    hash_bytes(Domain::Judge, canonical(&asked).as_bytes())
}

/// What a judge's replies are kept under: everything about it that decides a reply.
pub fn judge_key(vote: &VoteSpec) -> String {
    hash_bytes(Domain::Judge, canonical(&who(vote)).as_bytes())[..16].to_owned()
}

/// A seat without what only says how it is reached: keys, limits, prices. A program is known by its script's bytes, wherever it lies.
fn who(vote: &VoteSpec) -> Value {
    json!({
        "provider": vote.provider,
        "model": vote.model,
        "base_url": vote.base_url,
        "api": vote.api,
        "command": vote.command.iter().map(|word| program_word(word)).collect::<Vec<_>>(),
        "input": vote.input,
        "seed": vote.seed,
        "settings": vote.settings,
    })
}

/// A path by its name, and by its bytes where it is a script: what a program writes to as it judges must not make it another judge.
fn program_word(word: &str) -> String {
    const LARGEST: u64 = 4 << 20;
    const SCRIPTS: &[&str] = &["py", "sh", "js", "ts", "rb", "pl"];
    let path = Path::new(word);
    let Some(name) = path.file_name().filter(|_| path.is_absolute()).map(|name| name.to_string_lossy()) else {
        return word.to_owned();
    };
    let script = path.extension().is_some_and(|ext| SCRIPTS.iter().any(|known| ext == *known));
    let small = script && path.metadata().is_ok_and(|found| found.is_file() && found.len() <= LARGEST);
    match small.then(|| std::fs::read(path).ok()).flatten() {
        Some(bytes) => format!("{name}:{}", &blake3::hash(&bytes).to_hex()[..16]),
        None => name.into_owned(),
    }
}

/// A nonce that occurs nowhere in the texts.
fn drawn(texts: &[&str]) -> Result<String, Fault> {
    for _ in 0..8 {
        let nonce = random()?;
        if !texts.iter().any(|text| text.contains(&nonce)) {
            return Ok(nonce);
        }
    }
    Err(Fault::new(Boundary::Judge, "nonce", "no nonce could be drawn that does not occur in the record"))
}

fn random() -> Result<String, Fault> {
    use std::io::Read;
    let mut bytes = [0u8; 12];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| Fault::new(Boundary::Judge, "nonce", format!("no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
