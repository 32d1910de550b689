//! Who is asked for a verdict: one file per provider, one `complete(request) -> reply`.
//!
//! A provider carries: it builds its request, sends it once and gives the reply's text back unread. Whether to ask at all (cache, budget,
//! permits) and whether to ask again is the runner's business. What went wrong comes back as a fault of the judge, and as nothing else.
//!
//! ```text
//! openai     openai:MODEL       Responses, or Chat Completions behind a `base_url`
//! anthropic  anthropic:MODEL    Messages
//! command    {command: [...]}   any program: JSON or the prompt in, text out
//! recorded   recorded           a folder of replies, read only
//! human      human              the question waits until a person has answered it
//! ```

mod anthropic;
mod chat;
mod command;
mod human;
mod limit;
mod openai;
mod post;
mod prices;
mod recorded;
mod refusal;
mod retry;

pub use human::{Decision, written};
pub use limit::{Gate, Limit, Permit};
pub use post::{Message, Post, Response};
pub use prices::{cost, price_of, table_date};
pub use recorded::missing;
pub use refusal::wait_of;
pub use retry::{MOST_RETRIES, next_wait};

use crate::{
    model::{
        fault::{Boundary, Fault},
        judge::{JudgeNeed, JudgeReply},
        judge_spec::VoteSpec,
        run::Boxed,
    },
    process::Cancel,
};
use std::{path::Path, time::Duration};

/// Somebody who can be asked.
pub struct Provider {
    pub name: &'static str,
    pub about: &'static str,
    /// Written `name:MODEL`.
    pub model: bool,
    /// What stands in the way here, before anything is asked: no key, no program.
    pub check: fn(&VoteSpec) -> Option<Fault>,
    /// Asks once.
    pub complete: for<'a> fn(&'a Request<'a>, &'a Desk<'a>) -> Boxed<'a, Result<JudgeReply, Failed>>,
}

/// Everybody who can be asked.
pub static JUDGES: &[Provider] =
    &[openai::OPENAI, anthropic::ANTHROPIC, command::COMMAND, recorded::RECORDED, human::HUMAN];

/// One call: the need, with the nonce drawn.
pub struct Request<'a> {
    pub vote: &'a VoteSpec,
    pub need: &'a JudgeNeed,
    /// What the need is kept under, whoever answers it.
    pub key: &'a str,
    /// The trial or session that it is about.
    pub item: &'a str,
    pub system: String,
    pub user: String,
    pub seed: u64,
    pub scene: &'a dyn Scene,
}

/// What a provider may use.
pub struct Desk<'a> {
    pub post: &'a dyn Post,
    pub recordings: &'a dyn Recordings,
    pub people: &'a dyn People,
    pub cancel: &'a Cancel,
}

/// What a program is given to look at.
pub trait Scene: Send + Sync {
    /// Fills an empty folder with what there is: `trace.jsonl`, `workspace/`. Blocks.
    ///
    /// # Errors
    /// When it cannot be written.
    fn set(&self, folder: &Path) -> Result<(), Fault>;

    /// Removes what was in it, however it is locked. Blocks.
    fn clear(&self, folder: &Path);
}

/// Replies that were kept.
pub trait Recordings: Send + Sync {
    /// The reply to a need, in a folder of recordings or, without one, in the cache; whoever gave it. Blocks.
    ///
    /// # Errors
    /// When the recording is damaged, or there are several.
    fn find(&self, folder: Option<&Path>, key: &str) -> Result<Option<JudgeReply>, Fault>;
}

/// People who answer later.
pub trait People: Send + Sync {
    /// What a person said of each criterion of a need, in order; puts the question into the queue where that is not known yet. Blocks.
    ///
    /// # Errors
    /// When the queue cannot be written.
    fn ask(&self, request: &Request<'_>) -> Result<Option<Vec<Decision>>, Fault>;
}

/// What asking once came to, where it came to nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    pub fault: Fault,
    /// How long the provider asks to be left alone.
    pub after: Option<Duration>,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed { fault, after: None }
    }
}

/// The provider of a vote.
///
/// # Errors
/// When this version has no such provider: the run was made by another.
pub fn provider(vote: &VoteSpec) -> Result<&'static Provider, Fault> {
    JUDGES
        .iter()
        .find(|known| known.name == vote.provider)
        .ok_or_else(|| fault("provider", format!("nobody who judges is called `{}` in this version", vote.provider)))
}

/// The address that asking needs, where it needs one.
pub fn address(vote: &VoteSpec) -> Option<String> {
    match vote.provider.as_str() {
        "openai" => Some(openai::url(vote)),
        "anthropic" => Some(anthropic::url(vote)),
        _ => None,
    }
}

/// How long one reply may take.
pub fn patience(vote: &VoteSpec) -> Duration {
    const USUAL: u64 = 300_000;
    Duration::from_millis(vote.timeout_ms.unwrap_or(USUAL))
}

/// A longer reply is none: verdicts are short.
pub const LONGEST_REPLY: usize = 1 << 20;

/// A reply's text, if it is one.
fn text_of(text: &str) -> Result<String, Fault> {
    if text.len() > LONGEST_REPLY {
        let message = format!("the reply has {} bytes, more than the {LONGEST_REPLY} that are read", text.len());
        return Err(fault("too_long", message));
    }
    if text.trim().is_empty() {
        return Err(fault("empty", "the reply is empty").retryable());
    }
    Ok(text.to_owned())
}

fn fault(kind: &str, message: impl Into<String>) -> Fault {
    Fault::new(Boundary::Judge, kind, message)
}

/// A key from the environment, and from nowhere else.
fn key(vote: &VoteSpec, usual: &'static str) -> Result<Option<String>, Fault> {
    let name = vote.key_env.as_deref().unwrap_or(usual);
    match std::env::var(name) {
        Ok(key) if !key.trim().is_empty() => Ok(Some(key)),
        // A server of one's own may want none.
        Ok(_) | Err(_) if vote.base_url.is_some() && vote.key_env.is_none() => Ok(None),
        Ok(_) | Err(_) => Err(fault("no_key", format!("the variable {name} is not set, and {} needs it", vote.by()))
            .hint("set it; or `--offline` takes kept replies only, and `--no-judge` asks nobody")),
    }
}
