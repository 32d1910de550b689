//! Made-up agents of known quality through the real gate: what it says against what is true. Read by the test `simulation` and by `benches/sim.rs`.
//!
//! A task's chance to pass is uniform in [0.3, 0.95] for the baseline, and that minus the drop for the new agent, which differs by task by up to 5
//! points either way. Trials are independent given the task.

use evalrun::{
    gate::{Given, Must, Plan, ScoreRule, Shares, TaskScores, Verdict, disaster_after, gate},
    stats::{
        moments::mean,
        paired::unpaired,
        power::{Aim, Noise, Sides, t_power},
        seeded::Seeded,
    },
};

pub const MARGIN: f64 = 0.1;
pub const ALPHA: f64 = 0.05;

const LEAST: f64 = 0.3;
const MOST: f64 = 0.95;
const SPREAD: f64 = 0.05;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Cell {
    pub tasks: usize,
    /// Trials per task of the new agent at each look.
    pub looks: Vec<u32>,
    /// The true drop, in [0, 0.24].
    pub drop: f64,
    pub must: Must,
}

/// What came out, as counts of replications.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub runs: u32,
    pub passed: u32,
    pub failed: u32,
    pub inconclusive: u32,
    pub insufficient: u32,
    /// Of "any drop fails", on the same scores.
    pub any_drop: u32,
    /// Of Welch's test over all trials, as if they were independent.
    pub unpaired: u32,
    /// Share of the planned trials that were run, summed.
    pub spent: f64,
}

impl Tally {
    /// In percent.
    pub fn share(&self, count: u32) -> f64 {
        100.0 * f64::from(count) / f64::from(self.runs)
    }
}

/// One look with `trials` trials a side.
pub fn one_look(tasks: usize, trials: u32, drop: f64, strict: bool) -> Cell {
    Cell { tasks, looks: vec![trials], drop, must: Must::NoWorseBy { margin: MARGIN, strict } }
}

/// The same seed gives the same tally.
pub fn run(cell: &Cell, runs: u32, seed: u64) -> Tally {
    let mut seeded = Seeded::new(seed);
    let mut tally = Tally { runs, ..Tally::default() };
    for _ in 0..runs {
        let tasks = draw(cell, &mut seeded);
        beside(&tasks, &mut tally);
        let (verdict, spent) = looked_at(cell, &tasks);
        tally.spent += spent;
        *match verdict {
            Verdict::Passed => &mut tally.passed,
            Verdict::Failed => &mut tally.failed,
            Verdict::Inconclusive => &mut tally.inconclusive,
            Verdict::InsufficientData | Verdict::MeasurementBroken | Verdict::NoBaseline => &mut tally.insufficient,
        } += 1;
    }
    tally
}

fn draw(cell: &Cell, seeded: &mut Seeded) -> Vec<TaskScores> {
    let most = *cell.looks.last().unwrap();
    let task = |nth: usize| {
        let before = LEAST + (MOST - LEAST) * seeded.unit();
        let after = before - cell.drop + SPREAD * (2.0 * seeded.unit() - 1.0);
        let mut trials = |chance: f64| (0..most).map(|_| f64::from(u8::from(seeded.unit() < chance))).collect();
        TaskScores { task: format!("t{nth}"), baseline: trials(before), new: trials(after) }
    };
    (0..cell.tasks).map(task).collect()
}

/// What plainer gates say of the same scores.
fn beside(tasks: &[TaskScores], tally: &mut Tally) {
    let all = |of: fn(&TaskScores) -> &Vec<f64>| -> Vec<f64> { tasks.iter().flat_map(of).copied().collect() };
    let (new, baseline) = (all(|task| &task.new), all(|task| &task.baseline));
    tally.any_drop += u32::from(mean(&new) < mean(&baseline));
    let worse = unpaired(&new, &baseline).is_some_and(|found| found.t < 0.0 && found.p / 2.0 < ALPHA);
    tally.unpaired += u32::from(worse);
}

/// The verdict at the look that settled it, and the share of the planned trials that were run until then.
fn looked_at(cell: &Cell, tasks: &[TaskScores]) -> (Verdict, f64) {
    let most = f64::from(*cell.looks.last().unwrap());
    let mut last = (Verdict::Inconclusive, 1.0);
    for (at, trials) in cell.looks.iter().enumerate() {
        let seen = |task: &TaskScores| TaskScores { new: task.new[..*trials as usize].to_vec(), ..task.clone() };
        let rule = ScoreRule { rule: "r".to_owned(), must: cell.must, tasks: tasks.iter().map(seen).collect() };
        let plan = Plan { alpha: ALPHA, looks: cell.looks.clone(), at };
        if let Some((after, _)) = disaster_after(&rule, &plan, 1) {
            return (Verdict::Failed, after as f64 / cell.tasks as f64 * f64::from(*trials) / most);
        }
        let measured = Shares { valid_trials: Some(1.0), coverage: Some(1.0) };
        let (hard, scores, floors) = (Vec::new(), vec![rule], Shares::default());
        let given = Given { measured, floors, hard, scores, plan, inconclusive: None };
        last = (gate(&given).unwrap().verdict, f64::from(*trials) / most);
        if last.0 != Verdict::Inconclusive {
            break;
        }
    }
    last
}

/// The power function's chance to prove a drop of `drop` with one look: what a simulated strict gate must come near to, in percent.
pub fn expected_power(tasks: usize, trials: u32, drop: f64) -> f64 {
    let failing = |mean: f64, variance: f64| mean * (1.0 - mean) - variance;
    let (center, wide, moved) =
        (f64::midpoint(LEAST, MOST), (MOST - LEAST).powi(2) / 12.0, (2.0 * SPREAD).powi(2) / 12.0);
    let noise = Noise {
        omega2: moved,
        sigma2: (failing(center - drop, wide + moved), failing(center, wide)),
        trials: (f64::from(trials), f64::from(trials)),
    };
    let aim = Aim { alpha: ALPHA, power: 0.8, sides: Sides::One };
    100.0 * t_power(drop / noise.per_task().sqrt(), tasks as f64, &aim).unwrap()
}

/// A drop of 24 points at 20 tasks under three planned looks.
pub fn early_stop() -> Cell {
    Cell { tasks: 20, looks: vec![2, 4, 8], drop: 0.24, must: Must::NoWorseBy { margin: 0.05, strict: true } }
}
