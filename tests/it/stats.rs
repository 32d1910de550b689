//! Properties of the statistics: what must hold whatever the numbers are.

use evalrun::stats::{
    bootstrap, clusters, mean_interval,
    multiplicity::{benjamini_hochberg, bonferroni, hochberg, holm, holm_levels},
    noninferiority::{noninferiority, unseen_error},
    paired::{one_sample_t, paired_t},
    permutation::sign_flip,
    quantile::{normal_cdf, normal_quantile, t_quantile},
    seeded::Seeded,
    sequential::{Spending, disaster, levels},
};
use proptest::prelude::*;

fn scores() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..=1.0f64, 2..15)
}

fn p_values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![0.0..=1.0f64, 0.0..=0.02f64], 1..12)
}

proptest! {
    #[test]
    fn the_order_of_tasks_does_not_matter(pairs in prop::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 2..15), by in 0usize..15) {
        let mut turned = pairs.clone();
        turned.rotate_left(by % pairs.len());
        turned.reverse();
        let split = |pairs: &[(f64, f64)]| -> (Vec<f64>, Vec<f64>) { pairs.iter().copied().unzip() };
        let ((a, b), (c, d)) = (split(&pairs), split(&turned));
        match (paired_t(&a, &b), paired_t(&c, &d)) {
            (Some(one), Some(other)) => prop_assert!((one.t - other.t).abs() <= 1e-6 * (1.0 + one.t.abs())),
            (one, other) => prop_assert_eq!(one.is_none(), other.is_none()),
        }
        let means = (mean_interval(&a).unwrap().mean, mean_interval(&c).unwrap().mean);
        prop_assert!((means.0 - means.1).abs() < 1e-12);
        let differences = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).take(10).collect() };
        if pairs.len() <= 10 {
            let (one, other) = (sign_flip(&differences(&a, &b)).unwrap(), sign_flip(&differences(&c, &d)).unwrap());
            prop_assert_eq!((one.greater, one.two_sided), (other.greater, other.two_sided));
        }
    }

    #[test]
    fn clusters_of_one_give_the_naive_error(values in scores()) {
        let singles: Vec<Vec<f64>> = values.iter().map(|value| vec![*value]).collect();
        let found = clusters::clustered(&singles).unwrap();
        prop_assert!((found.adjusted.unwrap() - found.naive.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn an_interval_is_never_of_zero_width(values in prop::collection::vec(prop_oneof![Just(0.0), Just(0.5), 0.0..=1.0f64], 0..8)) {
        if let Some((low, high)) = mean_interval(&values).and_then(|found| found.interval) {
            prop_assert!(low < high && low.is_finite() && high.is_finite());
        }
        let tasks: Vec<Vec<f64>> = values.iter().map(|value| vec![*value]).collect();
        if let Some(found) = clusters::clustered(&tasks).and_then(|found| found.interval(0.95)) {
            prop_assert!(found.low < found.high);
        }
    }

    #[test]
    fn holm_is_no_worse_than_bonferroni_and_no_better_than_hochberg(p in p_values(), alpha in 0.001..0.2f64) {
        let (least, middle, most) = (hochberg(&p), holm(&p), bonferroni(&p));
        for nth in 0..p.len() {
            prop_assert!(p[nth] <= middle[nth] && middle[nth] <= most[nth] && least[nth] <= middle[nth]);
            prop_assert!(benjamini_hochberg(&p)[nth] <= least[nth] + 1e-15);
        }
        for (level, (p, adjusted)) in holm_levels(&p, alpha).into_iter().zip(p.iter().zip(&middle)) {
            prop_assert!((p - level).abs() < 1e-12 || (*p <= level) == (*adjusted <= alpha));
        }
    }

    #[test]
    fn bounds_and_tests_agree(values in scores(), margin in 0.01..0.5f64, alpha in 0.01..0.2f64) {
        let differences: Vec<f64> = values.iter().map(|value| value - 0.5).collect();
        if let Some(found) = noninferiority(&differences, margin, alpha) {
            prop_assert!((found.p - alpha).abs() < 1e-9 || (found.p < alpha) == found.non_inferior);
            prop_assert!(!(found.non_inferior && found.worse));
            let half = one_sample_t(&differences).unwrap().interval(1.0 - 2.0 * alpha).unwrap();
            prop_assert!((half.low - found.bounds.low).abs() < 1e-9 && (half.high - found.bounds.high).abs() < 1e-9);
        }
    }

    #[test]
    fn quantiles_are_inverses(p in 1e-6..0.999_999f64, df in 1.0..200.0f64) {
        prop_assert!((normal_cdf(normal_quantile(p).unwrap()) - p).abs() < 1e-10);
        let t = t_quantile(p, df).unwrap();
        prop_assert!((evalrun::stats::quantile::t_tail(t, df).unwrap() - (1.0 - p)).abs() < 1e-9);
    }

    #[test]
    fn more_trials_leave_less_unseen(trials in prop::collection::vec(1usize..9, 1..20)) {
        let more: Vec<usize> = trials.iter().map(|count| count + 1).collect();
        prop_assert!(unseen_error(&more) < unseen_error(&trials));
    }
}

/// Ville's inequality: over 4,000 seeded starts under the null, at most alpha of the e-processes ever cross 1/alpha.
#[test]
fn an_e_process_on_a_null_crosses_at_most_alpha() {
    const STARTS: u32 = 4000;
    let mut seeded = Seeded::new(21);
    for (m, alpha) in [(0.45, 0.05), (0.475, 0.2), (0.9, 0.1)] {
        let crossed = (0..STARTS)
            .filter(|_| {
                let values: Vec<f64> = (0..60).map(|_| f64::from(u8::from(seeded.unit() < m))).collect();
                disaster(&values, m).iter().any(|capital| *capital >= 1.0 / alpha)
            })
            .count() as f64;
        let (share, slack) = (crossed / f64::from(STARTS), 4.0 * (alpha * (1.0 - alpha) / f64::from(STARTS)).sqrt());
        assert!(share <= alpha + slack, "{m} {alpha}: {share}");
        assert!(share > 0.0, "{m} {alpha}: never crosses, so nothing was tested");
    }
}

/// Three looks at a growing sum of normal noise cross with chance alpha, as the integration says; a single look tests at alpha itself.
#[test]
fn looks_spend_what_they_may() {
    for spending in [Spending::Pocock, Spending::OBrienFleming] {
        let single = levels(&[1.0], 0.04, spending).unwrap();
        assert!((single[0] - 0.04).abs() < 1e-9, "{single:?}");
        let found = levels(&[0.25, 0.5, 1.0], 0.04, spending).unwrap();
        let bounds: Vec<f64> = found.iter().map(|level| normal_quantile(1.0 - level).unwrap()).collect();
        const WALKS: u32 = 100_000;
        let mut seeded = Seeded::new(22);
        let mut normal = || normal_quantile(seeded.unit().max(1e-12)).unwrap();
        let crossed = (0..WALKS)
            .filter(|_| {
                let (first, second, third) = (normal() * 0.5, normal() * 0.5, normal() * 0.5_f64.sqrt());
                let walk = [first / 0.5, (first + second) / 0.5_f64.sqrt(), first + second + third];
                walk.iter().zip(&bounds).any(|(z, bound)| z >= bound)
            })
            .count();
        let share = crossed as f64 / f64::from(WALKS);
        assert!((share - 0.04).abs() < 0.0025, "{spending:?}: {share}");
    }
    assert_eq!(levels(&[0.5, 0.5], 0.04, Spending::Pocock), None);
    assert_eq!(levels(&[0.5, 1.5], 0.04, Spending::Pocock), None);
    assert_eq!(levels(&[0.5, 1.0], 0.0, Spending::Pocock), None);
}

#[test]
fn the_same_seed_gives_the_same_bootstrap() {
    let tasks: Vec<Vec<f64>> = (0..25).map(|nth| vec![f64::from(nth % 7) / 7.0, f64::from(nth % 3) / 3.0]).collect();
    let found = bootstrap::interval(&tasks, 0.95, 5);
    assert!(found.is_some() && found == bootstrap::interval(&tasks, 0.95, 5));
}
