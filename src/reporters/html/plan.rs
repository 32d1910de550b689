//! How a plan evolved: a row per step, a column per update.

use crate::model::trace::{Body, StepStatus, Trace};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
pub(super) struct Evolution<'a> {
    /// Events of the updates.
    updates: Vec<String>,
    steps: Vec<Step<'a>>,
    /// Updates or steps left out of the table; each update stands in the conversation as well.
    left_out: usize,
}

#[derive(Serialize)]
struct Step<'a> {
    text: &'a str,
    /// The class of a state, empty where the step is not in the plan.
    cells: Vec<&'static str>,
}

/// A table that can be read: later updates and steps stand in the conversation.
const MOST_UPDATES: usize = 60;
const MOST_STEPS: usize = 200;

/// `None` where the agent made no plan.
pub(super) fn evolution(trace: &Trace) -> Option<Evolution<'_>> {
    let mut plans = Vec::new();
    for event in trace.events.iter().filter(|event| !event.superseded) {
        if let Body::Plan(plan) = &event.body {
            plans.push((event.id, plan));
        }
    }
    let shown = &plans[..plans.len().min(MOST_UPDATES)];
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut left_out = plans.len() - shown.len();
    for (column, (_, plan)) in shown.iter().enumerate() {
        for step in &plan.steps {
            let place = match places.get(step.text.as_str()) {
                Some(place) => *place,
                None if steps.len() < MOST_STEPS => {
                    steps.push(Step { text: &step.text, cells: vec![""; shown.len()] });
                    places.insert(&step.text, steps.len() - 1);
                    steps.len() - 1
                }
                None => {
                    left_out += 1;
                    continue;
                }
            };
            steps[place].cells[column] = state(step.status);
        }
    }
    if shown.is_empty() {
        return None;
    }
    Some(Evolution { updates: shown.iter().map(|(id, _)| id.to_string()).collect(), steps, left_out })
}

/// The word of a step's state, also its class.
pub(super) fn state(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::InProgress => "doing",
        StepStatus::Completed => "completed",
    }
}
