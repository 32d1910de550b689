//! One turn of an agent: say the message, pull its session until the turn ends, answer what it asks meanwhile, watch the clock and
//! the counts. An agent that never stops talking, or never listens, ends at a limit like any other.

use super::recorder::Recorder;
use crate::agents::Session;
use crate::model::{
    agent::{AskId, Reply, Signal, TurnEnded},
    fault::{Boundary, Fault},
    run::Boxed,
    task::{Limits, Permissions},
    trace::{Body, LimitMark, Permission, Question, Text},
};
use crate::process::Cancel;
use std::time::{Duration, Instant};

/// How a turn came to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnOutcome {
    Ended,
    /// The agent's own limit.
    Limit(LimitMark),
    Gone(Fault),
    /// We stopped it.
    Cancelled,
}

/// Answers a question in the middle of a turn; `None`: the stage is over, the turn is ended.
pub trait Answers: Send {
    fn answer<'a>(
        &'a mut self,
        recorder: &'a mut Recorder,
        text: &'a str,
        options: &'a [String],
    ) -> Boxed<'a, Result<Option<String>, Fault>>;
}

/// The rules of a turn.
pub struct Rules<'a> {
    pub limits: &'a Limits,
    pub permissions: Permissions,
    pub cancel: &'a Cancel,
}

/// How long an agent may take to end its turn once it was interrupted.
const AFTER_INTERRUPT: Duration = Duration::from_secs(5);

/// Says `message` and pulls `session` until the turn ends.
///
/// # Errors
/// When something of ours breaks: the log, the interviewer.
pub async fn turn(
    (session, message): (&mut dyn Session, &str),
    recorder: &mut Recorder,
    answers: &mut dyn Answers,
    rules: &Rules<'_>,
) -> Result<TurnOutcome, Fault> {
    let began = Instant::now();
    let spent_before = recorder.counts.agent_ms;
    let mut watch = Watch { rules, began, last_sign: began, spent_before };
    let mut outcome = said(session, message, &watch).await;
    while outcome.is_none() {
        let next = tokio::select! {
            biased;
            () = rules.cancel.cancelled() => Next::Cancelled,
            // Before the signals: an agent that floods us always has the next one ready.
            limit = watch.ring(watch.hard()) => Next::Limit(limit),
            signal = session.next() => Next::Signal(signal),
            limit = watch.ring(watch.idle(recorder.tool_runs())) => Next::Limit(limit),
        };
        watch.last_sign = Instant::now();
        outcome = match next {
            Next::Cancelled => Some(TurnOutcome::Cancelled),
            Next::Limit(limit) => Some(TurnOutcome::Limit(limit)),
            Next::Signal(signal) => take(signal, session, recorder, (answers, &watch))
                .await?
                .or_else(|| counted(recorder, rules.limits).map(TurnOutcome::Limit)),
        };
    }
    let outcome = outcome.unwrap_or(TurnOutcome::Ended);
    recorder.counts.agent_ms = spent_before + began.elapsed().as_millis() as u64;
    settle(session, recorder, &outcome).await?;
    Ok(outcome)
}

enum Next {
    Signal(Signal),
    Limit(LimitMark),
    Cancelled,
}

/// Says the message; an agent that does not take it in has the same limits as one that does not answer.
async fn said(session: &mut dyn Session, message: &str, watch: &Watch<'_>) -> Option<TurnOutcome> {
    tokio::select! {
        biased;
        () = watch.rules.cancel.cancelled() => Some(TurnOutcome::Cancelled),
        said = session.say(message) => said.err().map(TurnOutcome::Gone),
        limit = watch.ring(watch.all()) => Some(TurnOutcome::Limit(limit)),
    }
}

async fn take(
    signal: Signal,
    session: &mut dyn Session,
    recorder: &mut Recorder,
    (answers, watch): (&mut dyn Answers, &Watch<'_>),
) -> Result<Option<TurnOutcome>, Fault> {
    match signal {
        Signal::Event(draft) => {
            recorder.draft(*draft).await?;
            Ok(None)
        }
        Signal::Ask(id, ask) => {
            let question = Question { text: Text::cut(&ask.text), options: ask.options.clone(), answer: None };
            recorder.ours(Body::Question(question)).await?;
            match answers.answer(recorder, &ask.text, &ask.options).await? {
                Some(text) => Ok(reply(session, (id, Reply::Text(text)), watch).await),
                None => {
                    interrupt(session).await;
                    Ok(None)
                }
            }
        }
        Signal::Permit(id, asked) => {
            let granted = grants(watch.rules.permissions);
            let permission = Permission { asked: asked.what, granted, by: "policy".to_owned() };
            recorder.ours(Body::Permission(permission)).await?;
            let deny = || Reply::Deny("The task does not permit this.".to_owned());
            Ok(reply(session, (id, if granted { Reply::Allow } else { deny() }), watch).await)
        }
        Signal::TurnEnd(end) => {
            let how = end.how;
            recorder.ours(Body::TurnEnd(end)).await?;
            Ok(match how {
                TurnEnded::Done | TurnEnded::Interrupted | TurnEnded::Failed => Some(TurnOutcome::Ended),
            })
        }
        Signal::Gone(fault) => Ok(Some(TurnOutcome::Gone(fault))),
    }
}

/// Replies; an agent that does not take it in meets its limits.
async fn reply(session: &mut dyn Session, (id, reply): (AskId, Reply), watch: &Watch<'_>) -> Option<TurnOutcome> {
    tokio::select! {
        biased;
        () = watch.rules.cancel.cancelled() => Some(TurnOutcome::Cancelled),
        replied = session.reply(id, reply) => replied.err().map(TurnOutcome::Gone),
        limit = watch.ring(watch.all()) => Some(TurnOutcome::Limit(limit)),
    }
}

fn grants(policy: Permissions) -> bool {
    match policy {
        Permissions::Allow => true,
        Permissions::Deny | Permissions::Script => false,
    }
}

/// Whether the agent was told to stop; one that takes nothing in is not.
async fn interrupt(session: &mut dyn Session) -> bool {
    matches!(tokio::time::timeout(AFTER_INTERRUPT, session.interrupt()).await, Ok(Ok(())))
}

/// Interrupts a turn that we end, and takes what still comes.
async fn settle(session: &mut dyn Session, recorder: &mut Recorder, outcome: &TurnOutcome) -> Result<(), Fault> {
    match outcome {
        TurnOutcome::Ended => return Ok(()),
        TurnOutcome::Gone(fault) => {
            let mark =
                crate::model::trace::ErrorMark { message: Text::cut(&fault.message), fault: Some(fault.clone()) };
            recorder.ours(Body::Error(mark)).await?;
            return Ok(());
        }
        TurnOutcome::Limit(mark) => drop(recorder.ours(Body::Limit(mark.clone())).await?),
        TurnOutcome::Cancelled => {}
    }
    if !interrupt(session).await {
        return Ok(());
    }
    let until = Instant::now() + AFTER_INTERRUPT;
    // The clock is asked as well: one that floods us always has the next signal ready.
    while let Ok(signal) = tokio::time::timeout_at(until.into(), session.next()).await
        && Instant::now() < until
    {
        match signal {
            Signal::Event(draft) => drop(recorder.draft(*draft).await?),
            Signal::Ask(..) | Signal::Permit(..) => {}
            Signal::TurnEnd(end) => {
                recorder.ours(Body::TurnEnd(end)).await?;
                break;
            }
            // A limit that rings while the model's endpoint is dead says nothing about the agent.
            Signal::Gone(fault) if !is_agents(&fault) => return Err(fault),
            Signal::Gone(_) => break,
        }
    }
    Ok(())
}

/// Whether an agent that is gone left by its own doing; else the trial is broken, not lost.
pub fn is_agents(fault: &Fault) -> bool {
    match fault.boundary {
        Boundary::Agent | Boundary::Budget => true,
        Boundary::Provider
        | Boundary::Sandbox
        | Boundary::Workspace
        | Boundary::Interviewer
        | Boundary::Check
        | Boundary::Judge
        | Boundary::Grader
        | Boundary::Store => false,
    }
}

/// The clocks of a turn.
struct Watch<'a> {
    rules: &'a Rules<'a>,
    began: Instant,
    last_sign: Instant,
    spent_before: u64,
}

/// When a clock rings, which limit it is, and how long that is.
type Alarm = (Instant, &'static str, u64);

impl Watch<'_> {
    /// What the agent cannot put off.
    fn hard(&self) -> Vec<Alarm> {
        let limits = self.rules.limits;
        let at = |ms: u64| self.began + Duration::from_millis(ms);
        let turn = limits.turn_ms.map(|ms| (at(ms), "turn", ms));
        let wall = limits.wall_ms.map(|ms| (at(ms.saturating_sub(self.spent_before)), "wall", ms));
        turn.into_iter().chain(wall).collect()
    }

    /// Silence, unless one of its tools runs.
    fn idle(&self, tool_runs: bool) -> Vec<Alarm> {
        let idle = self.rules.limits.idle_ms.filter(|_| !tool_runs);
        idle.map(|ms| (self.last_sign + Duration::from_millis(ms), "idle", ms)).into_iter().collect()
    }

    fn all(&self) -> Vec<Alarm> {
        const NO_TOOL: bool = false;
        self.hard().into_iter().chain(self.idle(NO_TOOL)).collect()
    }

    /// Waits until the first of these rings, and says which.
    async fn ring(&self, alarms: Vec<Alarm>) -> LimitMark {
        let Some((at, limit, ms)) = alarms.into_iter().min_by_key(|(at, ..)| *at) else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(at.into()).await;
        let time = spoken(ms);
        let why = match limit {
            "idle" => format!("nothing came from the agent for {time}"),
            "turn" => format!("one turn took longer than {time}"),
            _ => format!("the agent used more than {time}"),
        };
        LimitMark { limit: limit.to_owned(), why }
    }
}

/// `90 s`, `1.5 s`, `300 ms`.
fn spoken(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        _ => format!("{} s", ms as f64 / 1000.0),
    }
}

fn counted(recorder: &Recorder, limits: &Limits) -> Option<LimitMark> {
    let counts = &recorder.counts;
    let over = |limit: &str, used: u64, most: Option<u64>| {
        most.filter(|most| used > *most)
            .map(|most| LimitMark { limit: limit.to_owned(), why: format!("{used} of at most {most}") })
    };
    over("tool_calls", counts.tool_calls, limits.tool_calls)
        .or_else(|| over("tokens", counts.usage.input.saturating_add(counts.usage.output), limits.tokens))
        .or_else(|| over("cost", counts.usage.micro_usd.unwrap_or(0), limits.cost))
}

/// An agent that took too long to start.
pub fn start_fault(ms: u64) -> Fault {
    Fault::new(Boundary::Agent, "start", format!("the agent was not ready after {} s", ms / 1000))
        .hint("raise limits.start, or see why the agent does not start")
}
