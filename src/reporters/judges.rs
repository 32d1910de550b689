//! What the judges of a run said, counted: how often, how sure, how well they quote, what they were not shown, what it cost.

use super::words::{bytes, plural, usd};
use crate::model::{
    judge::{Judged, Kept, Verdict, Vote},
    results::{Results, ScoreResult, TrialResult},
};
use std::collections::BTreeMap;

/// One judge over a whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// As the suite names it.
    pub by: String,
    /// What the provider said it was, where it always said the same.
    pub model: Option<String>,
    pub met: u32,
    pub not_met: u32,
    pub unknown: u32,
    pub not_applicable: u32,
    /// Replies that could not be used.
    pub none: u32,
    pub quotes: u32,
    pub valid: u32,
    /// Votes that rest on kept or recorded replies.
    pub kept: u32,
    pub micro_usd: u64,
}

/// What concerns all judges together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Panel {
    pub tallies: Vec<Tally>,
    /// Votes that nobody gave: the judge could not be asked.
    pub unanswered: u32,
    /// Verdicts where the votes differed and nobody decided.
    pub split: u32,
    /// Verdicts made on a record that was shown in part.
    pub partial: u32,
    pub events_left_out: u64,
    pub bytes_left_out: u64,
    /// Trials whose record speaks to the judge, with the first such event.
    pub injected: Vec<(String, u32)>,
    /// Criteria that were judged in both views, and those among them that only the talk made better.
    pub both_views: u32,
    pub inflated: u32,
}

/// `None` where nobody was asked.
pub(super) fn panel(results: &Results) -> Option<Panel> {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut panel = Panel::default();
    for (trial, score, judged) in all(results) {
        for vote in judged.votes.iter().filter(|vote| !vote.by.is_empty()) {
            tallies.entry(&vote.by).or_insert_with(|| of(vote)).add(vote);
        }
        panel.add(trial, score, judged);
    }
    panel.tallies = tallies.into_values().collect();
    (!panel.tallies.is_empty() || panel.unanswered > 0).then_some(panel)
}

fn all(results: &Results) -> impl Iterator<Item = (&TrialResult, &ScoreResult, &Judged)> {
    let scores = results.trials.iter().flat_map(|trial| trial.scores.iter().map(move |score| (trial, score)));
    scores.filter_map(|(trial, score)| Some((trial, score, score.judged.as_deref()?)))
}

fn of(vote: &Vote) -> Tally {
    Tally { by: vote.by.clone(), model: vote.model.clone(), ..Tally::default() }
}

impl Panel {
    fn add(&mut self, trial: &TrialResult, score: &ScoreResult, judged: &Judged) {
        self.split += u32::from(judged.split);
        self.unanswered += judged.votes.iter().filter(|vote| vote.by.is_empty()).count() as u32;
        if judged.left_out.cut > 0 || judged.left_out.wanted > 0 {
            self.partial += 1;
            self.events_left_out += u64::from(judged.left_out.cut.max(judged.left_out.wanted));
            self.bytes_left_out += judged.left_out.bytes;
        }
        let seen = self.injected.iter().any(|(id, _)| *id == trial.id);
        if let Some(event) = judged.injection_suspected.first().filter(|_| !seen) {
            self.injected.push((trial.id.clone(), event.0));
        }
        if let Some(actions) = judged.actions {
            self.both_views += 1;
            self.inflated += u32::from(actions == Verdict::NotMet && score.value.is_some_and(|value| value >= 0.5));
        }
    }

    /// What a reader of the numbers should know, one sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.unanswered > 0 {
            out.push(format!(
                "{} without a reply: why is among what is left out",
                plural(self.unanswered as usize, "vote")
            ));
        }
        if self.split > 0 {
            let verdicts = plural(self.split as usize, "verdict");
            out.push(format!("{verdicts} split: the judges did not agree; `evalrun label` lists them for a person"));
        }
        if self.partial > 0 {
            out.push(format!(
                "{} made on a record that was shown in part: {} cut or left out, {}",
                plural(self.partial as usize, "verdict"),
                plural(self.events_left_out as usize, "event"),
                bytes(self.bytes_left_out)
            ));
        }
        if self.both_views > 0 {
            out.push(format!(
                "talk inflation: {} of {} criteria are met with the words and not without",
                self.inflated, self.both_views
            ));
        }
        for (trial, event) in &self.injected {
            out.push(format!("text that speaks to the judge in {trial}, first in e{event}"));
        }
        out
    }
}

impl Tally {
    fn add(&mut self, vote: &Vote) {
        match vote.verdict {
            Some(Verdict::Met) => self.met += 1,
            Some(Verdict::NotMet) => self.not_met += 1,
            Some(Verdict::Unknown) => self.unknown += 1,
            Some(Verdict::NotApplicable) => self.not_applicable += 1,
            None => self.none += 1,
        }
        if self.model != vote.model {
            self.model = None;
        }
        self.quotes += vote.quotes.len() as u32;
        self.valid += vote.quotes.iter().filter(|quote| quote.valid).count() as u32;
        self.kept += u32::from(vote.kept != Kept::Live);
        self.micro_usd = self.micro_usd.saturating_add(vote.micro_usd.unwrap_or(0));
    }

    pub fn verdicts(&self) -> u32 {
        self.met + self.not_met + self.unknown + self.not_applicable
    }

    /// "30 met, 8 not met, 4 unknown": what there is none of is not said.
    pub fn verdict_words(&self) -> String {
        let parts = [
            (self.met, "met"),
            (self.not_met, "not met"),
            (self.unknown, "unknown"),
            (self.not_applicable, "not applicable"),
            (self.none, "without a reply"),
        ];
        let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        said.join(", ")
    }

    /// "55 of 58 quotes stand in the record".
    pub fn quote_words(&self) -> String {
        if self.quotes == 0 {
            "no quotes".to_owned()
        } else {
            format!("{} of {} quotes stand in the record", self.valid, self.quotes)
        }
    }

    /// What it cost; nothing is said where nobody knows.
    pub fn cost_words(&self) -> Option<String> {
        (self.micro_usd > 0).then(|| usd(self.micro_usd))
    }

    /// The judge in one line.
    pub fn sentence(&self) -> String {
        let model = self.model.as_deref().filter(|model| !self.by.ends_with(model));
        let name = model.map_or(self.by.clone(), |model| format!("{} ({model})", self.by));
        let cost = self.cost_words().map(|cost| format!("; {cost}")).unwrap_or_default();
        format!(
            "{name}  {}: {}; {}{cost}",
            plural(self.verdicts() as usize, "verdict"),
            self.verdict_words(),
            self.quote_words()
        )
    }
}
