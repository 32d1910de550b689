//! Quantiles and tails, intervals for a proportion, several tests at once.

use super::{Oracle, number, numbers, whole};
use evalrun::stats::{Interval, intervals, multiplicity, quantile};
use serde_json::{Value, json};

pub const FUNCTIONS: &[(&str, Oracle)] = &[
    ("norm_ppf", |input| json!(quantile::normal_quantile(number(input, "p")))),
    ("t_ppf", |input| json!(quantile::t_quantile(number(input, "p"), number(input, "df")))),
    ("t_sf", |input| json!(quantile::t_tail(number(input, "t"), number(input, "df")))),
    ("beta_ppf", |input| json!(quantile::beta_quantile(number(input, "p"), number(input, "a"), number(input, "b")))),
    ("binom_cdf", |input| json!(quantile::binomial_cdf(whole(input, "k"), whole(input, "n"), number(input, "p")))),
    ("chi2_sf", |input| json!(quantile::chi_squared_tail(number(input, "x"), number(input, "df")))),
    ("wilson", |input| interval(input, intervals::wilson)),
    ("wilson_cc", |input| interval(input, intervals::wilson_corrected)),
    ("clopper_pearson", |input| interval(input, intervals::clopper_pearson)),
    ("jeffreys", |input| interval(input, intervals::jeffreys)),
    ("agresti_coull", |input| interval(input, intervals::agresti_coull)),
    ("wald", |input| interval(input, intervals::wald)),
    ("upper_bound_zero_events", none_seen),
    ("p_adjust", adjusted),
];

fn interval(input: &Value, of: fn(u64, u64, f64) -> Option<Interval>) -> Value {
    let found = of(whole(input, "k"), whole(input, "n"), number(input, "conf")).unwrap();
    json!({"lo": found.low, "hi": found.high})
}

fn none_seen(input: &Value) -> Value {
    let n = whole(input, "n");
    json!({"exact": intervals::none_seen(n, number(input, "conf")), "rule_of_three": intervals::rule_of_three(n)})
}

fn adjusted(input: &Value) -> Value {
    let (p, alpha) = (numbers(input, "p"), number(input, "alpha"));
    let by = |adjust: fn(&[f64]) -> Vec<f64>| {
        let adjusted = adjust(&p);
        json!({"reject": adjusted.iter().map(|p| *p <= alpha).collect::<Vec<bool>>(), "adj": adjusted})
    };
    json!({
        "bonferroni": by(multiplicity::bonferroni),
        "holm": by(multiplicity::holm),
        "hochberg": by(multiplicity::hochberg),
        "bh": by(multiplicity::benjamini_hochberg),
        "by": by(multiplicity::benjamini_yekutieli),
    })
}
