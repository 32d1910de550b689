//! Consistency over trials, user corrections, elicitation.

use super::{Oracle, number, numbers, words};
use evalrun::metrics::{consistency, interview};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const FUNCTIONS: &[(&str, Oracle)] = &[
    ("outcome_consistency", outcome),
    ("trajectory_distribution_consistency", |input| {
        json!(consistency::act_distribution_consistency(&lists(input, "trajectories")))
    }),
    ("trajectory_sequence_consistency", |input| {
        json!(consistency::act_sequence_consistency(&lists(input, "trajectories")))
    }),
    ("resource_consistency", |input| json!(consistency::resource_consistency(&numbers(input, "values")))),
    ("user_correction", corrections),
    ("information_gain_bits", information_gain),
    ("elicitation", elicitation),
];

fn lists(input: &Value, name: &str) -> Vec<Vec<String>> {
    serde_json::from_value(input[name].clone()).unwrap()
}

fn outcome(input: &Value) -> Value {
    let successes: Vec<bool> = numbers(input, "successes").into_iter().map(|number| number > 0.5).collect();
    json!(consistency::outcome_consistency(&successes))
}

fn corrections(input: &Value) -> Value {
    let tags = lists(input, "tags");
    let count = |word: &str| tags.iter().filter(|tags| tags.iter().any(|tag| tag == word)).count();
    json!(interview::user_corrections(count("correction"), count("nudge")))
}

fn information_gain(input: &Value) -> Value {
    let answers: Vec<Vec<usize>> = serde_json::from_value(input["answer_partition"].clone()).unwrap();
    json!(interview::information_gain_bits(&numbers(input, "prior"), &answers))
}

fn elicitation(input: &Value) -> Value {
    let slots: BTreeMap<String, f64> = serde_json::from_value(input["slots"].clone()).unwrap();
    let among = |field: &str| -> Vec<(f64, bool)> {
        let named = words(input, field);
        slots.iter().map(|(slot, weight)| (*weight, named.contains(slot))).collect()
    };
    let recall = interview::weighted_recall(&among("revealed_by_question")).unwrap();
    let precision = number(input, "useful_questions") / number(input, "questions");
    json!({
        "weighted_recall": recall,
        "question_precision": precision,
        "f1": interview::f1(precision, recall),
        "discoverable_rate": number(input, "discoverable_questions") / number(input, "questions"),
        "assumed_weight_share": interview::weighted_recall(&among("assumed")).unwrap(),
    })
}
