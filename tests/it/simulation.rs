//! A small, seeded version of `cargo xtask sim`: the gate errs as seldom as it promises.

use super::simulate::{ALPHA, Cell, MARGIN, early_stop, expected_power, one_look, run};
use evalrun::gate::Must;

const RUNS: u32 = 600;

/// Four standard deviations of a share of `percent` among `RUNS`, in percent.
fn slack(percent: f64) -> f64 {
    4.0 * (percent * (100.0 - percent) / f64::from(RUNS)).sqrt()
}

#[test]
fn no_change_seldom_fails() {
    for (tasks, trials) in [(10, 1), (10, 5), (20, 3), (50, 1)] {
        let found = run(&one_look(tasks, trials, 0.0, true), RUNS, 11);
        let failed = found.share(found.failed);
        assert!(failed <= 6.0 + slack(6.0), "{tasks} x {trials}: {failed} % failed");
        let any = found.share(found.any_drop);
        assert!(any > 30.0, "{tasks} x {trials}: any drop failed {any} %");
    }
}

#[test]
fn a_drop_as_large_as_the_margin_seldom_passes() {
    for (tasks, trials) in [(10, 1), (10, 5), (20, 3), (50, 1)] {
        let found = run(&one_look(tasks, trials, MARGIN, false), RUNS, 12);
        let passed = found.share(found.passed);
        assert!(passed <= 6.0 + slack(6.0), "{tasks} x {trials}: {passed} % passed");
    }
}

#[test]
fn power_is_what_the_power_function_says() {
    let found = run(&one_look(20, 5, 0.12, true), RUNS, 13);
    let (seen, expected) = (found.share(found.failed), expected_power(20, 5, 0.12));
    assert!((seen - expected).abs() <= 2.0 + slack(expected), "{seen} % against {expected} %");
    let blind = found.share(found.unpaired);
    assert!(blind < seen, "the unpaired test finds {blind} %, the paired one {seen} %");
}

#[test]
fn a_large_drop_ends_early_and_looking_costs_no_alpha() {
    let found = run(&early_stop(), 100, 14);
    let (spent, failed) = (found.spent / f64::from(found.runs), found.share(found.failed));
    assert!(spent <= 0.5 && failed >= 90.0, "{spent} of the trials, {failed} % failed");
    let none = Cell { drop: 0.0, must: Must::NoWorseBy { margin: MARGIN, strict: true }, ..early_stop() };
    let found = run(&none, 150, 15);
    let allowed = 100.0 * ALPHA + 4.0 * (5.0 * 95.0 / 150.0_f64).sqrt();
    assert!(found.share(found.failed) <= allowed, "{found:?}");
}
