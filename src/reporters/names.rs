//! Names of things as a report shows them: dimensions in reading order, and a file name for each trial's page.

use crate::model::results::{Results, TrialResult};
use std::collections::{BTreeSet, HashSet};

/// The order of the shipped dimensions; others follow by name.
const ORDER: &[&str] = &[
    "outcome",
    "communication",
    "planning",
    "context_gathering",
    "self_checking",
    "interview",
    "guardrails",
    "efficiency",
    "long_run",
    "habits",
];

/// Every dimension that a run has scores of, in reading order.
pub(super) fn dimensions(results: &Results) -> Vec<&str> {
    let of_agents = results.agents.iter().flat_map(|agent| agent.dimensions.keys());
    let mut found: BTreeSet<&str> = of_agents.map(String::as_str).collect();
    let mut last = "";
    for score in results.trials.iter().flat_map(|trial| &trial.scores) {
        if score.dimension != last {
            last = &score.dimension;
            found.insert(last);
        }
    }
    let mut found: Vec<&str> = found.into_iter().collect();
    found.sort_by_key(|name| place(name));
    found
}

/// Where a dimension stands in reading order.
pub(super) fn place(name: &str) -> (usize, String) {
    (ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len()), name.to_owned())
}

/// Those that belong into a table of scores: one that only describes (nothing in it weighs anything) does not.
pub(super) fn scored_dimensions(results: &Results) -> Vec<&str> {
    let scores = || results.trials.iter().flat_map(|trial| &trial.scores);
    let weighs: BTreeSet<&str> =
        scores().filter(|score| score.weight > 0.0).map(|score| score.dimension.as_str()).collect();
    let told: BTreeSet<&str> = scores().map(|score| score.dimension.as_str()).collect();
    dimensions(results).into_iter().filter(|name| weighs.contains(name) || !told.contains(name)).collect()
}

/// A dimension in prose: `self-checking`, `context gathering`.
pub(super) fn spoken(dimension: &str) -> String {
    match dimension {
        "self_checking" => "self-checking".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A file name for each trial's page: its id where that is safe in a path, else its safe letters and a hash. Never the same name twice, whatever
/// the case.
pub fn page_names(trials: &[TrialResult]) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |(at, trial): (usize, &TrialResult)| {
        let plain = safe(&trial.id);
        let whole = !plain.is_empty() && plain.len() == trial.id.len() && !plain.starts_with('.');
        if whole && taken.insert(plain.to_lowercase()) {
            return plain;
        }
        let hash = blake3::hash(format!("{at}\0{}", trial.id).as_bytes()).to_hex();
        let word = plain.trim_start_matches('.');
        let named = format!("{}-{}", if word.is_empty() { "trial" } else { word }, &hash[..12]);
        taken.insert(named.to_lowercase());
        named
    };
    trials.iter().enumerate().map(name).collect()
}

/// What an id becomes inside an anchor or a class: letters, digits, `-`, `_`, `.`.
pub(super) fn safe(id: &str) -> String {
    let keep = |sign: char| match sign {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => Some(sign),
        '/' => Some('.'),
        '~' | '@' => Some('-'),
        _ => None,
    };
    id.chars().filter_map(keep).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trace::{End, EndKind, Usage};

    fn named(id: &str) -> TrialResult {
        TrialResult {
            id: id.to_owned(),
            task: String::new(),
            agent: String::new(),
            model: None,
            trial: 1,
            twin: false,
            task_hash: String::new(),
            cluster: None,
            dimensions: Default::default(),
            violations: Default::default(),
            passed: None,
            end: End { kind: EndKind::Done, why: String::new() },
            stages: Vec::new(),
            metrics: serde_json::Map::new(),
            scores: Vec::new(),
            interview: None,
            usage: Usage::default(),
            wall_ms: 0,
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_only_describes_stands_in_no_table_of_scores() {
        let score = |dimension: &str, weight: f64| crate::model::results::ScoreResult {
            dimension: dimension.to_owned(),
            criterion: "c".to_owned(),
            outcome: "not_applicable".to_owned(),
            value: None,
            weight,
            cap: None,
            why: String::new(),
            cites: Vec::new(),
            judged: None,
        };
        let mut trial = named("t/a/1");
        trial.scores = vec![score("habits", 0.0), score("planning", 1.0), score("planning", 0.0)];
        let results = Results {
            version: 1,
            run: String::new(),
            suite: String::new(),
            started: String::new(),
            finished: String::new(),
            exit: 0,
            graders: String::new(),
            failed_in: None,
            agents: Vec::new(),
            trials: vec![trial],
            not_run: Vec::new(),
            gates: Vec::new(),
            looks: Vec::new(),
            newly_failing: Vec::new(),
            consistency: Vec::new(),
        };
        assert_eq!((dimensions(&results), scored_dimensions(&results)), (vec!["planning", "habits"], vec!["planning"]));
    }

    #[test]
    fn page_names_are_safe_and_differ() {
        let ids = ["a/b/1", "a.b/1", "A/B/1", "../../etc/passwd", "a~twin/b/1", "<script>", "", ".", "x\0y"];
        let names = page_names(&ids.map(named));
        assert_eq!([names[0].as_str(), names[4].as_str()], ["a.b.1", "a-twin.b.1"]);
        assert_eq!(names.iter().map(|name| name.to_lowercase()).collect::<HashSet<_>>().len(), ids.len());
        assert!(
            names.iter().all(|name| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '<', '\0'])),
            "{names:?}"
        );
    }
}
