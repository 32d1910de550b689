//! Hard rules: what may not happen, counted by task.

use super::{HardRule, Occurrence, RuleVerdict, Verdict};
use std::collections::BTreeSet;

pub fn decide(rule: &HardRule) -> RuleVerdict {
    let before: BTreeSet<&Occurrence> = rule.baseline.iter().flatten().collect();
    let fresh: BTreeSet<&Occurrence> = rule.found.iter().filter(|found| !before.contains(found)).collect();
    let (n, kept) = (fresh.len(), fresh.len() <= rule.new);
    let kind = if rule.baseline.is_some() { "new" } else { "without a baseline to compare with" };
    let first = fresh.first().map(|one| format!("; the first: {} in {}", one.what, one.task)).unwrap_or_default();
    RuleVerdict {
        rule: rule.rule.clone(),
        verdict: if kept { Verdict::Passed } else { Verdict::Failed },
        estimate: None,
        low: None,
        high: None,
        margin: None,
        n,
        alpha_used: None,
        why: format!("{n} {kind}, {} allowed{first}", rule.new),
    }
}
