//! What `evalrun list graders` prints, written from the registries themselves.

use super::{
    GRADERS, SHIPPED,
    criteria::Criteria,
    expression::{END, FILTERS, TASK},
    judge::EVIDENCE,
    says::{ACT, COUNT},
};
use std::fmt::Write;

/// Kinds of grader, the variables of rules and sentences, and the shipped criteria.
pub fn list_document() -> String {
    let mut out = String::from("KINDS OF GRADER\n");
    for kind in GRADERS {
        let _ = writeln!(out, "  {:<10} {}", kind.word, kind.doc);
    }
    out.push_str("\nVARIABLES OF `rule` AND `needs`\n  metric.ID  a metric's value (`evalrun list metrics`)\n");
    fields(&mut out, "task", TASK);
    fields(&mut out, "end", END);
    out.push_str("\nVARIABLES OF `says` (those above, and)\n");
    fields(&mut out, "act", ACT);
    fields(&mut out, "count", COUNT);
    let _ = writeln!(out, "  {:<18} the most telling line of the first cited event", "quote");
    out.push_str("\nFILTERS OF `says`\n");
    FILTERS.iter().for_each(|(name, doc)| writeln!(out, "  {name:<18} {doc}").unwrap_or_default());
    out.push_str("\nKEYS OF `evidence` (what a judge is shown)\n");
    EVIDENCE.iter().for_each(|(name, doc)| writeln!(out, "  {name:<18} {doc}").unwrap_or_default());
    out.push_str("\nSHIPPED CRITERIA\n");
    for (name, text) in SHIPPED {
        if let Ok(criteria) = Criteria::read(name, text) {
            shipped(&mut out, &criteria);
        }
    }
    out
}

fn fields(out: &mut String, root: &str, fields: &[(&str, &str)]) {
    for (name, doc) in fields {
        let _ = writeln!(out, "  {:<18} {doc}", format!("{root}.{name}"));
    }
}

fn shipped(out: &mut String, criteria: &Criteria) {
    let _ = writeln!(out, "  {}: {}", criteria.grader, criteria.about);
    for criterion in &criteria.criteria {
        let cap = criterion.cap.map(|cap| format!(", cap {cap}")).unwrap_or_default();
        let _ = writeln!(out, "    {} ({} {}{cap})", criterion.id, criterion.kind, criterion.weight);
        let _ = writeln!(out, "      {}", criterion.asked);
    }
}
