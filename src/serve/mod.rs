//! The scripted model: a real agent is driven by a script in place of a model.
//!
//! It answers the APIs that agents speak by playing the same file that the driver `scripted` plays. What a script says to do becomes
//! calls of whatever tools the request declares, by a table (`tools.yaml`), and a line of shell where it declares none for it.
//!
//! ```text
//! request --dialects--> Turn {tools, conversation} --play--> Reply {think, text, calls} --dialects--> JSON | events --http--> agent
//! ```
//!
//! Nothing is remembered between requests but how many there were (faults on purpose are counted by that): where the script stands is
//! read from the conversation that every request carries. So a retry gets the same reply, and a request beside the conversation, a
//! title or a summary, uses nothing up.

pub mod dialects;
mod fallback;
mod faults;
pub mod log;
mod model;
mod patch;
pub mod play;
mod table;
mod tools;
pub mod turn;

pub use log::{Log, Redact};
pub use model::{MODEL, Playing, ScriptedModel, environment};
