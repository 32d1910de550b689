//! `evalrun explain`, in words and as JSON: a score down to its criteria, a criterion to its metrics, a metric to its events.
//!
//! ```text
//! ends_green = 1 (yes)
//!
//!   near     e12  0:01.3  tool_call  test, red, exit 1
//!            pytest -q
//!            did not count: not after the last code edit (e31)
//!   counted  e41  0:07.4  tool_call  test, green, exit 0
//!            pytest -q
//! ```

use super::{
    explain_json::detail_words,
    terminal::{Colour, Page},
    words::{clock, figure, one_line, plural, score},
};
use crate::graders::{Criteria, criteria::Criterion, dimension, dimensions, quote_of};
use crate::metrics::{
    Facts, METRICS, Metric,
    explain::{Explained, Mark, Seen, explain},
};
use crate::model::{
    score::{DimensionScore, Measured, Outcome, Score},
    trace::Trace,
};

/// One trial, with everything that its numbers were made from.
pub struct Case<'a> {
    /// `task/agent/n`, or the session's name.
    pub id: &'a str,
    pub trace: &'a Trace,
    pub facts: &'a Facts<'a>,
    /// The facts as if nothing were superseded, where something is.
    pub whole: Option<&'a Facts<'a>>,
    pub scores: &'a [Score],
    /// The files of criteria that the scores were made by, as far as they can be read.
    pub criteria: &'a [Criteria],
    pub notes: &'a [String],
}

/// What is to be explained.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    Everything,
    Dimension(&'a str),
    Criterion(&'a Score),
    Metric(&'static Metric),
}

/// Events shown that did not count; the rest is counted and stands in the JSON.
const NEAR: usize = 40;
/// Events shown that counted.
const COUNTED: usize = 100;
/// Characters of an event's text.
const TEXT: usize = 160;

impl Case<'_> {
    pub fn explained(&self, metric: &'static Metric) -> Explained {
        explain(metric, self.facts, self.whole)
    }

    pub(super) fn criterion(&self, score: &Score) -> Option<&Criterion> {
        let of_dimension = self.criteria.iter().filter(|file| file.grader == score.dimension);
        of_dimension.flat_map(|file| &file.criteria).find(|criterion| criterion.id == score.criterion)
    }

    pub(super) fn of_dimension(&self, name: &str) -> Vec<Score> {
        self.scores.iter().filter(|score| score.dimension == name).cloned().collect()
    }
}

/// At most `width` columns wide.
pub fn text(case: &Case<'_>, subject: Subject<'_>, (width, colour): (usize, Colour)) -> String {
    let mut page = Page::new(width, colour);
    page.title(&one_line(case.id, 200));
    for note in case.notes {
        page.wrapped("", &format!("note: {}", one_line(note, 400)), "  ");
    }
    match subject {
        Subject::Everything => {
            for found in dimensions(case.scores) {
                page.dimension(case, &found);
            }
            let more =
                "what made a number: `evalrun explain TRIAL METRIC`; also with the name of a criterion or a dimension";
            page.line("");
            page.wrapped("", more, "");
        }
        Subject::Dimension(name) => {
            let scores = case.of_dimension(name);
            if !scores.is_empty() {
                page.dimension(case, &dimension(&scores));
            }
            page.metrics(case, name);
        }
        Subject::Criterion(score) => {
            page.line("");
            page.criterion(case, score);
            let metrics = case.criterion(score).map(Criterion::metrics).unwrap_or_default();
            if metrics.is_empty() {
                page.cited(case, score);
            }
            for metric in metrics.into_iter().filter_map(crate::metrics::named) {
                page.metric(case, metric);
            }
        }
        Subject::Metric(metric) => page.metric(case, metric),
    }
    page.out
}

/// `ends_green = 1 (yes)`, `red_to_green undefined: no check is known to have failed`.
fn value_of(metric: &Metric, measured: &Measured) -> String {
    match measured {
        Measured::Value(reading) => {
            let value = figure(reading.value);
            let part = |key: &str| reading.detail.get(key).and_then(serde_json::Value::as_f64).map(figure);
            let unit = match (metric.unit, part("part"), part("whole")) {
                ("yes or no", ..) => if reading.value >= 0.5 { " (yes)" } else { " (no)" }.to_owned(),
                (_, Some(part), Some(whole)) => format!(" ({part} / {whole})"),
                (unit, ..) if unit.starts_with("share") => String::new(),
                ("count", ..) => String::new(),
                (unit, ..) if value == "1" => format!(" {}", unit.trim_end_matches('s')),
                (unit, ..) => format!(" {unit}"),
            };
            format!("{} = {value}{unit}", metric.id)
        }
        Measured::Undefined(why) => format!("{} undefined: {}", metric.id, one_line(why, 300)),
        Measured::Unknown(why) => format!("{} unknown: {}", metric.id, one_line(why, 300)),
    }
}

fn outcome_word(one: &Score) -> String {
    match one.outcome {
        Outcome::Scored(value) => score(value),
        Outcome::Unknown(_) => "unknown".to_owned(),
        Outcome::NotApplicable(_) => "not applicable".to_owned(),
        Outcome::NotAsked => "not asked".to_owned(),
        Outcome::Broken(_) => "broken".to_owned(),
    }
}

/// `(3 x 1.00 + 1 x 0.50) / 4`.
fn sum_of(scores: &[Score]) -> String {
    let parts: Vec<String> = scores
        .iter()
        .filter_map(|one| match one.outcome {
            Outcome::Scored(value) => Some(format!("{} x {}", figure(one.weight), score(value))),
            Outcome::Unknown(_) | Outcome::NotApplicable(_) | Outcome::NotAsked | Outcome::Broken(_) => None,
        })
        .collect();
    let weight = |one: &Score| if matches!(one.outcome, Outcome::Scored(_)) { one.weight } else { 0.0 };
    format!("({}) / {}", parts.join(" + "), figure(scores.iter().map(weight).sum::<f64>()))
}

/// The criteria whose cap holds.
fn capping(scores: &[Score]) -> Vec<String> {
    let caps = |one: &&Score| {
        matches!(one.outcome, Outcome::Scored(value) if value < crate::graders::MET) && one.cap.is_some()
    };
    let words = |one: &Score| format!("{} caps it at {}", one_line(&one.criterion, 80), figure(one.cap.unwrap_or(1.0)));
    scores.iter().filter(caps).map(words).collect()
}

impl Page {
    /// A heading, where it fits on a line.
    fn title(&mut self, text: &str) {
        if text.chars().count() <= self.width { self.heading(text) } else { self.wrapped("", text, "  ") }
    }

    fn dimension(&mut self, case: &Case<'_>, found: &DimensionScore) {
        let scores = case.of_dimension(&found.dimension);
        let name = one_line(&found.dimension, 80);
        self.line("");
        match found.value {
            Some(value) => {
                self.heading(&format!("{name} {}", score(value)));
                self.wrapped("  ", &format!("= {}", sum_of(&scores)), "    ");
            }
            None => self.heading(&format!("{name}: no score")),
        }
        for cap in capping(&scores) {
            self.wrapped("  ", &cap, "    ");
        }
        if let Some((low, high)) = found.bounds.filter(|_| found.unknown > 0) {
            let words = format!(
                "{} unknown: {} if the agent met none of them, {} if it met all",
                found.unknown,
                score(low),
                score(high)
            );
            self.wrapped("  ", &words, "    ");
        }
        let (unasked, asked): (Vec<&Score>, Vec<&Score>) =
            scores.iter().partition(|one| matches!(one.outcome, Outcome::NotAsked));
        for one in asked {
            self.criterion(case, one);
        }
        if !unasked.is_empty() {
            let names: Vec<String> = unasked.iter().map(|one| one_line(&one.criterion, 80)).collect();
            self.wrapped("  ", &format!("not asked, for want of a judge: {}", names.join(", ")), "    ");
        }
    }

    fn criterion(&mut self, case: &Case<'_>, one: &Score) {
        let cap = one.cap.map(|cap| format!(", cap {}", figure(cap))).unwrap_or_default();
        let outcome = outcome_word(one);
        let name = one_line(&one.criterion, 80);
        let head = format!("{name}  {outcome}, weight {}{cap}  {}", figure(one.weight), one_line(&one.why, 400));
        self.wrapped("  ", head.trim_end(), "      ");
        let Some(criterion) = case.criterion(one) else { return };
        let needs = criterion.needs.as_ref().map(|needs| format!(" where {}", needs.source)).unwrap_or_default();
        let asked = one_line(&format!("{}: {}{needs}", criterion.kind, criterion.asked), 400);
        self.wrapped("      ", &asked, "        ");
        for metric in criterion.metrics().into_iter().filter_map(crate::metrics::named) {
            self.wrapped("      ", &value_of(metric, &(metric.of)(case.facts)), "        ");
        }
    }

    /// The events of a score that no metric stands behind.
    fn cited(&mut self, case: &Case<'_>, score: &Score) {
        for cite in &score.cites {
            let seen = Seen { event: cite.event, what: String::new(), mark: Mark::Counted };
            self.seen(case, &seen);
        }
    }

    fn metrics(&mut self, case: &Case<'_>, behaviour: &str) {
        self.line("");
        self.heading("metrics");
        for metric in METRICS.iter().filter(|metric| metric.behaviour == behaviour) {
            self.wrapped("  ", &value_of(metric, &(metric.of)(case.facts)), "      ");
        }
    }

    fn metric(&mut self, case: &Case<'_>, metric: &'static Metric) {
        let explained = case.explained(metric);
        self.line("");
        self.title(&value_of(metric, &explained.measured));
        self.wrapped("", metric.doc, "");
        self.wrapped("", &format!("unit: {}; range: {}", metric.unit, metric.range), "");
        if let Some(detail) = detail_words(&explained.measured) {
            self.wrapped("", &format!("detail: {}", one_line(&detail, 1000)), "  ");
        }
        let asked = |one: &&Score| !matches!(one.outcome, Outcome::NotAsked);
        let reads = |one: &&Score| case.criterion(one).is_some_and(|own| own.metrics().contains(&metric.id));
        for one in case.scores.iter().filter(asked).filter(reads) {
            let value = outcome_word(one);
            let name = format!("{}.{}", one.dimension, one.criterion);
            self.wrapped(
                "",
                &format!("read by {}: {value}, weight {}", one_line(&name, 120), figure(one.weight)),
                "  ",
            );
        }
        self.events(case, &explained);
    }

    fn events(&mut self, case: &Case<'_>, explained: &Explained) {
        self.line("");
        if explained.seen.is_empty() {
            return self.line("  nothing of what it looks at happened");
        }
        let shown = shown(&explained.seen);
        let mut hidden = 0;
        for (seen, shows) in explained.seen.iter().zip(shown) {
            if shows {
                self.hidden(&mut hidden);
                self.seen(case, seen);
            } else {
                hidden += 1;
            }
        }
        self.hidden(&mut hidden);
    }

    fn hidden(&mut self, count: &mut usize) {
        if *count > 0 {
            let words = format!("... {} left out here; --json has all", plural(*count, "event"));
            self.wrapped("  ", &words, "  ");
        }
        *count = 0;
    }

    fn seen(&mut self, case: &Case<'_>, seen: &Seen) {
        const INDENT: &str = "           ";
        let Some(event) = case.trace.event(seen.event) else { return };
        let mark = if seen.mark == Mark::Counted { "counted" } else { "near   " };
        let at = event.at.map(|at| format!("  {}", clock(at))).unwrap_or_default();
        let lane = if event.lane.is_empty() { String::new() } else { format!("  by {}", one_line(&event.lane, 40)) };
        let what = if seen.what.is_empty() { String::new() } else { format!("  {}", one_line(&seen.what, 300)) };
        let line = format!("{mark}  {}{at}{lane}  {}{what}", seen.event, event.body.kind());
        self.wrapped("  ", &line, INDENT);
        let quote = one_line(&quote_of(&event.body), TEXT);
        if !quote.is_empty() && !what.contains(quote.trim_end_matches('…')) {
            self.wrapped(INDENT, &quote, INDENT);
        }
        if let Mark::Near(why) = &seen.mark {
            self.wrapped(INDENT, &format!("did not count: {}", one_line(why, 300)), INDENT);
        }
    }
}

/// Which events are shown: those that counted first, then those that stand nearest to one that did.
fn shown(seen: &[Seen]) -> Vec<bool> {
    let counted: Vec<usize> = (0..seen.len()).filter(|at| seen[*at].mark == Mark::Counted).take(COUNTED).collect();
    let far = |at: usize| {
        let next = counted.partition_point(|other| *other < at);
        let sides = [counted.get(next), next.checked_sub(1).and_then(|before| counted.get(before))];
        sides.into_iter().flatten().map(|other| other.abs_diff(at)).min().unwrap_or(at)
    };
    let mut near: Vec<usize> = (0..seen.len()).filter(|at| seen[*at].mark != Mark::Counted).collect();
    near.sort_by_key(|at| (far(*at), *at));
    let mut shows = vec![false; seen.len()];
    for at in near.into_iter().take(NEAR).chain(counted) {
        shows[at] = true;
    }
    shows
}
