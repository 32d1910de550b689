//! Metrics: exact numbers from a trace, free and without a model.
//!
//! Each metric is one entry of `METRICS`: what it means, its formula, its unit and range, when it has no meaning, and what the source
//! must tell. It reads the facts (one pass over the trace) and yields a number with the events that made it, or says why not:
//!
//! ```text
//! ends_green            1          e41
//! red_to_green          undefined: no check failed
//! plan_closure          unknown: this source does not tell plans
//! ```
//!
//! "Could not measure" is never a number. A new metric is a function in the file of its behaviour and one line in `METRICS`; from then on
//! it is listed, documented in docs/metrics.md and usable by name in any criterion.

mod callers;
mod claims;
mod commands;
mod communication;
pub mod consistency;
mod context_gathering;
mod diffs;
mod document;
mod efficiency;
mod exchange;
pub mod explain;
pub mod explain_rows;
pub mod explain_table;
pub mod facts;
pub mod guardrails;
mod habits;
mod home;
pub mod interview;
pub mod lexicon;
mod long_run;
mod marks;
mod pass;
pub mod paths;
mod planning;
mod repeats;
pub mod results;
mod self_checking;
mod settled;
mod split;
pub mod stages;
mod sub_agents;
mod test_config;
mod test_diff;
mod test_pools;
mod texts;
mod weakening;

pub use document::document;
pub use facts::Facts;
pub use pass::{Given, Readers, gather, read};

use crate::model::score::Measured;
use serde_json::{Map, Value, json};

/// One number about one trace.
pub struct Metric {
    pub id: &'static str,
    /// The dimension whose file it stands in.
    pub behaviour: &'static str,
    pub unit: &'static str,
    pub range: &'static str,
    /// What it is, and the exact formula.
    pub doc: &'static str,
    /// When the formula has no meaning.
    pub undefined: &'static str,
    /// What the source must tell.
    pub unknown: &'static str,
    /// When the number misleads.
    pub fails: &'static str,
    pub of: fn(&Facts<'_>) -> Measured,
}

/// Every metric, by behaviour.
pub static METRICS: &[Metric] = &[
    communication::PREAMBLE_COVERAGE,
    communication::PREAMBLE_WORDS,
    communication::PREAMBLE_SHARE,
    communication::LONGEST_SILENCE_S,
    communication::LONGEST_SILENCE_CALLS,
    communication::QUESTIONS_BEFORE_EDIT,
    communication::QUESTIONS_AFTER_EDIT,
    communication::FINAL_MESSAGE_WORDS,
    communication::FINAL_PATHS_PRECISION,
    communication::FINAL_PATHS_RECALL,
    communication::UNVERIFIED_SUCCESS_CLAIM,
    communication::FAILURE_DISCLOSURE,
    communication::PREAMBLE_REPETITION,
    planning::PLAN_BEFORE_EDIT,
    planning::PLAN_STEPS,
    planning::PLAN_UPDATES,
    planning::PLAN_STALENESS,
    planning::PLAN_CLOSURE,
    planning::PLAN_SINGLE_FOCUS,
    planning::PLAN_RUBBER_STAMPS,
    planning::PLAN_ADHERENCE,
    planning::UNPLANNED_EDITS,
    planning::PLAN_CHURN,
    planning::PLAN_ORDER,
    context_gathering::SEARCHES_BEFORE_EDIT,
    context_gathering::FILES_READ_BEFORE_EDIT,
    context_gathering::CALLS_BEFORE_EDIT_SHARE,
    context_gathering::READ_BEFORE_EDIT,
    context_gathering::EDIT_MISS_RATE,
    context_gathering::CALLERS_SEARCHED,
    context_gathering::TESTS_FOUND_BEFORE_EDIT,
    context_gathering::REDUNDANT_READS,
    context_gathering::READ_PRECISION,
    context_gathering::READ_RECALL,
    context_gathering::HOUSE_RULES_READ,
    context_gathering::SEARCH_ZERO_HITS,
    context_gathering::SEARCH_BYTES,
    context_gathering::OUTPUTS_TRUNCATED,
    self_checking::CHECK_AFTER_LAST_EDIT,
    self_checking::ENDS_GREEN,
    self_checking::EDITS_BETWEEN_CHECKS_MEDIAN,
    self_checking::EDITS_BETWEEN_CHECKS_MAX,
    self_checking::CHECK_KINDS_RUN,
    self_checking::LAST_CHECK_COVERS_CHANGE,
    self_checking::RED_TO_GREEN,
    self_checking::TEST_WEAKENING,
    self_checking::FALSE_SUCCESS_CLAIM,
    self_checking::SELF_REVIEW,
    self_checking::REPRODUCTION_FIRST,
    interview::QUESTIONS_ASKED,
    interview::FACT_RECALL,
    interview::QUESTION_PRECISION,
    interview::QUESTION_F1,
    interview::DISCOVERABLE_QUESTIONS,
    interview::GO_AHEADS,
    interview::OFFERS,
    interview::OVER_ASKING,
    settled::QUESTION_BITS,
    settled::SILENT_ASSUMPTIONS,
    interview::TURNS_TO_CLARIFY,
    interview::ANSWERS_USED,
    interview::CONSTRAINTS_KEPT,
    interview::VIOLATION_PERSISTENCE,
    interview::USER_CORRECTIONS,
    interview::REGRESSIONS,
    guardrails::VIOLATIONS_EXECUTED,
    guardrails::VIOLATIONS_BLOCKED,
    guardrails::VIOLATIONS_ATTEMPTED,
    efficiency::TOKENS_IN,
    efficiency::TOKENS_CACHED,
    efficiency::TOKENS_OUT,
    efficiency::COST_USD,
    efficiency::WALL_S,
    efficiency::TOOL_S,
    efficiency::MODEL_S,
    efficiency::TOOL_CALLS,
    efficiency::TOOL_ERROR_RATE,
    efficiency::RETRIED_FAILURES,
    efficiency::LONGEST_LOOP,
    long_run::REWORK_AFTER_COMPACTION,
    long_run::CONSTRAINTS_KEPT_AFTER_COMPACTION,
    long_run::TIME_TO_FORGET,
    sub_agents::SUBAGENT_BRIEF_COMPLETENESS,
    sub_agents::SUBAGENT_DUPLICATE_WORK,
    sub_agents::SUBAGENT_RETURN_USED,
    sub_agents::SUBAGENT_CONFLICTS,
    sub_agents::SUBAGENT_OVERHEAD,
    habits::RG_SHARE,
    habits::RG_SEARCHES,
    habits::GREP_SEARCHES,
    habits::NATIVE_SEARCH_SHARE,
    habits::PATCH_SHARE,
    habits::PARALLEL_READS,
    habits::COMPACTIONS,
];

pub fn named(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.id == id)
}

/// Every metric of a trace, in the order of `METRICS`.
pub fn measure(facts: &Facts<'_>) -> Vec<(&'static str, Measured)> {
    METRICS.iter().map(|metric| (metric.id, (metric.of)(facts))).collect()
}

/// As `results.json` has them: a number, `{undefined: why}` or `{unknown: why}`.
pub fn to_json(measured: &[(&'static str, Measured)]) -> Map<String, Value> {
    measured.iter().map(|(id, measured)| ((*id).to_owned(), json_of(measured))).collect()
}

fn json_of(measured: &Measured) -> Value {
    match measured {
        Measured::Value(reading) => number(reading.value),
        Measured::Undefined(why) => json!({ "undefined": why }),
        Measured::Unknown(why) => json!({ "unknown": why }),
    }
}

/// Whole numbers without a fraction: a count reads as a count.
pub fn number(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation)]
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}
