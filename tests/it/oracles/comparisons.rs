//! Clusters, pairs, tables of two by two, sign flips, the bootstrap, non-inferiority.

use super::{Oracle, number, numbers, whole, words};
use evalrun::stats::{
    Interval,
    bootstrap::{self, Bootstrap},
    clusters, contingency, moments,
    noninferiority::{self, Rate, Restricted},
    paired,
    permutation::{self, SignFlip},
    quantile,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const FUNCTIONS: &[(&str, Oracle)] = &[
    ("cluster_se", cluster_se),
    ("se_of_task_means", |input| json!({"se": moments::standard_error(&numbers(input, "task_means"))})),
    ("icc1_anova", icc),
    ("paired_t", paired_t),
    ("cliffs_delta", |input| json!(paired::cliffs_delta(&numbers(input, "a"), &numbers(input, "b")))),
    ("wilcoxon_signed_rank", wilcoxon),
    ("effect_size_dz", dz),
    ("mcnemar_exact", mcnemar),
    ("fisher_exact", fisher),
    ("signflip_exact", |input| flips(&numbers(input, "d"))),
    ("signflip_cluster_exact", |input| {
        flips(&clustered(input, "d").iter().map(|values| values.iter().sum()).collect::<Vec<f64>>())
    }),
    ("signflip_exact_scipy_def", |input| json!({"p_two_sided": flip(&numbers(input, "d")).doubled()})),
    (
        "mc_permutation_p",
        |input| json!({"p": permutation::drawn_p(whole(input, "exceed"), whole(input, "n_resamples"))}),
    ),
    ("bootstrap_exact_mean", |input| summary(&bootstrap::exact(&singles(input)).unwrap(), input)),
    ("cluster_bootstrap_exact", cluster_bootstrap),
    ("bootstrap_mc_mean", drawn),
    ("bootstrap_mc_bca", drawn),
    ("bca_parts", bca_parts),
    ("noninferiority_paired_t", noninferiority_t),
    ("noninferiority_two_proportions", two_proportions),
    ("paired_binary_score_ci", tango),
];

fn pair(interval: Interval) -> [f64; 2] {
    [interval.low, interval.high]
}

/// `input[values]` by `input["cluster"]`.
fn clustered(input: &Value, values: &str) -> Vec<Vec<f64>> {
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (cluster, value) in words(input, "cluster").into_iter().zip(numbers(input, values)) {
        found.entry(cluster).or_default().push(value);
    }
    found.into_values().collect()
}

fn cluster_se(input: &Value) -> Value {
    let found = clusters::clustered(&clustered(input, "values")).unwrap();
    // The library gives no interval where the error is 0; the formula's own has zero width.
    let interval = found.interval(0.95);
    assert_eq!(interval.is_none(), found.adjusted == Some(0.0));
    json!({
        "mean": found.mean,
        "n": found.values,
        "clusters": found.clusters,
        "se_naive": found.naive,
        "se_miller": found.miller,
        "se_inspect": found.adjusted,
        "se_statsmodels_cluster": found.adjusted,
        "ci95_t_inspect": interval.map_or([found.mean; 2], pair),
    })
}

fn icc(input: &Value) -> Value {
    let found = clusters::correlation(&clustered(input, "values")).unwrap();
    json!({
        "icc": found.icc,
        "n0": found.size,
        "msb": found.between,
        "msw": found.within,
        "design_effect_mean_size": found.design_effect,
        "n_eff": found.effective,
    })
}

fn paired_t(input: &Value) -> Value {
    let (a, b) = (numbers(input, "a"), numbers(input, "b"));
    let (found, other) = (paired::paired_t(&a, &b).unwrap(), paired::unpaired(&a, &b).unwrap());
    json!({
        "mean_diff": found.mean,
        "se": found.error,
        "t": found.t,
        "df": found.df,
        "p_two_sided": found.p,
        "ci95": found.interval(0.95).map(pair),
        "corr": paired::pearson(&a, &b),
        "welch_t": other.t,
        "welch_df": other.df,
        "welch_p": other.p,
        "se_unpaired": other.error,
        "variance_ratio_paired_over_unpaired": (found.error / other.error).powi(2),
    })
}

fn wilcoxon(input: &Value) -> Value {
    let variant = (input["zero_method"].as_str(), input["method"].as_str(), input["correction"].as_bool());
    assert_eq!(variant, (Some("wilcox"), Some("approx"), Some(false)));
    let found = paired::signed_rank(&numbers(input, "a"), &numbers(input, "b")).unwrap();
    json!({"W": found.w, "p": found.p})
}

fn dz(input: &Value) -> Value {
    let found = paired::effect_size(&numbers(input, "a"), &numbers(input, "b")).unwrap();
    json!({"dz": found.dz, "hedges_g_correction_df9": found.correction})
}

fn mcnemar(input: &Value) -> Value {
    let found = contingency::mcnemar(whole(input, "b"), whole(input, "c")).unwrap();
    json!({"p_two_sided": found.two_sided, "p_mid": found.mid, "p_one_sided_b_greater": found.b_greater})
}

fn fisher(input: &Value) -> Value {
    let found = contingency::fisher(serde_json::from_value(input["table"].clone()).unwrap());
    json!({"p_two_sided": found.two_sided, "p_greater": found.greater})
}

fn flip(differences: &[f64]) -> SignFlip {
    permutation::sign_flip(differences).unwrap()
}

fn flips(differences: &[f64]) -> Value {
    let found = flip(differences);
    json!({
        "mean": moments::mean(differences),
        "n_perm": found.patterns,
        "p_greater": found.greater,
        "p_two_sided": found.two_sided,
    })
}

/// One value per cluster.
fn singles(input: &Value) -> Vec<Vec<f64>> {
    numbers(input, "x").into_iter().map(|value| vec![value]).collect()
}

fn summary(found: &Bootstrap, input: &Value) -> Value {
    json!({
        "n_resamples": found.count(),
        "mean": found.mean,
        "boot_mean": found.center(),
        "sd_pop": found.deviation(),
        "boot_sd_pop": found.deviation(),
        "percentile": pair(found.percentile(1.0 - number(input, "conf"))),
    })
}

fn cluster_bootstrap(input: &Value) -> Value {
    let clusters: BTreeMap<String, Vec<f64>> = serde_json::from_value(input["clusters"].clone()).unwrap();
    summary(&bootstrap::exact(&clusters.into_values().collect::<Vec<_>>()).unwrap(), input)
}

fn drawn(input: &Value) -> Value {
    let values = numbers(input, "x");
    let found = bootstrap::drawn(&singles(input), 20_000, 20_261_124).unwrap();
    // The error of a mean of n values drawn from themselves: n below, not n - 1.
    let error = (moments::squares(&values) / values.len() as f64 / values.len() as f64).sqrt();
    let mut fields = summary(&found, input);
    fields["se_analytic"] = json!(error);
    fields["bca"] = json!(found.bca(1.0 - number(input, "conf")).map(|bca| pair(bca.interval)));
    fields
}

fn bca_parts(input: &Value) -> Value {
    let found = bootstrap::exact(&singles(input)).unwrap().bca(number(input, "alpha")).unwrap();
    json!({
        "accel_a": found.acceleration,
        "prop_less": found.less,
        "prop_leq": found.not_more,
        "z0_strict_less": quantile::normal_quantile(found.less),
        "z0_mid": found.bias,
        "alpha1_mid": found.tails.0,
        "alpha2_mid": found.tails.1,
        "ci_mid": pair(found.interval),
    })
}

fn noninferiority_t(input: &Value) -> Value {
    let (d, margin) = (numbers(input, "d"), number(input, "margin"));
    let found = noninferiority::noninferiority(&d, margin, number(input, "alpha")).unwrap();
    json!({
        "mean": found.estimate.mean,
        "se": found.estimate.error,
        "t": found.t,
        "df": found.estimate.df,
        "p": found.p,
        "lower_bound": found.bounds.low,
        "upper_bound": found.bounds.high,
        "non_inferior": found.non_inferior,
    })
}

fn two_proportions(input: &Value) -> Value {
    let new = Rate { passed: whole(input, "c1"), tries: whole(input, "n1") };
    let old = Rate { passed: whole(input, "c2"), tries: whole(input, "n2") };
    let (margin, alpha) = (number(input, "margin"), number(input, "alpha"));
    let interval = noninferiority::newcombe(new, old, 1.0 - 2.0 * alpha).unwrap();
    let score = noninferiority::farrington_manning(new, old, margin, Restricted::Statsmodels).unwrap();
    json!({
        "diff": new.passed as f64 / new.tries as f64 - old.passed as f64 / old.tries as f64,
        "newcombe90": pair(interval),
        "fm_z": score.z,
        "fm_p": score.p,
        "non_inferior": score.p < alpha,
    })
}

fn tango(input: &Value) -> Value {
    let (b, c, n) = (whole(input, "b_only_new"), whole(input, "c_only_base"), whole(input, "n"));
    let found = noninferiority::tango(b, c, n, number(input, "conf")).unwrap();
    json!({"diff": (b as f64 - c as f64) / n as f64, "ci": pair(found)})
}
