//! A calibration as a person reads it: at most 100 columns, no colour needed.

use super::{
    Calibration, Measures,
    measures::{Agreement, Confused, Share, Valued},
    people::Ceiling,
    rates::Rates,
};
use std::fmt::Write;

/// The whole, then each split in short.
pub fn words(found: &Calibration) -> String {
    let mut out = String::new();
    let people = found.people.iter().map(|name| visible(name)).collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "judge {} against {people}", visible(&found.judge));
    items(&mut out, &found.whole);
    if let Some(agreement) = &found.whole.agreement {
        table(&mut out, &found.labels, agreement);
        agreed(&mut out, agreement);
    }
    if let Some(confusion) = &found.whole.confusion {
        confused(&mut out, confusion, &found.pass_at);
    }
    ceiling(&mut out, found.whole.ceiling.as_ref());
    further(&mut out, &found.whole);
    if let Some(rates) = &found.whole.rates {
        corrected(&mut out, rates);
    }
    for (split, measures) in &found.splits {
        let kappa = measures.agreement.as_ref().map(|agreement| agreement.kappa).unwrap_or_default();
        let (compared, light) = (measures.items.compared, measures.light.colour.word());
        let _ = writeln!(out, "split {}: {compared} compared, kappa {}, light {light}", visible(split), valued(&kappa));
    }
    for note in &found.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let _ = writeln!(out, "light: {}", lit(&found.whole));
    out
}

fn items(out: &mut String, measures: &Measures) {
    let items = &measures.items;
    let _ = writeln!(out, "  {} items compared, {} more judged and not labelled", items.compared, items.unlabelled);
    let left_out = [
        (items.people_undecided, "on which people are split or undecided"),
        (items.judge_undecided, "that the judge could not decide"),
        (items.not_judged, "without a verdict"),
    ];
    for (count, what) in left_out.iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(out, "  {count} left out, {what}");
    }
    out.push('\n');
}

fn table(out: &mut String, labels: &[String], agreement: &Agreement) {
    let names: Vec<String> = labels.iter().map(|label| visible(label)).collect();
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(6);
    let _ = write!(out, "  {:<width$}", "", width = wide + 7);
    names.iter().for_each(|name| _ = write!(out, "  {:>width$}", format!("judge {name}"), width = wide + 6));
    for (name, row) in names.iter().zip(&agreement.table) {
        let _ = write!(out, "\n  people {name:<wide$}");
        row.iter().for_each(|count| _ = write!(out, "  {count:>width$}", width = wide + 6));
    }
    out.push_str("\n\n");
}

fn agreed(out: &mut String, agreement: &Agreement) {
    let shares = |shares: &[f64]| shares.iter().map(|share| format!("{share:.2}")).collect::<Vec<_>>().join(" ");
    line(out, "raw agreement", &share(&agreement.raw));
    line(
        out,
        "prevalence",
        &format!("people {}   judge {}", shares(&agreement.prevalence), shares(&agreement.judge_prevalence)),
    );
    line(
        out,
        "bias",
        &agreement.bias.map_or("-".to_owned(), |bias| format!("{bias:+.2} (judge passes less people's)")),
    );
    line(out, "kappa", &valued(&agreement.kappa));
    line(out, "  linear", &valued(&agreement.kappa_linear));
    line(out, "  quadratic", &valued(&agreement.kappa_quadratic));
    line(out, "Gwet AC1", &valued(&agreement.gwet_ac1));
    line(out, "Krippendorff alpha", &number(agreement.krippendorff_alpha));
}

fn confused(out: &mut String, confusion: &Confused, pass_at: &str) {
    line(
        out,
        "sensitivity",
        &format!("{}   passes (from {}) that it passes", share(&confusion.sensitivity), visible(pass_at)),
    );
    line(out, "specificity", &format!("{}   fails that it fails", share(&confusion.specificity)));
    line(out, "balanced accuracy", &valued(&confusion.balanced_accuracy));
}

fn ceiling(out: &mut String, ceiling: Option<&Ceiling>) {
    let Some(ceiling) = ceiling else {
        return line(out, "people's ceiling", "not known: one person an item");
    };
    let (raters, items) = (ceiling.raters, ceiling.items);
    line(
        out,
        "people's ceiling",
        &format!(
            "kappa {} AC1 {} alpha {} raw {:.2}   {raters} people, {items} items",
            number(ceiling.kappa),
            number(ceiling.gwet_ac1),
            number(ceiling.krippendorff_alpha),
            ceiling.raw
        ),
    );
    line(out, "  judge with each", &format!("kappa {}", number(ceiling.judge_kappa)));
}

fn further(out: &mut String, measures: &Measures) {
    if let Some(first) = &measures.first_error {
        let (early, late) = (first.too_early, first.too_late);
        line(out, "first error found", &format!("{}   {early} too early, {late} too late", share(&first.same)));
    }
    if let Some(swap) = &measures.swap_consistency {
        line(out, "swap consistency", &share(swap));
    }
    if let Some(found) = &measures.probabilities {
        let (brier, error) = (found.brier, found.calibration_error);
        line(out, "probabilities", &format!("Brier {brier:.3}, calibration error {error:.3}, {} items", found.items));
    }
}

fn corrected(out: &mut String, rates: &Rates) {
    line(out, "pass rate, raw", &share(&rates.raw));
    line(out, "  of people", &share(&rates.people));
    match (&rates.corrected, &rates.why_not) {
        (Some(found), _) => {
            let value = Valued { value: Some(found.value), low: found.low, high: found.high };
            let weight = format!("{} labelled, {} not, weight {:.2}", found.labelled, found.unlabelled, found.weight);
            line(out, "  corrected (PPI++)", &format!("{}   {weight}", valued(&value)));
        }
        (None, why) => line(out, "  corrected (PPI++)", &format!("-   {}", why.as_deref().unwrap_or("not known"))),
    }
    out.push('\n');
}

fn lit(measures: &Measures) -> String {
    let light = &measures.light;
    let colour = light.colour.word();
    match light.low {
        Some(low) => format!("{colour}: the lower bound of kappa, {low:.2}, is {}", light.why),
        None => format!("{colour}: {}", light.why),
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "  {name:<20} {value}");
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

fn share(share: &Share) -> String {
    valued(&Valued { value: share.value, low: share.low, high: share.high })
}

fn valued(valued: &Valued) -> String {
    match (valued.value, valued.low.zip(valued.high)) {
        (None, _) => "undefined".to_owned(),
        (Some(value), None) => format!("{value:.2} (no interval)"),
        (Some(value), Some((low, high))) => format!("{value:.2} ({low:.2} to {high:.2})"),
    }
}

/// Names come from files: nothing in them moves the cursor.
fn visible(text: &str) -> String {
    text.chars().flat_map(|letter| letter.escape_debug()).take(80).collect()
}
