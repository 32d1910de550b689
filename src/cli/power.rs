//! `evalrun power`: what a suite's tasks and trials can show, before money is spent.

use super::{args::PowerArgs, exit, report, run, say};
use crate::gate::ALPHA;
use crate::model::{
    baseline::Baseline,
    fault::{Boundary, Fault},
    suite::{GateRule, Suite},
};
use crate::plan::{Available, Selection, plan};
use crate::runner::gates;
use crate::stats::{
    noninferiority::unseen_variance,
    planning::{Buy, next_money, split},
    power::{Aim, Noise, Sides},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Variance of one trial that passes seven times in ten.
const ASSUMED: f64 = 0.21;
/// So many trials per task are still cheaper than a new task.
const MOST_TRIALS: u64 = 10;

pub fn power(args: &PowerArgs) -> i32 {
    let Some(suite) = run::read_suite(&args.suite) else { return exit::REFUSED };
    match said(args, &suite) {
        Ok(text) => {
            say::out(&text);
            exit::DONE
        }
        Err(fault) => run::refuse(&fault),
    }
}

/// What `--json` prints: the numbers behind every sentence.
#[derive(Debug, Serialize)]
struct Power {
    version: u32,
    suite: String,
    tasks: u64,
    /// Trials per task and agent, in the mean.
    trials: f64,
    /// One-sided, and of each rule where there are several.
    alpha: f64,
    alpha_each: f64,
    power: f64,
    /// The drop that must not go unseen, and how far the true drop is assumed to differ between tasks.
    drop: f64,
    drop_sd: f64,
    scores: Vec<OfScore>,
}

#[derive(Debug, Serialize)]
struct OfScore {
    score: String,
    /// Of one trial of a task.
    variance: f64,
    /// `baseline` or `assumed`, and why it is assumed.
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// The smallest drop that would be seen four times out of five; null for fewer than two tasks.
    detectable: Option<f64>,
    /// `nothing`, `more_trials` or `more_tasks`.
    buy: Option<&'static str>,
    /// With as many trials each.
    tasks_needed: Option<u64>,
    /// With as many tasks; null where no number of trials does it.
    trials_needed: Option<u64>,
}

fn said(args: &PowerArgs, suite: &Suite) -> Result<String, Fault> {
    if !(args.drop > 0.0 && args.drop < 1.0) {
        return Err(refused(format!("--drop must lie between 0 and 1, found {}", args.drop)));
    }
    let baseline = args.baseline.as_deref().map(gates::kept).transpose()?;
    let (tasks, trials) = planned(suite)?;
    let rules = held(suite);
    let alpha = suite.gate.as_ref().and_then(|gate| gate.alpha).unwrap_or(ALPHA);
    // The first of Holm's steps, so that every rule is promised what it can show alone.
    let aim = Aim { alpha: alpha / rules.len() as f64, power: 0.8, sides: Sides::One };
    let scores = rules.iter().map(|of| of_score(of, (tasks, trials), (args.drop, baseline.as_ref()), &aim)).collect();
    let found = Power {
        version: 1,
        suite: suite.name.clone(),
        tasks,
        trials,
        alpha,
        alpha_each: aim.alpha,
        power: aim.power,
        drop: args.drop,
        drop_sd: args.drop / 2.0,
        scores,
    };
    if args.json { report::json(&found) } else { Ok(in_words(&found)) }
}

fn of_score(of: &str, (tasks, trials): (u64, f64), known: (f64, Option<&Baseline>), aim: &Aim) -> OfScore {
    let (noise, why) = noise(of, (tasks, trials), known);
    let money = (tasks >= 2).then(|| next_money(known.0, tasks, &noise, (aim, MOST_TRIALS))).flatten();
    OfScore {
        score: of.to_owned(),
        variance: noise.sigma2.0,
        from: if why.is_some() { "assumed" } else { "baseline" },
        why,
        detectable: money.as_ref().map(|money| money.detectable),
        buy: money.as_ref().map(|money| match money.buy {
            Buy::Nothing => "nothing",
            Buy::MoreTrials => "more_trials",
            Buy::MoreTasks => "more_tasks",
        }),
        tasks_needed: money.as_ref().map(|money| money.tasks_needed),
        trials_needed: money.as_ref().and_then(|money| money.trials_needed),
    }
}

fn in_words(found: &Power) -> String {
    let mut text = format!(
        "{}: {} tasks x {:.1} trials per agent; score rules compared: {}; one-sided alpha {}, power {}\n",
        found.suite,
        found.tasks,
        found.trials,
        found.scores.len(),
        found.alpha,
        found.power
    );
    for score in &found.scores {
        let source = match score.why {
            Some(why) => {
                format!("variance of one trial, assumed ({why}): {ASSUMED}, that of passing seven times in ten")
            }
            None => format!("variance of one trial, from the baseline: {:.4}", score.variance),
        };
        text.push_str(&format!("{}: {}\n  {source}\n", score.score, sentence(found, score)));
    }
    text.push_str(&format!(
        "assumed: the true drop differs between tasks with a standard deviation of {} (half the drop)\n",
        found.drop_sd
    ));
    text
}

/// Tasks, and trials of each in the mean, that one agent would be asked for.
fn planned(suite: &Suite) -> Result<(u64, f64), Fault> {
    let available = Available { program: &|_| Ok(()), agent: &|_| Ok(()) };
    let suite = super::names::with_named(suite.clone(), &[]);
    let planned = plan(&suite, &Selection::default(), &available).map_err(|lines| refused(lines.join("; ")))?;
    let mut each: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for spec in planned.trials.iter().filter(|spec| !spec.key.twin) {
        *each.entry((&spec.key.agent, &spec.key.task)).or_default() += 1;
    }
    let tasks = suite.tasks.len() as u64;
    Ok((tasks, each.values().sum::<u64>() as f64 / each.len().max(1) as f64))
}

/// What the gate's comparisons look at; the outcome where there is none.
fn held(suite: &Suite) -> Vec<String> {
    let compares = |rule: &GateRule| match rule {
        GateRule::Score { of, no_worse_by: Some(_), .. } => Some(of.clone()),
        GateRule::Score { .. } | GateRule::Guardrails { .. } => None,
    };
    let found: Vec<String> = suite.gate.iter().flat_map(|gate| &gate.rules).filter_map(compares).collect();
    if found.is_empty() { vec!["outcome".to_owned()] } else { found }
}

/// And why the variance is assumed, where it is.
fn noise(
    of: &str,
    (tasks, trials): (u64, f64),
    (drop, baseline): (f64, Option<&Baseline>),
) -> (Noise, Option<&'static str>) {
    let omega2 = (drop / 2.0).powi(2);
    let known = baseline.and_then(|baseline| {
        let rows = rows(baseline, of);
        let within = split(&rows)?.trials?;
        let sizes: usize = rows.iter().map(Vec::len).sum();
        Some((within, sizes as f64 / rows.len() as f64))
    });
    match known {
        // What the gate itself assumes of scores that never strayed.
        Some((within, before)) => {
            let least = |trials: f64| within.max(unseen_variance((trials * tasks as f64).round() as usize));
            (Noise { omega2, sigma2: (least(trials), least(before)), trials: (trials, before) }, None)
        }
        None => {
            let why = match baseline {
                Some(_) => "the baseline has no task with two trials of it",
                None => "no baseline",
            };
            (Noise { omega2, sigma2: (ASSUMED, ASSUMED), trials: (trials, trials) }, Some(why))
        }
    }
}

/// Task -> trial -> the one score; tasks without any are left out.
fn rows(baseline: &Baseline, of: &str) -> Vec<Vec<Vec<f64>>> {
    let scores = |trial: &crate::model::baseline::TrialBaseline| {
        let from = if of.contains('.') { &trial.criteria } else { &trial.dimensions };
        from.get(of).map(|score| vec![*score])
    };
    let rows = baseline.tasks.values().map(|task| task.trials.iter().filter_map(scores).collect::<Vec<Vec<f64>>>());
    rows.filter(|row| !row.is_empty()).collect()
}

fn sentence(found: &Power, score: &OfScore) -> String {
    if found.tasks < 2 {
        return "insufficient data: a gate takes two tasks at the least".to_owned();
    }
    let (Some(detectable), Some(tasks)) = (score.detectable, score.tasks_needed) else {
        return "nothing can be planned with these numbers".to_owned();
    };
    let drop = found.drop;
    let buy = match score.buy {
        Some("nothing") => format!("a drop of {drop} will be seen"),
        Some("more_trials") => format!("a drop of {drop} takes more trials"),
        _ => format!("a drop of {drop} takes more tasks"),
    };
    let trials = score.trials_needed.map_or_else(
        || "no number of trials does it with these tasks".to_owned(),
        |trials| format!("or {trials} trials per task with these tasks"),
    );
    format!("shows a drop of {detectable:.3} or more; {buy}: {tasks} tasks with these trials, {trials}")
}

fn refused(message: String) -> Fault {
    Fault::new(Boundary::Store, "power", message)
}
