//! The contract that every driver keeps. A new driver adds its row to `ROWS` and its stand-in to `fixtures/agents/contract/`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

#[path = "agents/acp.rs"]
mod acp;
#[path = "agents/claude.rs"]
mod claude;
#[path = "agents/claude_run.rs"]
mod claude_run;
#[path = "agents/codex.rs"]
mod codex;
#[path = "agents/command.rs"]
mod command;
#[path = "agents/contract.rs"]
mod contract;
#[path = "agents/per_turn.rs"]
mod per_turn;
#[path = "agents/replay.rs"]
mod replay;
#[path = "agents/scripted.rs"]
mod scripted;
#[path = "agents/talk.rs"]
mod talk;
