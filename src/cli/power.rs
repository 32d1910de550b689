//! `evalrun power`: what a suite's tasks and trials can show, before money is spent.

use super::{args::PowerArgs, exit, run, say};
use crate::gate::ALPHA;
use crate::model::{
    baseline::Baseline,
    fault::{Boundary, Fault},
    suite::{GateRule, Suite},
};
use crate::plan::{Available, Selection, plan};
use crate::runner::gates;
use crate::stats::{
    planning::{Buy, next_money, split},
    power::{Aim, Noise, Sides},
};
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

fn said(args: &PowerArgs, suite: &Suite) -> Result<String, Fault> {
    if !(args.drop > 0.0 && args.drop < 1.0) {
        return Err(refused(format!("--drop must lie between 0 and 1, found {}", args.drop)));
    }
    let baseline = args.baseline.as_deref().map(gates::kept).transpose()?;
    let (tasks, trials) = planned(suite)?;
    let rules = held(suite);
    // The first of Holm's steps, so that every rule is promised what it can show alone.
    let aim = Aim { alpha: ALPHA / rules.len() as f64, power: 0.8, sides: Sides::One };
    let mut text = format!(
        "{}: {tasks} tasks x {trials:.1} trials per agent; score rules compared: {}; one-sided alpha {ALPHA}, power 0.8\n",
        suite.name,
        rules.len()
    );
    for of in &rules {
        let (noise, source) = noise(of, trials, (args.drop, baseline.as_ref()));
        text.push_str(&format!("{of}: {}\n  {source}\n", sentence(args.drop, tasks, &noise, &aim)));
    }
    text.push_str(&format!(
        "assumed: the true drop differs between tasks with a standard deviation of {} (half the drop)\n",
        args.drop / 2.0
    ));
    Ok(text)
}

/// Tasks, and trials of each in the mean, that one agent would be asked for.
fn planned(suite: &Suite) -> Result<(u64, f64), Fault> {
    let available = Available { program: &|_| Ok(()), agent: &|_| Ok(()) };
    let planned = plan(suite, &Selection::default(), &available).map_err(|lines| refused(lines.join("; ")))?;
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

fn noise(of: &str, trials: f64, (drop, baseline): (f64, Option<&Baseline>)) -> (Noise, String) {
    let omega2 = (drop / 2.0).powi(2);
    let known = baseline.and_then(|baseline| {
        let rows = rows(baseline, of);
        let within = split(&rows)?.trials?;
        let sizes: usize = rows.iter().map(Vec::len).sum();
        Some((within, sizes as f64 / rows.len() as f64))
    });
    match known {
        Some((within, before)) => {
            let source = format!("variance of one trial, from the baseline: {within:.4}");
            (Noise { omega2, sigma2: (within, within), trials: (trials, before) }, source)
        }
        None => {
            let why = match baseline {
                Some(_) => "the baseline has no task with two trials of it",
                None => "no baseline",
            };
            let source =
                format!("variance of one trial, assumed ({why}): {ASSUMED}, that of passing seven times in ten");
            (Noise { omega2, sigma2: (ASSUMED, ASSUMED), trials: (trials, trials) }, source)
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

fn sentence(drop: f64, tasks: u64, noise: &Noise, aim: &Aim) -> String {
    if tasks < 2 {
        return "insufficient data: a gate takes two tasks at the least".to_owned();
    }
    let Some(money) = next_money(drop, tasks, noise, (aim, MOST_TRIALS)) else {
        return "nothing can be planned with these numbers".to_owned();
    };
    let buy = match money.buy {
        Buy::Nothing => format!("a drop of {drop} will be seen"),
        Buy::MoreTrials => format!("a drop of {drop} takes more trials"),
        Buy::MoreTasks => format!("a drop of {drop} takes more tasks"),
    };
    let trials = money.trials_needed.map_or_else(
        || "no number of trials does it with these tasks".to_owned(),
        |trials| format!("or {trials} trials per task with these tasks"),
    );
    format!(
        "shows a drop of {:.3} or more; {buy}: {} tasks with these trials, {trials}",
        money.detectable, money.tasks_needed
    )
}

fn refused(message: String) -> Fault {
    Fault::new(Boundary::Store, "power", message)
}
