//! The judge's protocol without a model: what is asked, how replies are read, and what no reply can do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod bench;
mod injection;
mod large;
mod outcomes;
mod parts;
mod prompts;
