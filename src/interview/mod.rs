//! Who speaks next, and which fact was asked for.
//!
//! The interview is a pure machine: [`step`] takes the script, the state and what happened, and says what to do next and which decisions were taken.
//! A state is nothing but the fold over what has happened so far, so it is never stored, and a recorded trial can be interviewed again in a test:
//! same script, same events, same words. Clocks, limits, models and checks belong to the runner.
//!
//! ```text
//! Opened -> Say("Please add rate limiting to the API.")                     the first stage's message
//! TurnEnded("How many requests?") -> Say("100 requests per minute and API key.")   asked for, so told
//! TurnEnded("Done.") -> EndStage { stage: "brief" }                         nothing asked: snapshot, checks
//! Checked([..]) -> Say("Keys are shared inside a tenant, ...")              the next stage whose `when` holds
//! TurnEnded("Done. Want me to add docs too?") -> Say("No, thanks.")         an offer is declined, then the stage ends
//! ```

mod answer;
mod filtered;
mod prose;
pub mod questions;
mod reached;
mod recorded;
mod script;
mod state;
mod step;

pub use reached::reached;
pub use recorded::{finding, inputs};
pub use script::Script;
pub use state::State;
pub use step::{Step, replay, step};
