//! What more it takes to decide a rule.

use super::{Buy, Must, Next, NextLook, Plan, RuleVerdict, ScoreRule, TaskScores};
use crate::stats::{
    moments::mean,
    noninferiority::unseen_variance,
    planning::{self, next_money, noise},
    power::{Aim, Noise, Sides},
};

/// So many trials per task are still cheaper than a new task.
const MOST_TRIALS: u64 = 10;

/// `None` where nothing can be planned: fewer than two tasks, or a mean right on the line.
pub fn next(rule: &ScoreRule, found: &RuleVerdict, plan: &Plan) -> Option<Next> {
    let (noise, distance) = match rule.must {
        Must::AtLeast(line) => (one_side(rule)?, (found.estimate? - line).abs()),
        Must::NoWorseBy { margin, .. } => (both_sides(rule)?, margin),
    };
    let aim = Aim { alpha: found.alpha_used?, power: 0.8, sides: Sides::One };
    let money = next_money(distance, found.n as u64, &noise, (&aim, MOST_TRIALS))?;
    Some(Next {
        rule: rule.rule.clone(),
        buy: match money.buy {
            planning::Buy::Nothing => Buy::Nothing,
            planning::Buy::MoreTrials => Buy::MoreTrials,
            planning::Buy::MoreTasks => Buy::MoreTasks,
        },
        detectable: money.detectable,
        tasks_needed: money.tasks_needed,
        trials_needed: money.trials_needed,
        look: plan.looks.get(plan.at + 1).map(|trials| NextLook { trials: *trials, tasks: widest(&rule.tasks) }),
    })
}

fn both_sides(rule: &ScoreRule) -> Option<Noise> {
    let counted = rule.tasks.iter().filter(|task| !task.new.is_empty() && !task.baseline.is_empty());
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = counted.map(|task| (task.new.clone(), task.baseline.clone())).collect();
    let found = noise(&pairs)?;
    let least = |side: fn(&(Vec<f64>, Vec<f64>)) -> usize| unseen_variance(pairs.iter().map(side).sum());
    let (new, baseline) = (least(|pair| pair.0.len()), least(|pair| pair.1.len()));
    Some(Noise { sigma2: (found.sigma2.0.max(new), found.sigma2.1.max(baseline)), ..found })
}

/// Against a fixed line the other side has no noise.
fn one_side(rule: &ScoreRule) -> Option<Noise> {
    let counted: Vec<&Vec<f64>> = rule.tasks.iter().map(|task| &task.new).filter(|new| !new.is_empty()).collect();
    let nested: Vec<Vec<Vec<f64>>> = counted.iter().map(|new| new.iter().map(|score| vec![*score]).collect()).collect();
    let split = planning::split(&nested)?;
    let all: usize = counted.iter().map(|new| new.len()).sum();
    let within = split.trials.unwrap_or(0.0).max(unseen_variance(all));
    Some(Noise { omega2: split.tasks, sigma2: (within, 0.0), trials: (all as f64 / counted.len() as f64, 1.0) })
}

/// Tasks whose mean is known no better than the average task's. Half a pass and half a failure are added to each, so that three equal trials are
/// not taken for certainty.
fn widest(tasks: &[TaskScores]) -> Vec<String> {
    let width = |task: &TaskScores| {
        let trials = task.new.len() as f64 + 1.0;
        let rate = (task.new.iter().sum::<f64>() + 0.5) / trials;
        rate * (1.0 - rate) / trials
    };
    let widths: Vec<f64> = tasks.iter().map(width).collect();
    let usual = mean(&widths).unwrap_or(0.0);
    tasks.iter().zip(widths).filter(|(_, width)| *width >= usual - 1e-12).map(|(task, _)| task.task.clone()).collect()
}
