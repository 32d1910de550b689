//! Pure data that travels between the rooms, and the traits between them. Names nothing of ours outside this folder.

pub mod act;
pub mod agent;
pub mod ask;
pub mod baseline;
pub mod canon;
pub mod comparison;
pub mod fault;
pub mod id;
pub mod import;
pub mod interview;
pub mod judge;
pub mod judge_spec;
pub mod results;
pub mod run;
pub mod score;
pub mod suite;
pub mod task;
pub mod trace;
