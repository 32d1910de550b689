//! Plans as agents write them: Codex's `update_plan`, Claude Code's `TodoWrite` and its tasks, opencode's and Gemini's todo lists.

use super::value::{items, some_text, text};
use crate::model::trace::{Plan, PlanStep, StepStatus};
use serde_json::Value;
use std::collections::BTreeMap;

/// The plan in the input of a call that writes a whole one; `None` for every other call.
pub(super) fn of_call(name: &str, input: &Value) -> Option<Plan> {
    let list = match name {
        "update_plan" => items(input, "plan"),
        "TodoWrite" | "todowrite" | "write_todos" | "todo_write" => items(input, "todos"),
        _ => return None,
    };
    let steps: Vec<PlanStep> = list.iter().filter_map(step).collect();
    (!steps.is_empty()).then_some(Plan { steps })
}

fn step(item: &Value) -> Option<PlanStep> {
    let text =
        ["step", "content", "description", "subject", "title"].into_iter().find_map(|key| some_text(item, key))?;
    Some(PlanStep { text: text.to_owned(), status: status(self::text(item, "status")) })
}

fn status(word: &str) -> StepStatus {
    match word {
        "completed" | "done" | "cancelled" => StepStatus::Completed,
        "in_progress" | "inProgress" | "active" => StepStatus::InProgress,
        _ => StepStatus::Pending,
    }
}

/// Tasks that are followed: each change of one writes the whole plan, so that more would grow with their square.
const MOST_TASKS: usize = 200;

/// The tasks of a session that keeps its plan one task at a time.
#[derive(Default)]
pub(super) struct Tasks {
    /// By the number that the agent's tool gives: 1, 2, ... unless the result says otherwise.
    steps: BTreeMap<u64, PlanStep>,
    /// Call id -> the number that was guessed for it.
    created: BTreeMap<String, u64>,
    last: u64,
}

impl Tasks {
    /// Takes a call; says the whole plan where the call changed it.
    pub fn take(&mut self, name: &str, call: &str, input: &Value) -> Option<Plan> {
        match name {
            "TaskCreate" if self.steps.len() >= MOST_TASKS => return None,
            "TaskCreate" => {
                let subject = some_text(input, "subject")?;
                self.last += 1;
                let step = PlanStep { text: subject.to_owned(), status: StepStatus::Pending };
                self.steps.insert(self.last, step);
                self.created.insert(call.to_owned(), self.last);
            }
            "TaskUpdate" => self.update(input)?,
            _ => return None,
        }
        self.plan()
    }

    /// The number that a result names for a task: `Task #4 created successfully`.
    pub fn numbered(&mut self, call: &str, result: &str) {
        let Some(guess) = self.created.remove(call) else { return };
        let digits = result.split_once('#').map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
        let Some(number) = digits.flatten().and_then(|digits| digits.parse::<u64>().ok()) else { return };
        if number == guess || self.steps.contains_key(&number) {
            return;
        }
        if let Some(step) = self.steps.remove(&guess) {
            self.steps.insert(number, step);
            self.last = self.last.max(number);
        }
    }

    fn update(&mut self, input: &Value) -> Option<()> {
        let id = input.get("taskId").or_else(|| input.get("id"))?;
        let number = id.as_u64().or_else(|| id.as_str()?.parse().ok())?;
        if text(input, "status") == "deleted" {
            self.steps.remove(&number)?;
            return Some(());
        }
        let step = self.steps.get_mut(&number)?;
        if let Some(word) = some_text(input, "status") {
            step.status = status(word);
        }
        if let Some(subject) = some_text(input, "subject") {
            step.text = subject.to_owned();
        }
        Some(())
    }

    fn plan(&self) -> Option<Plan> {
        (!self.steps.is_empty()).then(|| Plan { steps: self.steps.values().cloned().collect() })
    }
}
