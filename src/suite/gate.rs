//! The `gate:` block of a suite.

use super::{build::Builder, files, finding::Code, node::Node};
use crate::model::suite::{Floors, Gate, GateRule, Inconclusive, Looks};
use std::{collections::BTreeSet, path::PathBuf};

/// `graders` are the names that a rule may speak of.
pub fn gate(node: &Node, graders: &BTreeSet<String>, build: &mut Builder<'_>) -> Gate {
    let items = node.get("rules").map_or(&[][..], Node::items);
    let rules: Vec<GateRule> = items.iter().filter_map(|item| rule(item, graders, build)).collect();
    let floors = node.get("floors");
    Gate {
        baseline: node.get("baseline").map(|node| baseline(node, build)),
        floors: Floors {
            valid_trials: build.real(floors.and_then(|floors| floors.get("valid_trials"))),
            coverage: build.real(floors.and_then(|floors| floors.get("coverage"))),
        },
        alpha: alpha(node.get("alpha"), build),
        looks: node.get("trials").and_then(|looks| self::looks(looks, build)),
        inconclusive: build.word::<Inconclusive>(node.get("inconclusive")),
        rules,
    }
}

/// A place that need not exist: before the first `baseline accept` there is none.
fn baseline(node: &Node, build: &mut Builder<'_>) -> PathBuf {
    let text = build.line(Some(node));
    files::absolute(&build.relative(node.span, &text))
}

/// A level of 0 decides nothing, and one of a half or more is no evidence.
fn alpha(node: Option<&Node>, build: &mut Builder<'_>) -> Option<f64> {
    let alpha = build.real(node)?;
    if let Some(node) = node.filter(|_| alpha <= 0.0 || alpha >= 0.5) {
        let what = "`alpha` lies between 0 and 0.5, and is neither";
        build.notes.error(Code::Misplaced.at(node.span), what, "the usual level is 0.05; leave it out to have that");
        return None;
    }
    Some(alpha)
}

fn looks(node: &Node, build: &mut Builder<'_>) -> Option<Looks> {
    let (start, most) = (build.whole(node.get("start"))?, build.whole(node.get("most"))?);
    if start > most {
        build.notes.error(Code::Misplaced.at(node.span), format!("`start` ({start}) is above `most` ({most})"), "");
    }
    Some(Looks { start, most })
}

fn rule(node: &Node, graders: &BTreeSet<String>, build: &mut Builder<'_>) -> Option<GateRule> {
    if node.get("guardrails").is_some() {
        return Some(GateRule::Guardrails {
            severity: build.word(node.get("guardrails"))?,
            new: build.whole(node.get("new"))?,
        });
    }
    let score = node.get("score")?;
    let of = score.source()?.to_owned();
    // A finer score than a dimension has a dot in its name.
    if !of.contains('.') {
        build.known(score, "grader", graders);
    }
    let (at_least, no_worse_by) = (build.real(node.get("at_least")), build.real(node.get("no_worse_by")));
    if at_least.is_none() && no_worse_by.is_none() {
        let what = "a rule for a score needs `at_least` or `no_worse_by`";
        build.notes.error(Code::Misplaced.at(score.span), what, "for example `{score: outcome, at_least: 0.7}`");
        return None;
    }
    if no_worse_by.is_some_and(|worse| worse <= 0.0 || worse >= 1.0) {
        let what = "`no_worse_by` lies between 0 and 1, and is neither";
        build.notes.error(
            Code::Misplaced.at(score.span),
            what,
            "no run can show that nothing at all was lost; write for example 0.05",
        );
        return None;
    }
    let strict = build.flag(node.get("strict"));
    if let Some(flag) = node.get("strict").filter(|_| strict && no_worse_by.is_none()) {
        let what = "`strict` is about a drop against the baseline, and this rule has no `no_worse_by`";
        build.notes.error(Code::Misplaced.at(flag.span), what, "add `no_worse_by`, or leave `strict` out");
        return None;
    }
    Some(GateRule::Score { of, at_least, no_worse_by, strict })
}
