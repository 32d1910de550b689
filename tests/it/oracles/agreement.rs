//! Agreement of raters and rubrics.

use evalrun::stats::{
    agreement::{self, Weights, kappa},
    agreement_many::{self, Level, fleiss_kappa, gwet, krippendorff_alpha, krippendorff_alpha_table},
    agreement_rank::rank_agreement,
    confusion::Confusion,
    rubric::{self, Tree},
    table::Table,
};
use serde_json::{Value, json};

type Function = fn(&Value) -> Value;

pub const FUNCTIONS: &[(&str, Function)] = &[
    ("cohen_kappa_2x2", cohen_kappa_2x2),
    ("cohen_kappa", cohen_kappa),
    ("rank_correlation", rank_correlation),
    ("krippendorff_alpha", |input| json!(krippendorff_alpha(&ratings(input), level(&input["level"])))),
    ("krippendorff_alpha_2x2", |input| {
        json!(krippendorff_alpha_table(&table(&input["table"]), &[0.0, 1.0], Level::Nominal))
    }),
    ("fleiss_kappa", |input| json!(fleiss_kappa(&ratings(input)))),
    ("gwet_ac1_multi", |input| gwet_parts(input, Weights::Nominal)),
    ("gwet_ac2_multi", gwet_ac2),
    ("judge_confusion", judge_confusion),
    ("agreement_from_table", agreement_from_table),
    ("rubric_score_points", rubric_score_points),
    ("rubric_unknown_bounds", rubric_unknown_bounds),
    ("vote_majority", vote_majority),
    ("position_swap", position_swap),
    ("rubric_tree_weighted", |input| json!(rubric::tree_score(&tree(&input["tree"])))),
];

fn table(value: &Value) -> Table {
    Table::new(serde_json::from_value(value.clone()).unwrap()).unwrap()
}

fn ratings(input: &Value) -> Vec<Vec<Option<f64>>> {
    serde_json::from_value(input["ratings"].clone()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn level(value: &Value) -> Level {
    match value.as_str().unwrap() {
        "nominal" => Level::Nominal,
        "ordinal" => Level::Ordinal,
        "interval" => Level::Interval,
        "ratio" => Level::Ratio,
        other => panic!("no level `{other}`"),
    }
}

fn cohen_kappa_2x2(input: &Value) -> Value {
    let table = table(&input["table"]);
    let found = kappa(&table, Weights::Nominal);
    json!({
        "po": agreement::raw_agreement(&table),
        "kappa": found.map(|kappa| kappa.kappa),
        "se_kappa": found.map(|kappa| kappa.error),
        "ci95": found.and_then(|kappa| kappa.interval()).map(|(low, high)| [low, high]),
        "se0": found.map(|kappa| kappa.error_at_zero),
        "gwet_ac1": agreement::gwet_ac1(&table),
        "scott_pi": agreement::scott_pi(&table),
        "pabak": agreement::pabak(&table),
        "positive_agreement": agreement::agreement_on(&table, 0),
        "negative_agreement": agreement::agreement_on(&table, 1),
    })
}

fn cohen_kappa(input: &Value) -> Value {
    let table = table(&input["table"]);
    let of = |weights| kappa(&table, weights).unwrap();
    json!({
        "kappa": of(Weights::Nominal).kappa,
        "linear": of(Weights::Linear).kappa,
        "quadratic": of(Weights::Quadratic).kappa,
        "se_kappa": of(Weights::Nominal).error,
    })
}

fn rank_correlation(input: &Value) -> Value {
    let found = rank_agreement(&table(&input["table"]));
    json!({
        "kendall_tau_b": found.kendall_tau_b,
        "spearman": found.spearman,
        "pearson": found.pearson,
        "mae": found.mean_distance,
        "bias_b_minus_a": found.bias,
        "exact_agreement": found.exact,
        "within1": found.within_one,
    })
}

fn gwet_ac2(input: &Value) -> Value {
    assert_eq!(input["weights"], "quadratic");
    gwet_parts(input, Weights::Quadratic)
}

fn gwet_parts(input: &Value, weights: Weights) -> Value {
    let agreement_many::Gwet { value, observed, expected, error } = gwet(&ratings(input), weights).unwrap();
    json!({"est": value, "pa": observed, "pe": expected, "se": error})
}

fn judge_confusion(input: &Value) -> Value {
    let count = |name: &str| input[name].as_u64().unwrap();
    let found =
        Confusion { true_pass: count("tp"), false_pass: count("fp"), false_fail: count("fn"), true_fail: count("tn") };
    json!({
        "sensitivity": found.sensitivity(),
        "specificity": found.specificity(),
        "precision": found.precision(),
        "f1": found.f1(),
        "macro_f1": found.macro_f1(),
        "balanced_accuracy": found.balanced_accuracy(),
        "mcc": found.mcc(),
        "youden_j": found.youden_j(),
    })
}

fn agreement_from_table(input: &Value) -> Value {
    let (table, values) = (table(&input["table_rows_human_cols_judge"]), numbers(&input["labels"]));
    let of = |weights| kappa(&table, weights).map(|kappa| kappa.kappa);
    json!({
        "n": table.items(),
        "po": agreement::raw_agreement(&table),
        "kappa": of(Weights::Nominal),
        "kappa_linear": of(Weights::Linear),
        "kappa_quadratic": of(Weights::Quadratic),
        "gwet_ac1": agreement::gwet_ac1(&table),
        "krippendorff_nominal": krippendorff_alpha_table(&table, &values, Level::Nominal),
        "krippendorff_ordinal": krippendorff_alpha_table(&table, &values, Level::Ordinal),
    })
}

fn rubric_score_points(input: &Value) -> Value {
    let met: Vec<bool> = serde_json::from_value(input["met"].clone()).unwrap();
    let raw = rubric::points_score(&numbers(&input["points"]).into_iter().zip(met).collect::<Vec<_>>());
    json!({"raw": raw, "clipped": raw.map(|raw| raw.clamp(0.0, 1.0))})
}

fn rubric_unknown_bounds(input: &Value) -> Value {
    let met: Vec<Option<bool>> = serde_json::from_value(input["met"].clone()).unwrap();
    let criteria: Vec<_> = numbers(&input["points"]).into_iter().zip(met).collect();
    let found = rubric::bounded_score(&criteria).unwrap();
    json!({"excluded": found.answered, "lower": found.low, "upper": found.high, "coverage": found.coverage})
}

fn words(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

fn vote_majority(input: &Value) -> Value {
    let votes = words(&input["votes"]);
    let decided: Vec<Option<&str>> =
        votes.iter().map(|vote| Some(vote.as_str()).filter(|vote| *vote != "unknown")).collect();
    let found = rubric::majority(&decided).unwrap();
    json!({
        "verdict": found.verdict,
        "share_of_decided": found.share_of_decided,
        "share_of_all": found.share_of_all,
        "entropy_bits_decided": found.entropy,
    })
}

fn position_swap(input: &Value) -> Value {
    let (first, second) = (words(&input["first"]), words(&input["swapped"]));
    let pairs: Vec<(&str, &str)> = first.iter().zip(&second).map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let found = rubric::swapped(&pairs).unwrap();
    let verdicts: Vec<String> = found.verdicts.into_iter().map(|verdict| verdict.unwrap_or("tie".to_owned())).collect();
    json!({"consistent": found.consistent, "inconsistent_as_tie": verdicts})
}

fn tree(value: &Value) -> Tree {
    match value.get("c") {
        Some(children) => {
            let child = |child: &Value| (child["w"].as_f64().unwrap(), tree(child));
            Tree::Node(children.as_array().unwrap().iter().map(child).collect())
        }
        None => Tree::Leaf(value["s"].as_f64().unwrap()),
    }
}

#[test]
fn what_has_no_meaning_is_no_number() {
    let one_label = Table::new(vec![vec![50, 0], vec![0, 0]]).unwrap();
    for weights in [Weights::Nominal, Weights::Linear, Weights::Quadratic] {
        assert_eq!(kappa(&one_label, weights), None);
    }
    assert_eq!(agreement::scott_pi(&one_label), None);
    assert_eq!(krippendorff_alpha_table(&one_label, &[0.0, 1.0], Level::Nominal), None);
    assert_eq!(rank_agreement(&one_label).spearman, None);
    let perfect = kappa(&Table::new(vec![vec![5, 0], vec![0, 5]]).unwrap(), Weights::Nominal).unwrap();
    assert_eq!((perfect.kappa, perfect.interval()), (1.0, None));
    let alone = [vec![Some(1.0), Some(2.0)]];
    assert_eq!(krippendorff_alpha(&alone, Level::Nominal), None);
    assert_eq!(gwet(&alone, Weights::Nominal), None);
    let odd = [vec![Some(f64::NAN), Some(1.0)], vec![Some(0.0), Some(1.0)]];
    assert_eq!(krippendorff_alpha(&odd, Level::Interval), None);
    assert_eq!(fleiss_kappa(&odd), None);
    assert_eq!(Confusion::default().sensitivity(), None);
    assert_eq!(Confusion::default().mcc(), None);
    assert_eq!(rubric::points_score(&[(-1.0, true)]), None);
    assert_eq!(rubric::bounded_score(&[(0.0, Some(true))]), None);
    assert_eq!(rubric::tree_score(&Tree::Node(Vec::new())), None);
    assert_eq!(rubric::majority(&[None]), None);
    assert_eq!(rubric::majority(&[Some("pass"), Some("fail")]).unwrap().verdict, None);
    assert_eq!(rubric::swapped(&[]), None);
}

fn rated(counts: &[Vec<u64>]) -> Vec<Vec<Option<f64>>> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (a, row) in counts.iter().enumerate() {
        for (b, count) in row.iter().enumerate() {
            (0..*count).for_each(|_| {
                first.push(Some(a as f64));
                second.push(Some(b as f64));
            });
        }
    }
    vec![first, second]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// From a table and from the ratings themselves: the same; and every number that is given is finite and at most 1.
    #[test]
    fn two_ways_to_the_same_agreement(counts in proptest::collection::vec(proptest::collection::vec(0u64..6, 3), 3)) {
        let Ok(table) = Table::new(counts.clone()) else { return Ok(()) };
        let ratings = rated(&counts);
        for level in [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio] {
            let (one, other) =
                (krippendorff_alpha_table(&table, &[0.0, 1.0, 2.0], level), krippendorff_alpha(&ratings, level));
            proptest::prop_assert_eq!(one.is_some(), other.is_some());
            if let (Some(one), Some(other)) = (one, other) {
                proptest::prop_assert!((one - other).abs() < 1e-9 && one <= 1.0 + 1e-12, "{} {}", one, other);
            }
        }
        let used = |label: usize| counts[label].iter().any(|n| *n > 0) || counts.iter().any(|row| row[label] > 0);
        if let Some(found) = gwet(&ratings, Weights::Nominal).filter(|_| (0..3).all(used)) {
            proptest::prop_assert!((found.value - agreement::gwet_ac1(&table)).abs() < 1e-9);
        }
        let other_way = Table::new((0..3).map(|a| (0..3).map(|b| counts[b][a]).collect()).collect()).unwrap();
        for weights in [Weights::Nominal, Weights::Linear, Weights::Quadratic] {
            if let Some(found) = kappa(&table, weights) {
                proptest::prop_assert!(found.kappa.is_finite() && found.kappa <= 1.0 + 1e-12 && found.error.is_finite());
                proptest::prop_assert!((kappa(&other_way, weights).unwrap().kappa - found.kappa).abs() < 1e-9);
            }
        }
    }
}
