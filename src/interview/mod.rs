//! Who speaks next, and which fact was asked for.

mod prose;
pub mod questions;
