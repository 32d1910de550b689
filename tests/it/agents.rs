//! The contract that every driver keeps. A new driver adds its row to `rows` and its stand-in to `fixtures/agents/contract/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

#[path = "agents/contract.rs"]
mod contract;
#[path = "agents/scripted.rs"]
mod scripted;
#[path = "agents/talk.rs"]
mod talk;
