//! Power, and looking more than once.

use super::{Oracle, number, numbers, whole};
use evalrun::stats::{
    power::{self, Aim, Noise, Sides},
    quantile,
    sequential::{self, Bet, Spending},
    sprt::{Decision, Sprt},
};
use serde_json::{Value, json};

pub const FUNCTIONS: &[(&str, Oracle)] = &[
    ("miller_required_n", |input| json!(power::tasks_needed(number(input, "delta"), &miller(input), &aim(input)))),
    ("miller_mde", |input| json!(power::detectable(number(input, "n"), &miller(input), &aim(input)))),
    ("epochs_needed", epochs),
    ("paired_t_sample_size", |input| json!(power::pairs_needed(number(input, "dz"), &aim(input)))),
    ("two_prop_sample_size", two_rates),
    ("mcnemar_sample_size", |input| {
        json!(power::mcnemar_needed(number(input, "p10"), number(input, "p01"), &aim(input)))
    }),
    ("sprt_bounds", sprt_bounds),
    ("sprt_run", sprt_run),
    ("sprt_expected_n", sprt_expected),
    ("evalue_betting_paired", |input| {
        json!(sequential::betting_paired(&numbers(input, "d"), number(input, "margin"), number(input, "lam")))
    }),
    ("evalue_betting", betting),
    ("evalue_beta_mixture", |input| {
        let prior = (number(input, "a"), number(input, "b"));
        json!(sequential::beta_mixture(&passed(input), number(input, "p0"), prior))
    }),
    ("asymptotic_confidence_sequence", sequence),
    ("alpha_spending", spending),
];

fn aim(input: &Value) -> Aim {
    Aim { alpha: number(input, "alpha"), power: number(input, "power"), sides: Sides::Two }
}

fn miller(input: &Value) -> Noise {
    Noise {
        omega2: number(input, "omega2"),
        sigma2: (number(input, "sigma2_a"), number(input, "sigma2_b")),
        trials: (number(input, "k_a"), number(input, "k_b")),
    }
}

fn epochs(input: &Value) -> Value {
    let sigma2 = number(input, "sigma2");
    let noise = Noise { omega2: number(input, "omega2"), sigma2: (sigma2, sigma2), trials: (1.0, 1.0) };
    json!(power::trials_needed(number(input, "delta"), number(input, "n_tasks"), &noise, &aim(input)))
}

fn two_rates(input: &Value) -> Value {
    let found = power::two_rates(number(input, "p1"), number(input, "p2"), &aim(input)).unwrap();
    json!({"cohens_h": found.h, "n_per_group": found.each})
}

fn sprt(input: &Value) -> Sprt {
    let named = |name: &str| number(input, name);
    Sprt { good: named("p0"), bad: named("p1"), alpha: named("alpha"), beta: named("beta") }
}

fn passed(input: &Value) -> Vec<bool> {
    numbers(input, "x").into_iter().map(|x| x > 0.5).collect()
}

fn sprt_bounds(input: &Value) -> Value {
    let found = sprt(input).bounds().unwrap();
    json!({
        "upper": found.upper,
        "lower": found.lower,
        "inc_pass": found.step_passed,
        "inc_fail": found.step_failed,
        "min_all_pass_to_accept_H0": found.all_passed,
        "min_all_fail_to_accept_H1": found.all_failed,
    })
}

fn sprt_run(input: &Value) -> Value {
    let (decision, path) = sprt(input).run(&passed(input)).unwrap();
    let decision = match decision {
        Decision::Good => "accept_H0_ok",
        Decision::Regression => "accept_H1_regression",
        Decision::Undecided => "undecided",
    };
    json!({"decision": decision, "n": path.len(), "llr": path})
}

fn sprt_expected(input: &Value) -> Value {
    let found = sprt(input).expected().unwrap();
    json!({"asn_H0": found.if_good, "asn_H1": found.if_bad, "fixed_n_normal_approx": found.fixed})
}

fn betting(input: &Value) -> Value {
    let bet = match input["direction"].as_str() {
        Some("less") => Bet::Less,
        Some("greater") => Bet::Greater,
        other => panic!("no direction {other:?}"),
    };
    json!(sequential::betting(&numbers(input, "x"), number(input, "m"), number(input, "lam"), bet))
}

fn sequence(input: &Value) -> Value {
    let (n, sd, alpha) = (whole(input, "n"), number(input, "sd"), number(input, "alpha"));
    let fixed = quantile::normal_quantile(1.0 - alpha / 2.0).unwrap() * sd / (n as f64).sqrt();
    json!({
        "half_width": sequential::sequence_half_width(n, sd, number(input, "rho"), alpha),
        "fixed_n_half_width": fixed,
        "rho_opt_for_n": sequential::best_rho(n, alpha),
    })
}

fn spending(input: &Value) -> Value {
    let spent = |spending: Spending| spending.spent(number(input, "t"), number(input, "alpha"));
    json!({"obrien_fleming": spent(Spending::OBrienFleming), "pocock": spent(Spending::Pocock)})
}
