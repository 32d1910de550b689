//! One file per way to drive an agent, behind one pulled session.
//!
//! A session is pulled (`say`, then `next` until `TurnEnd`), so that a question or a permission in the middle of a turn is answered
//! while the turn runs. `next` is cancel-safe: dropping its future loses nothing.

use crate::model::{
    agent::{AskId, Reply, Signal},
    fault::Fault,
    run::Boxed,
};

/// A way to drive agents: `scripted`, `command`, `replay`.
pub trait Agent: Send + Sync {
    fn open(&self, seat: Seat) -> Boxed<'_, Result<Box<dyn Session>, Fault>>;
}

/// One conversation with one agent in one workspace.
pub trait Session: Send {
    /// Starts the next turn.
    fn say<'a>(&'a mut self, message: &'a str) -> Boxed<'a, Result<(), Fault>>;
    /// The next thing that happens. Cancel-safe.
    fn next(&mut self) -> Boxed<'_, Signal>;
    /// Answers an `Ask` or a `Permit`.
    fn reply(&mut self, to: AskId, reply: Reply) -> Boxed<'_, Result<(), Fault>>;
    /// Ends the running turn and keeps the conversation usable where the agent can; `next` then yields `TurnEnd(Interrupted)`.
    fn interrupt(&mut self) -> Boxed<'_, Result<(), Fault>>;
    /// Ends the agent; says what a reader should know (files left out, kills).
    fn close(self: Box<Self>) -> Boxed<'static, Vec<String>>;
}

/// Where an agent sits.
pub struct Seat;
