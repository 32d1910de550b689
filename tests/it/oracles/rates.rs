//! Corrected rates, reliability over trials, rankings and reruns.

use evalrun::stats::{
    calibration::{self, Estimate, Labelled, Rate, ppi_mean, ppi_weight, rogan_gladen},
    flaky,
    intervals::{Interval, pass_rate},
    passk::{Passes, mean_pass_at_k, mean_pass_hat_k, pass_at_k, pass_hat_k},
    ranking::{self, Game, RankingError, bradley_terry, with_ties},
};
use serde_json::{Value, json};

pub const FUNCTIONS: &[(&str, super::Oracle)] = &[
    ("ppi_mean", ppi),
    ("rogan_gladen", rogan_gladen_of),
    ("ece_brier", ece_brier),
    ("pass_hat_k", |input| json!(pass_hat_k(passes(input), count(input, "k")))),
    ("pass_at_k", |input| json!(pass_at_k(passes(input), count(input, "k")))),
    ("suite_pass_k", suite_pass_k),
    ("plugin_vs_unbiased", plugin_vs_unbiased),
    ("bradley_terry_mle", bradley_terry_mle),
    ("bradley_terry_mle_ties_half", |input| {
        let wins = with_ties(&numbers(&input["wins"]), &numbers(&input["ties"])).unwrap();
        json!({"log_strength_mean0": bradley_terry(&wins).unwrap().strengths})
    }),
    ("elo_sequential", elo_sequential),
    ("flakiness", flakiness),
    ("variance_components", variance_components),
    ("flip_rate", flip_rate),
    ("chi2_homogeneity", chi2_homogeneity),
];

fn count(input: &Value, name: &str) -> u64 {
    input[name].as_u64().unwrap()
}

fn passes(input: &Value) -> Passes {
    Passes { trials: count(input, "n"), passed: count(input, "c") }
}

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn numbers(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

fn estimate(found: Option<Estimate>) -> Value {
    let found = found.unwrap();
    let (low, high) = found.interval().unwrap();
    json!({"theta": found.value, "se": found.error, "ci95": [low, high]})
}

fn ppi(input: &Value) -> Value {
    let lists = [&input["y_human"], &input["y_judge_on_human"], &input["y_judge_unlabelled"]].map(list);
    let given = Labelled { people: &lists[0], judge: &lists[1], unlabelled: &lists[2] };
    let alone = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let weight = ppi_weight(&given).unwrap();
    let (first, best) = (estimate(ppi_mean(&given, 1.0)), estimate(ppi_mean(&given, weight)));
    // ppi-python takes the covariance over n where the closed form takes it over n - 1.
    let n = lists[0].len() as f64;
    let package = estimate(ppi_mean(&given, weight * (n - 1.0) / n));
    json!({
        "human_only_mean": alone(&lists[0]),
        "judge_only_mean": alone(&lists[2]),
        "lam1": first,
        "lam0": estimate(ppi_mean(&given, 0.0)),
        "lam_opt_closed_form": weight,
        "ppi_plus": best,
        "ppi_py_lam1_point": first["theta"],
        "ppi_py_lam1_ci95": first["ci95"],
        "ppi_py_auto_point": package["theta"],
        "ppi_py_auto_ci95": package["ci95"],
    })
}

fn rogan_gladen_of(input: &Value) -> Value {
    let rate = |share: &str, items: &str| Rate { share: input[share].as_f64().unwrap(), items: count(input, items) };
    estimate(rogan_gladen(rate("p_obs", "n"), rate("sens", "m_pos"), rate("spec", "m_neg")))
}

fn ece_brier(input: &Value) -> Value {
    let said: Vec<(f64, bool)> =
        list(&input["p"]).into_iter().zip(list(&input["y"]).into_iter().map(|came| came > 0.5)).collect();
    let bins = usize::try_from(count(input, "bins")).unwrap();
    json!({"brier": calibration::brier(&said), "ece": calibration::expected_calibration_error(&said, bins)})
}

fn suite_pass_k(input: &Value) -> Value {
    let pairs: Vec<(u64, u64)> = serde_json::from_value(input["n_c"].clone()).unwrap();
    let tasks: Vec<Passes> = pairs.into_iter().map(|(trials, passed)| Passes { trials, passed }).collect();
    let k = count(input, "k");
    json!({"pass_at_k": mean_pass_at_k(&tasks, k), "pass_hat_k": mean_pass_hat_k(&tasks, k)})
}

fn plugin_vs_unbiased(input: &Value) -> Value {
    let (task, k) = (passes(input), count(input, "k"));
    let share = task.passed as f64 / task.trials as f64;
    let power = i32::try_from(k).unwrap();
    json!({
        "plugin_pass_at_k": 1.0 - (1.0 - share).powi(power),
        "unbiased_pass_at_k": pass_at_k(task, k),
        "plugin_pass_hat_k": share.powi(power),
        "unbiased_pass_hat_k": pass_hat_k(task, k),
    })
}

fn bradley_terry_mle(input: &Value) -> Value {
    let found = bradley_terry(&numbers(&input["wins"])).unwrap();
    let (difference, error) = found.difference(0, 1);
    json!({
        "log_strength_mean0": found.strengths,
        "choix_ilsr": found.strengths,
        "se_meanzero": found.errors(),
        "diff01": difference,
        "se_diff01": error,
        "p_0_beats_1": found.beats(0, 1),
        "elo_scale": found.elo(),
    })
}

fn elo_sequential(input: &Value) -> Value {
    let games: Vec<(usize, usize, f64)> = serde_json::from_value(input["games"].clone()).unwrap();
    let games: Vec<Game> = games.into_iter().map(|(first, second, score)| Game { first, second, score }).collect();
    json!(ranking::elo(3, &games, (input["base"].as_f64().unwrap(), input["k"].as_f64().unwrap())))
}

fn flakiness(input: &Value) -> Value {
    let found = flaky::flakiness(count(input, "c"), count(input, "n")).unwrap();
    json!({
        "p": found.share,
        "outcome_variance": found.variance,
        "disagree_prob_unbiased": found.differ,
        "wilson": [found.interval.0, found.interval.1],
    })
}

fn variance_components(input: &Value) -> Value {
    let found = flaky::variance_split(&numbers(&input["rows"])).unwrap();
    json!({
        "sigma2_within": found.within,
        "omega2_between": found.between,
        "var_of_mean": found.of_mean,
        "pred_var_if_K_doubled": found.of_mean_twice_the_trials,
    })
}

fn flip_rate(input: &Value) -> Value {
    let history: Vec<bool> = list(&input["history"]).into_iter().map(|passed| passed > 0.5).collect();
    let (flips, rate) = flaky::flips(&history).unwrap();
    json!({"flips": flips, "flip_rate": rate})
}

fn chi2_homogeneity(input: &Value) -> Value {
    let found = flaky::homogeneity(&serde_json::from_value::<Vec<Vec<u64>>>(input["table"].clone()).unwrap()).unwrap();
    json!({"chi2": found.statistic, "df": found.freedom, "p": found.p})
}

#[test]
fn agents_that_never_met_in_a_circle_cannot_be_ranked() {
    let never_lost = vec![vec![0.0, 5.0, 4.0], vec![0.0, 0.0, 2.0], vec![0.0, 1.0, 0.0]];
    assert_eq!(bradley_terry(&never_lost), Err(RankingError::NotConnected(vec![vec![0], vec![1, 2]])));
    assert_eq!(bradley_terry(&[vec![0.0]]), Err(RankingError::TooFew));
    assert_eq!(bradley_terry(&[vec![0.0, f64::NAN], vec![1.0, 0.0]]), Err(RankingError::Table));
    assert_eq!(bradley_terry(&[vec![0.0, 1.0], vec![1.0]]), Err(RankingError::Table));
    assert_eq!(
        with_ties(&[vec![0.0, 1.0], vec![1.0, 0.0]], &[vec![0.0, 1.0], vec![2.0, 0.0]]),
        Err(RankingError::Table)
    );
    let said = bradley_terry(&never_lost).unwrap_err().to_string();
    assert_eq!(
        said,
        "agents [[0], [1, 2]] cannot be put on one scale: some never won against, or never lost to, the others"
    );
}

#[test]
fn a_ranking_says_who_cannot_be_told_apart() {
    let near = bradley_terry(&[vec![0.0, 5.0, 6.0], vec![5.0, 0.0, 5.0], vec![4.0, 5.0, 0.0]]).unwrap();
    assert_eq!(near.groups(), [vec![0, 1, 2]]);
    let far = [vec![0.0, 30.0, 80.0], vec![28.0, 0.0, 75.0], vec![10.0, 12.0, 0.0]];
    assert_eq!(bradley_terry(&far).unwrap().groups(), [vec![0, 1], vec![2]]);
    let chain = [vec![0.0, 20.0, 40.0], vec![14.0, 0.0, 20.0], vec![14.0, 14.0, 0.0]];
    assert_eq!(bradley_terry(&chain).unwrap().groups(), [vec![0, 1], vec![1, 2]]);
}

#[test]
fn what_has_no_meaning_is_no_number() {
    let given = Labelled { people: &[1.0], judge: &[1.0], unlabelled: &[1.0] };
    assert_eq!((ppi_weight(&given), ppi_mean(&given, 1.0)), (None, None));
    let constant = Labelled { people: &[1.0, 0.0], judge: &[1.0, 1.0], unlabelled: &[1.0] };
    assert_eq!(ppi_weight(&constant), Some(0.0));
    let sure = Labelled { people: &[1.0, 1.0], judge: &[1.0, 1.0], unlabelled: &[1.0] };
    assert_eq!(ppi_mean(&sure, 0.0).unwrap().interval(), None);
    let rate = |share: f64| Rate { share, items: 10 };
    assert_eq!(rogan_gladen(rate(0.5), rate(0.5), rate(0.5)), None);
    assert_eq!(rogan_gladen(rate(1.5), rate(0.9), rate(0.9)), None);
    assert_eq!((calibration::brier(&[]), calibration::brier(&[(1.5, true)])), (None, None));
    assert_eq!(calibration::expected_calibration_error(&[(0.5, true)], 0), None);
    assert_eq!(flaky::flakiness(0, 0), None);
    assert_eq!(flaky::flakiness(1, 1).unwrap().differ, None);
    assert_eq!(flaky::flips(&[true]), None);
    assert_eq!(flaky::variance_split(&[vec![1.0, 0.0]]), None);
    assert_eq!(flaky::homogeneity(&[vec![1, 0], vec![2, 0]]), None);
    assert_eq!((pass_rate(0, 0, 0.95), pass_rate(2, 1, 0.95)), (None, None));
}

/// `scipy.stats.binomtest(0, 10).proportion_ci(0.95, 'exact')` and `binomtest(10, 10)`.
#[test]
fn none_or_all_of_ten_have_the_exact_interval() {
    let Interval { low, high } = pass_rate(0, 10, 0.95).unwrap();
    assert!(low == 0.0 && (high - 0.308_497_1).abs() < 1e-7, "{high}");
    let Interval { low, high } = pass_rate(10, 10, 0.95).unwrap();
    assert!(high == 1.0 && (low - 0.691_502_9).abs() < 1e-7, "{low}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// pass^k <= pass@1 <= pass@k; both fall and rise with k; undefined where there are fewer trials than k.
    #[test]
    fn pass_k_is_in_order(trials in 1u64..40, part in 0u64..40, k in 1u64..45) {
        let task = Passes { trials, passed: part.min(trials) };
        let (all, any) = (pass_hat_k(task, k), pass_at_k(task, k));
        if k > trials {
            proptest::prop_assert_eq!((all, any), (None, None));
            return Ok(());
        }
        let (all, one, any) = (all.unwrap(), pass_at_k(task, 1).unwrap(), any.unwrap());
        proptest::prop_assert!(0.0 <= all && all <= one + 1e-12 && one <= any + 1e-12 && any <= 1.0 + 1e-12);
        if k < trials {
            proptest::prop_assert!(pass_hat_k(task, k + 1).unwrap() <= all + 1e-12);
            proptest::prop_assert!(pass_at_k(task, k + 1).unwrap() >= any - 1e-12);
        }
    }

    /// By drawing every set of k of up to 8 trials.
    #[test]
    fn pass_k_is_a_count_of_sets(trials in 1u64..9, part in 0u64..9, k in 1u64..9) {
        let task = Passes { trials, passed: part.min(trials) };
        let (mut sets, mut all, mut any) = (0.0, 0.0, 0.0);
        for set in (0u32..1 << trials).filter(|set| u64::from(set.count_ones()) == k) {
            let passed = u64::from((set & ((1 << task.passed) - 1)).count_ones());
            sets += 1.0;
            all += f64::from(u8::from(passed == k));
            any += f64::from(u8::from(passed > 0));
        }
        let near = |found: Option<f64>, hits: f64| found.map_or(sets == 0.0, |found| (found - hits / sets).abs() < 1e-9);
        proptest::prop_assert!(near(pass_hat_k(task, k), all) && near(pass_at_k(task, k), any));
    }

    /// Strengths are at the top of the likelihood: who is expected to win as often as they did.
    #[test]
    fn strengths_explain_the_wins(counts in proptest::collection::vec(proptest::collection::vec(1u32..30, 4), 4)) {
        let wins: Vec<Vec<f64>> = (0..4)
            .map(|a| (0..4).map(|b| if a == b { 0.0 } else { f64::from(counts[a][b]) }).collect())
            .collect();
        let found = bradley_terry(&wins).unwrap();
        proptest::prop_assert!(found.strengths.iter().sum::<f64>().abs() < 1e-9);
        for (a, row) in wins.iter().enumerate() {
            let (mut won, mut expected) = (0.0, 0.0);
            for b in (0..4).filter(|b| *b != a) {
                won += row[b];
                expected += (row[b] + wins[b][a]) * found.beats(a, b);
            }
            proptest::prop_assert!((won - expected).abs() < 1e-6);
        }
        let listed: std::collections::BTreeSet<usize> = found.groups().into_iter().flatten().collect();
        proptest::prop_assert_eq!(listed.len(), 4);
    }
}
