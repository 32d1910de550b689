//! One turn of an agent: pull its session until the turn ends, answer what it asks meanwhile, watch the clock and the counts.

use super::recorder::Recorder;
use crate::agents::Session;
use crate::model::{
    agent::{AskId, PermitAsk, Reply, Signal, TurnEnded},
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

/// Pulls `session` until the turn that was started by `say` ends.
///
/// # Errors
/// When something of ours breaks: the log, the interviewer.
pub async fn turn(
    session: &mut dyn Session,
    recorder: &mut Recorder,
    answers: &mut dyn Answers,
    rules: &Rules<'_>,
) -> Result<TurnOutcome, Fault> {
    let began = Instant::now();
    let spent_before = recorder.counts.agent_ms;
    let mut last_sign = Instant::now();
    let outcome = loop {
        let watch = Watch { rules, began, last_sign, spent_before };
        let next = tokio::select! {
            biased;
            () = rules.cancel.cancelled() => Next::Cancelled,
            signal = session.next() => Next::Signal(signal),
            limit = watch.ring(recorder.tool_runs()) => Next::Limit(limit),
        };
        last_sign = Instant::now();
        let signal = match next {
            Next::Cancelled => break TurnOutcome::Cancelled,
            Next::Limit(limit) => break TurnOutcome::Limit(limit),
            Next::Signal(signal) => signal,
        };
        if let Some(outcome) = take(signal, session, recorder, (answers, rules)).await? {
            break outcome;
        }
        if let Some(limit) = counted(recorder, rules.limits) {
            break TurnOutcome::Limit(limit);
        }
    };
    recorder.counts.agent_ms = spent_before + began.elapsed().as_millis() as u64;
    settle(session, recorder, &outcome).await?;
    Ok(outcome)
}

enum Next {
    Signal(Signal),
    Limit(LimitMark),
    Cancelled,
}

async fn take(
    signal: Signal,
    session: &mut dyn Session,
    recorder: &mut Recorder,
    (answers, rules): (&mut dyn Answers, &Rules<'_>),
) -> Result<Option<TurnOutcome>, Fault> {
    match signal {
        Signal::Event(draft) => {
            recorder.draft(*draft).await?;
            Ok(None)
        }
        Signal::Ask(id, ask) => {
            let question = Question { text: Text::cut(&ask.text), options: ask.options.clone(), answer: None };
            recorder.ours(Body::Question(question)).await?;
            answer(session, recorder, answers, (id, ask.text, ask.options)).await
        }
        Signal::Permit(id, asked) => permit(session, recorder, (id, asked), rules.permissions).await,
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

async fn answer(
    session: &mut dyn Session,
    recorder: &mut Recorder,
    answers: &mut dyn Answers,
    (id, text, options): (AskId, String, Vec<String>),
) -> Result<Option<TurnOutcome>, Fault> {
    match answers.answer(recorder, &text, &options).await? {
        Some(reply) => match session.reply(id, Reply::Text(reply)).await {
            Ok(()) => Ok(None),
            Err(fault) => Ok(Some(TurnOutcome::Gone(fault))),
        },
        None => {
            drop(session.interrupt().await);
            Ok(None)
        }
    }
}

async fn permit(
    session: &mut dyn Session,
    recorder: &mut Recorder,
    (id, asked): (AskId, PermitAsk),
    policy: Permissions,
) -> Result<Option<TurnOutcome>, Fault> {
    let granted = match policy {
        Permissions::Allow => true,
        Permissions::Deny | Permissions::Script => false,
    };
    recorder.ours(Body::Permission(Permission { asked: asked.what, granted, by: "policy".to_owned() })).await?;
    let reply = if granted { Reply::Allow } else { Reply::Deny("The task does not permit this.".to_owned()) };
    match session.reply(id, reply).await {
        Ok(()) => Ok(None),
        Err(fault) => Ok(Some(TurnOutcome::Gone(fault))),
    }
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
    if session.interrupt().await.is_err() {
        return Ok(());
    }
    let until = Instant::now() + AFTER_INTERRUPT;
    while let Ok(signal) = tokio::time::timeout_at(until.into(), session.next()).await {
        match signal {
            Signal::Event(draft) => drop(recorder.draft(*draft).await?),
            Signal::Ask(..) | Signal::Permit(..) => {}
            Signal::TurnEnd(end) => {
                recorder.ours(Body::TurnEnd(end)).await?;
                break;
            }
            Signal::Gone(_) => break,
        }
    }
    Ok(())
}

/// The clocks of a turn.
struct Watch<'a> {
    rules: &'a Rules<'a>,
    began: Instant,
    last_sign: Instant,
    spent_before: u64,
}

impl Watch<'_> {
    /// Waits until the first clock runs out, and says which.
    async fn ring(&self, tool_runs: bool) -> LimitMark {
        let limits = self.rules.limits;
        let turn = limits.turn_ms.map(|ms| (self.began + Duration::from_millis(ms), "turn", ms));
        let idle =
            limits.idle_ms.filter(|_| !tool_runs).map(|ms| (self.last_sign + Duration::from_millis(ms), "idle", ms));
        let wall = limits
            .wall_ms
            .map(|ms| (self.began + Duration::from_millis(ms.saturating_sub(self.spent_before)), "wall", ms));
        let first = [turn, idle, wall].into_iter().flatten().min_by_key(|(at, _, _)| *at);
        match first {
            None => std::future::pending().await,
            Some((at, limit, ms)) => {
                tokio::time::sleep_until(at.into()).await;
                let why = match limit {
                    "idle" => format!("nothing came from the agent for {} s", ms / 1000),
                    "turn" => format!("one turn took longer than {} s", ms / 1000),
                    _ => format!("the agent used more than {} s", ms / 1000),
                };
                LimitMark { limit: limit.to_owned(), why }
            }
        }
    }
}

fn counted(recorder: &Recorder, limits: &Limits) -> Option<LimitMark> {
    let counts = &recorder.counts;
    let over = |limit: &str, used: u64, most: Option<u64>| {
        most.filter(|most| used > *most)
            .map(|most| LimitMark { limit: limit.to_owned(), why: format!("{used} of at most {most}") })
    };
    over("tool_calls", counts.tool_calls, limits.tool_calls)
        .or_else(|| over("tokens", counts.usage.input + counts.usage.output, limits.tokens))
        .or_else(|| over("cost", counts.usage.micro_usd.unwrap_or(0), limits.cost))
}

/// An agent that took too long to start.
pub fn start_fault(ms: u64) -> Fault {
    Fault::new(Boundary::Agent, "start", format!("the agent was not ready after {} s", ms / 1000))
        .hint("raise limits.start, or see why the agent does not start")
}
