//! Score rules: estimates, levels, verdicts.

use super::{Must, Plan, RuleVerdict, ScoreRule, TaskScores, Verdict};
use crate::stats::{
    moments::mean,
    multiplicity::holm_levels,
    noninferiority::{Estimate, unseen_error},
    sequential::{Spending, disaster, levels},
};

/// Share of alpha that watches for disasters where there is more than one look.
const FOR_DISASTERS: f64 = 0.2;

/// One value per task that counts: a mean, or a difference of means. In plan order.
pub fn values(rule: &ScoreRule) -> Vec<f64> {
    let value = |task: &TaskScores| match rule.must {
        Must::AtLeast(_) => mean(&task.new),
        Must::NoWorseBy { .. } => Some(mean(&task.new)? - mean(&task.baseline)?),
    };
    rule.tasks.iter().filter_map(value).collect()
}

/// Whether a rule needs a baseline and has none at all.
pub fn lacks_baseline(rule: &ScoreRule) -> bool {
    let bare = rule.tasks.iter().all(|task| task.baseline.is_empty());
    matches!(rule.must, Must::NoWorseBy { .. }) && bare && !rule.tasks.is_empty()
}

/// What passing must show, and what failing must.
struct Lines {
    pass: f64,
    fail: f64,
}

fn lines(must: Must) -> Lines {
    match must {
        Must::AtLeast(line) => Lines { pass: line, fail: line },
        Must::NoWorseBy { margin, strict } => Lines { pass: -margin, fail: if strict { 0.0 } else { -margin } },
    }
}

/// `None` for fewer than two tasks.
fn estimate(rule: &ScoreRule) -> Option<Estimate> {
    let values = values(rule);
    let center = mean(&values).filter(|_| values.len() > 1)?;
    let paired = matches!(rule.must, Must::NoWorseBy { .. });
    let counted = || rule.tasks.iter().filter(|task| !task.new.is_empty() && (!paired || !task.baseline.is_empty()));
    let mut floor = unseen_error(&counted().map(|task| task.new.len()).collect::<Vec<usize>>()).powi(2);
    if paired {
        floor += unseen_error(&counted().map(|task| task.baseline.len()).collect::<Vec<usize>>()).powi(2);
    }
    let seen = Estimate::of(&values).map_or(0.0, |estimate| estimate.error);
    Some(Estimate { mean: center, error: seen.max(floor.sqrt()), df: (values.len() - 1) as f64 })
}

struct Tested<'a> {
    rule: &'a ScoreRule,
    estimate: Estimate,
    /// One-sided p values.
    passes: f64,
    fails: f64,
}

/// All score rules, in their order. The plan has been checked.
pub fn decide(rules: &[ScoreRule], plan: &Plan) -> Vec<RuleVerdict> {
    let tested: Vec<Option<Tested<'_>>> = rules.iter().map(test).collect();
    let of = |side: fn(&Tested<'_>) -> f64| -> Vec<f64> { tested.iter().flatten().map(side).collect() };
    let alpha = level(plan);
    let mut passing = holm_levels(&of(|tested| tested.passes), alpha).into_iter();
    let mut failing = holm_levels(&of(|tested| tested.fails), alpha).into_iter();
    let family = tested.iter().flatten().count();
    let one = |(rule, tested): (&ScoreRule, &Option<Tested<'_>>)| match tested {
        None => undecidable(rule),
        Some(tested) => {
            let levels = (passing.next().unwrap_or(alpha), failing.next().unwrap_or(alpha));
            let found = verdict(tested, levels);
            disaster_after(rule, plan, family).map_or(found.clone(), |(after, level)| broke(found, after, level))
        }
    };
    rules.iter().zip(&tested).map(one).collect()
}

/// The one-sided level of this look, all rules together.
pub fn level(plan: &Plan) -> f64 {
    let Some(most) = plan.looks.last().filter(|_| plan.looks.len() > 1) else { return plan.alpha };
    let so_far = plan.looks.iter().take(plan.at + 1);
    let times: Vec<f64> = so_far.map(|trials| f64::from(*trials) / f64::from(*most)).collect();
    let levels = levels(&times, plan.alpha * (1.0 - FOR_DISASTERS), Spending::Pocock).unwrap_or_default();
    // A plan that is none was refused before; without levels nothing may be claimed.
    levels.get(plan.at).copied().unwrap_or(f64::MIN_POSITIVE)
}

/// After how many tasks the e-process called a disaster, and at which level; `family`: how many rules are watched.
///
/// It bets on the first look's trials of each task, once per task: tasks are drawn afresh, further trials of the same task are not. `None`: it did
/// not, or the plan has one look. May be asked while the first look's tasks still come in.
pub fn disaster_after(rule: &ScoreRule, plan: &Plan, family: usize) -> Option<(usize, f64)> {
    let first = *plan.looks.first().filter(|_| plan.looks.len() > 1)? as usize;
    let early = |task: &TaskScores| TaskScores { new: task.new.iter().take(first).copied().collect(), ..task.clone() };
    let tasks = rule.tasks.iter().map(early).collect();
    let values = values(&ScoreRule { tasks, rule: String::new(), must: rule.must });
    let capital = match rule.must {
        Must::AtLeast(line) => disaster(&values, line),
        Must::NoWorseBy { .. } => {
            let scaled: Vec<f64> = values.iter().map(|d| f64::midpoint(1.0, *d)).collect();
            disaster(&scaled, f64::midpoint(1.0, lines(rule.must).fail))
        }
    };
    let level = plan.alpha * FOR_DISASTERS / family.max(1) as f64;
    capital.iter().position(|capital| *capital >= 1.0 / level).map(|nth| (nth + 1, level))
}

fn test(rule: &ScoreRule) -> Option<Tested<'_>> {
    let estimate = estimate(rule)?;
    let lines = lines(rule.must);
    Some(Tested { rule, estimate, passes: estimate.p_above(lines.pass)?, fails: estimate.p_below(lines.fail)? })
}

fn verdict(tested: &Tested<'_>, (passing, failing): (f64, f64)) -> RuleVerdict {
    let Tested { rule, estimate, passes, fails } = tested;
    let (passed, failed) = (*passes <= passing, *fails <= failing);
    let low = estimate.bounds(passing).map(|bounds| bounds.low);
    let high = estimate.bounds(failing).map(|bounds| bounds.high);
    let lines = lines(rule.must);
    let words = match (passed, failed) {
        (_, true) => format!("the upper bound {} is below {}", shown(high), lines.fail),
        (true, false) => format!("the lower bound {} is above {}", shown(low), lines.pass),
        (false, false) => {
            format!("between {} and {}: {} is neither held nor broken", shown(low), shown(high), lines.pass)
        }
    };
    RuleVerdict {
        rule: rule.rule.clone(),
        verdict: match (passed, failed) {
            (_, true) => Verdict::Failed,
            (true, false) => Verdict::Passed,
            (false, false) => Verdict::Inconclusive,
        },
        estimate: Some(estimate.mean),
        low,
        high,
        margin: Some(lines.pass),
        n: estimate.df as usize + 1,
        alpha_used: Some(if failed { failing } else { passing }),
        why: words,
    }
}

fn broke(found: RuleVerdict, after: usize, level: f64) -> RuleVerdict {
    let why = format!("a disaster after {after} tasks: such a start has a chance below {level:.4} if the line is held");
    RuleVerdict { verdict: Verdict::Failed, alpha_used: Some(level), why, ..found }
}

fn undecidable(rule: &ScoreRule) -> RuleVerdict {
    let (values, bare) = (values(rule), lacks_baseline(rule));
    RuleVerdict {
        rule: rule.rule.clone(),
        verdict: if bare { Verdict::NoBaseline } else { Verdict::InsufficientData },
        estimate: mean(&values),
        low: None,
        high: None,
        margin: Some(lines(rule.must).pass),
        n: values.len(),
        alpha_used: None,
        why: if bare { "no baseline".to_owned() } else { format!("{} of the two tasks that it takes", values.len()) },
    }
}

fn shown(bound: Option<f64>) -> String {
    bound.map_or_else(|| "none".to_owned(), |bound| format!("{bound:.3}"))
}
