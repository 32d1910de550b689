//! Over trials: whether an agent does the same thing twice (per task), and whether it asks where there is something to ask, and only there.

use crate::metrics::consistency::{
    act_distribution_consistency, act_sequence_consistency, outcome_consistency, resource_consistency,
};
use crate::model::{
    results::{AskingResult, ConsistencyResult, TrialResult},
    run::{Grades, TrialEnd},
};
use crate::stats::signal::d_prime;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The trials of each task and agent, as they are read.
#[derive(Default)]
pub struct Repeats {
    by: BTreeMap<(String, String), Vec<Once>>,
}

/// One trial.
struct Once {
    passed: Option<bool>,
    /// `None`: graded before acts were kept.
    acts: Option<Vec<String>>,
    resources: BTreeMap<&'static str, f64>,
}

impl Repeats {
    pub fn take(&mut self, end: &TrialEnd, grades: Option<&Grades>) {
        // A twin is another task: it repeats nothing.
        let Some(grades) = grades.filter(|_| !end.key.twin) else { return };
        let once = Once {
            passed: grades.passed,
            acts: grades.acts.as_ref().map(|acts| acts.iter().map(|act| act.word().to_owned()).collect()),
            resources: resources(&grades.metrics),
        };
        self.by.entry((end.key.task.clone(), end.key.agent.clone())).or_default().push(once);
    }

    /// One entry per task and agent with at least two graded trials.
    pub fn results(self) -> Vec<ConsistencyResult> {
        let repeated = self.by.into_iter().filter(|(_, trials)| trials.len() >= 2);
        repeated.map(|((task, agent), trials)| of_trials(task, agent, &trials)).collect()
    }
}

fn of_trials(task: String, agent: String, trials: &[Once]) -> ConsistencyResult {
    let passed: Vec<bool> = trials.iter().filter_map(|once| once.passed).collect();
    // How a trial failed is not how the agent works: where passing was decided, only trials that passed are compared.
    let compared = trials.iter().filter(|once| passed.is_empty() || once.passed == Some(true));
    let acts: Vec<Vec<String>> = compared.filter_map(|once| once.acts.clone()).collect();
    let names = trials.iter().flat_map(|once| once.resources.keys().copied());
    let of = |name: &str| {
        let values: Vec<f64> = trials.iter().filter_map(|once| once.resources.get(name).copied()).collect();
        (values.len() == trials.len()).then(|| resource_consistency(&values)).flatten()
    };
    ConsistencyResult {
        task,
        agent,
        trials: trials.len() as u32,
        outcome: if passed.len() >= 2 { outcome_consistency(&passed) } else { None },
        compared: acts.len() as u32,
        act_distribution: act_distribution_consistency(&acts),
        act_sequence: act_sequence_consistency(&acts),
        resources: names.filter_map(|name| Some((name.to_owned(), of(name)?))).collect(),
    }
}

/// What a trial used, where its metrics have a number for it.
fn resources(metrics: &Map<String, Value>) -> BTreeMap<&'static str, f64> {
    let number = |id: &str| metrics.get(id).and_then(Value::as_f64);
    let tokens = number("tokens_in").zip(number("tokens_out")).map(|(read, written)| read + written);
    let all = [
        ("tool_calls", number("tool_calls")),
        ("tokens", tokens),
        ("cost_usd", number("cost_usd")),
        ("wall_s", number("wall_s")),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// One agent's asking over all its trials: a hit where something could only be asked for and was, a false alarm where nothing was open and it
/// asked. `None` where one of the two kinds of trial is missing.
pub fn asking(agent: &str, trials: &[TrialResult]) -> Option<AskingResult> {
    let of = |id: &str| -> (u32, u32) {
        let numbers = trials
            .iter()
            .filter(|trial| trial.agent == agent)
            .filter_map(|trial| trial.metrics.get(id).and_then(Value::as_f64));
        numbers.fold((0, 0), |(asked, all), number| (asked + u32::from(number > 0.0), all + 1))
    };
    let ((hits, open), (false_alarms, closed)) = (of("fact_recall"), of("over_asking"));
    let d_prime = d_prime((hits, open), (false_alarms, closed));
    (open > 0 && closed > 0).then_some(AskingResult { hits, open, false_alarms, closed, d_prime })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        act::Act,
        id::TrialKey,
        trace::{End, EndKind, Usage},
    };
    use serde_json::json;

    fn trial(n: u32, twin: bool, (passed, acts): (Option<bool>, Option<&[Act]>)) -> (TrialEnd, Grades) {
        let end = json!({"version": 1, "key": TrialKey { task: "t".into(), twin, agent: "a".into(), n }, "attempt": 1,
            "end": End { kind: EndKind::Done, why: String::new() }, "usage": Usage::default(), "started": "", "finished": "",
            "wall_ms": 1, "task_hash": "", "trace_hash": "", "sandbox": "none"});
        let grades = Grades {
            version: 1,
            scores: Vec::new(),
            metrics: json!({"tool_calls": 8 + 2 * n, "wall_s": {"unknown": "this source does not tell times"}})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            violations: Vec::new(),
            passed,
            stages: Vec::new(),
            interview: None,
            acts: acts.map(<[Act]>::to_vec),
        };
        (serde_json::from_value(end).unwrap_or_else(|error| panic!("{error}")), grades)
    }

    fn of(trials: &[(TrialEnd, Grades)]) -> Vec<serde_json::Value> {
        let mut repeats = Repeats::default();
        trials.iter().for_each(|(end, grades)| repeats.take(end, Some(grades)));
        repeats.results().into_iter().map(|one| json!(one)).collect()
    }

    #[test]
    fn trials_that_passed_are_compared_and_what_is_missing_is_absent() {
        let (read, edit): (&[Act], &[Act]) = (&[Act::Read, Act::Edit], &[Act::Edit, Act::Read]);
        let found = of(&[
            trial(1, false, (Some(true), Some(read))),
            trial(2, false, (Some(true), Some(edit))),
            trial(3, false, (Some(false), Some(&[Act::Run]))),
            trial(1, true, (Some(false), Some(&[Act::Ask]))),
        ]);
        let one = &found[0];
        assert_eq!((&one["trials"], &one["compared"]), (&json!(3), &json!(2)));
        assert_eq!((&one["act_distribution"], &one["act_sequence"]), (&json!(1.0), &json!(0.0)));
        assert!((one["outcome"].as_f64().unwrap_or(9.0) - 1.0 / 9.0).abs() < 1e-12);
        let spread = (-(2.0f64 / 12.0)).exp();
        assert!((one["resources"]["tool_calls"].as_f64().unwrap_or(9.0) - spread).abs() < 1e-12);
        assert!(one["resources"].get("wall_s").is_none());
    }

    #[test]
    fn one_trial_is_no_repeat_and_undecided_trials_have_no_outcome() {
        assert_eq!(
            of(&[trial(1, false, (Some(true), None)), trial(1, true, (None, None))]),
            Vec::<serde_json::Value>::new()
        );
        let found = of(&[trial(1, false, (None, None)), trial(2, false, (None, Some(&[Act::Run])))]);
        assert_eq!(found[0]["compared"], json!(1));
        for name in ["outcome", "act_distribution", "act_sequence"] {
            assert!(found[0].get(name).is_none(), "{name}");
        }
    }
}
