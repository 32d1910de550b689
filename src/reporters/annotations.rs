//! `annotations.txt`: gate rules as GitHub's workflow commands. On a runner the command line prints them, since GitHub reads them from there.
//!
//! ```text
//! ::error title=gate failed%3A outcome >= 0.8::0.61, under 0.80
//! ::warning title=gate inconclusive%3A no_worse planning::the interval holds the margin
//! ```
//!
//! Escapes as GitHub's own toolkit has them (`command.ts`): `%`, CR and LF in both parts, `:` and `,` in a property.

use super::gating::reason;
use super::words::{one_line, visible};
use super::{Outbox, Report, Reporter};
use crate::model::{
    fault::Fault,
    results::{GateResult, Results},
};

pub(super) const GITHUB: Reporter =
    Reporter { name: "github", about: "gate rules as annotations of a GitHub run", file: "annotations.txt", render };

/// GitHub shows ten of a kind for a step.
const MOST: usize = 10;

fn render(report: &Report<'_>, out: &mut dyn Outbox) -> Result<(), Fault> {
    let text = annotations(report.results);
    out.file(GITHUB.file, &mut |file| file.write_all(text.as_bytes()))
}

/// One line for each rule that failed or could not be measured, then for each that is open; empty where there are none.
pub fn annotations(results: &Results) -> String {
    let mut out = String::new();
    for gate in results.gates.iter().filter(|gate| gate.failed()).take(MOST) {
        out.push_str(&line("error", gate));
    }
    for gate in results.gates.iter().filter(|gate| gate.open()).take(MOST) {
        out.push_str(&line("warning", gate));
    }
    out
}

fn line(command: &str, gate: &GateResult) -> String {
    let title = format!("gate {}: {}", gate.verdict.replace('_', " "), one_line(&gate.rule, 120));
    let why = if gate.why.is_empty() { "no reason was given".to_owned() } else { reason(gate) };
    format!("::{command} title={}::{}\n", property(&title), data(&visible(&why)))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for the log of a runner in which nothing is a command: agents' words stand in it, and a line that begins with `::` would be obeyed.
pub fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let from = line.len() - line.trim_start().len();
        let (before, rest) = line.split_at(from);
        out.push_str(before);
        if rest.starts_with("::") {
            out.push('\u{200b}');
        }
        out.push_str(&rest.replace("##[", "##\u{200b}["));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(verdict: &str, why: &str) -> GateResult {
        serde_json::from_value(
            serde_json::json!({"agent": "a", "rule": "a, b: 50%\n::x", "verdict": verdict, "why": why}),
        )
        .unwrap()
    }

    #[test]
    fn a_rule_stays_on_its_line() {
        let said = line("error", &gate("failed", "100%\r\nof it\n::error::mine, too"));
        assert_eq!(said, "::error title=gate failed%3A a%2C b%3A 50%25 %3A%3Ax::100%25%0Aof it%0A::error::mine, too\n");
        assert_eq!(line("warning", &gate("inconclusive", "")).matches('\n').count(), 1);
    }

    #[test]
    fn a_log_holds_no_command_of_others() {
        let log = "fine ::error::no\n  ::error::yes\r\n::stop-commands::x\n##[error]x\n";
        let said = inert(log);
        assert_eq!(said.replace('\u{200b}', ""), log);
        assert!(said.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")), "{said}");
        assert_eq!(inert("plain\ntext"), "plain\ntext");
    }
}
