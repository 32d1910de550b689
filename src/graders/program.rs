//! `program`: a grader of your own, in any language: JSON in on standard input, JSON out on standard output (docs/program-graders.md).
//!
//! The program reads the task, the events, the facts in short and every metric, and answers with scores. Its citations are checked like anybody
//! else's. A program that fails, hangs or answers anything but the contract is broken: that is never the agent's score.

use super::{
    Answer, Answers, Build, CommandNeed, Evidence, Grader, Kind, Need, NeedId, Output, Step, cites, criteria::broken,
};
use crate::{
    metrics,
    model::{
        fault::{Boundary, Fault},
        id::EventId,
        score::{Cite, Outcome, Score},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The contract's version, in both directions.
pub const VERSION: u32 = 1;
/// How long a program may take.
pub const TIMEOUT_MS: u64 = 120_000;
/// Scores a program may give, and characters of one reason.
const MOST: usize = 1_000;
const LONGEST: usize = 2_000;

pub const PROGRAM: Kind = Kind {
    word: "program",
    doc: "A program named in the suite's `graders`: it reads JSON (version 1) on standard input and answers JSON on standard output; docs/program-graders.md has the contract.",
    example: "graders: [{program: [python3, graders/style.py]}]\n",
    build: Build::Program(|name, argv| Box::new(Program { name: name.to_owned(), argv: argv.to_vec() })),
};

pub struct Program {
    pub name: String,
    pub argv: Vec<String>,
}

const NEED: NeedId = NeedId(std::borrow::Cow::Borrowed("program"));

impl Grader for Program {
    fn name(&self) -> &str {
        &self.name
    }

    fn step(&self, evidence: &Evidence<'_>, answers: &Answers) -> Step {
        match answers.get(&NEED) {
            None => {
                let stdin = input(evidence).to_string();
                let need = CommandNeed { argv: self.argv.clone(), stdin, timeout_ms: TIMEOUT_MS };
                Step::Needs(vec![(NEED, Need::Command(need))])
            }
            Some(Answer::Reply(_)) => Step::Done(vec![broken(&self.name, not_mine())]),
            Some(Answer::Output(Err(fault))) => Step::Done(vec![broken(&self.name, fault.clone())]),
            Some(Answer::Output(Ok(output))) => Step::Done(self.scores(evidence, output)),
        }
    }
}

fn not_mine() -> Fault {
    Fault::new(Boundary::Grader, "answer", "a program was answered with a judge's reply")
}

/// What the program reads.
pub fn input(evidence: &Evidence<'_>) -> Value {
    let event = |event: &crate::model::trace::Event| {
        let line = event.to_line().ok()?;
        serde_json::from_str::<Value>(&line).ok()
    };
    let events: Vec<Value> = evidence.trace.events.iter().filter(|event| !event.superseded).filter_map(event).collect();
    json!({
        "version": VERSION,
        "task": evidence.task,
        "header": evidence.trace.header,
        "end": evidence.end,
        "events": events,
        "facts": facts(evidence),
        "metrics": metrics::to_json(evidence.metrics),
    })
}

/// The facts in short: what was edited, what was checked, what was asked.
fn facts(evidence: &Evidence<'_>) -> Value {
    let facts = evidence.facts;
    let edit = |edit: &metrics::facts::Edit| json!({ "event": edit.at.0, "path": edit.path, "applied": edit.applied });
    let check = |check: &metrics::facts::CheckRun| {
        let result = match check.verdict {
            metrics::results::Verdict::Green => "green",
            metrics::results::Verdict::Red => "red",
            metrics::results::Verdict::Hidden(_) => "hidden",
        };
        json!({ "event": check.at.0, "act": facts.act_of(check).deed.act, "command": check.key, "result": result })
    };
    let act = |act: &metrics::facts::ActDone| json!({ "event": act.at.0, "act": act.deed.act, "program": act.deed.program, "reads": act.reads, "writes": act.writes });
    let asked = |asked: &metrics::facts::Asked| json!({ "event": asked.event, "kind": asked.kind, "text": asked.text });
    json!({
        "acts": facts.acts.iter().map(act).collect::<Value>(),
        "edits": facts.edits.iter().map(edit).collect::<Value>(),
        "checks": facts.checks.iter().map(check).collect::<Value>(),
        "questions": facts.questions.iter().filter(|asked| asked.answerable).map(asked).collect::<Value>(),
        "final_message": facts.final_message().map(|said| said.event),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    version: u32,
    scores: Vec<ReplyScore>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyScore {
    criterion: String,
    #[serde(default)]
    value: Option<f64>,
    #[serde(default)]
    unknown: Option<String>,
    #[serde(default)]
    not_applicable: Option<String>,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default)]
    cap: Option<f64>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    cites: Vec<ReplyCite>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplyCite {
    event: u32,
    #[serde(default)]
    quote: String,
}

fn one() -> f64 {
    1.0
}

impl Program {
    fn scores(&self, evidence: &Evidence<'_>, output: &Output) -> Vec<Score> {
        match reply(output) {
            Ok(reply) => reply.scores.into_iter().map(|score| self.score(evidence, score)).collect(),
            Err((kind, why)) => {
                let message = format!("`{}` {why}", self.argv.join(" "));
                let fault =
                    Fault::new(Boundary::Grader, kind, message).hint("docs/program-graders.md has the contract");
                vec![broken(&self.name, fault)]
            }
        }
    }

    fn score(&self, evidence: &Evidence<'_>, reply: ReplyScore) -> Score {
        let given = reply.cites.len();
        let cites: Vec<Cite> = reply
            .cites
            .into_iter()
            .map(|cite| Cite { event: EventId(cite.event), quote: cite.quote })
            .filter(|cite| cites::valid(evidence.trace, cite))
            .collect();
        let mut why: String = reply.why.chars().take(LONGEST).collect();
        if cites.len() < given {
            why = format!(
                "{why} ({} of {given} citations do not stand in the record and were dropped)",
                given - cites.len()
            );
        }
        let outcome = match (reply.value, reply.unknown, reply.not_applicable) {
            (Some(value), None, None) if (0.0..=1.0).contains(&value) => Outcome::Scored(value),
            (Some(value), None, None) => {
                fault(format!("criterion `{}` has the value {value}, not one from 0 to 1", reply.criterion))
            }
            (None, Some(why), None) => Outcome::Unknown(why),
            (None, None, Some(why)) => Outcome::NotApplicable(why),
            (_, _, _) => {
                fault(format!("criterion `{}` needs one of `value`, `unknown`, `not_applicable`", reply.criterion))
            }
        };
        let weight = if reply.weight.is_finite() && reply.weight >= 0.0 { reply.weight } else { 1.0 };
        let cap = reply.cap.filter(|cap| (0.0..=1.0).contains(cap));
        Score {
            dimension: self.name.clone(),
            criterion: reply.criterion,
            outcome,
            weight,
            cap,
            why: why.trim().to_owned(),
            cites,
            judged: None,
        }
    }
}

fn fault(why: String) -> Outcome {
    Outcome::Broken(Fault::new(Boundary::Grader, "contract", why))
}

fn reply(output: &Output) -> Result<Reply, (&'static str, String)> {
    let said =
        output.stderr.lines().rev().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim()));
    let said = said.unwrap_or_default().chars().take(300).collect::<String>();
    if output.timed_out {
        return Err(("timeout", format!("did not end within {} s", TIMEOUT_MS / 1000)));
    }
    if output.exit != Some(0) {
        let how =
            output.exit.map_or("was ended by a signal".to_owned(), |exit| format!("ended with exit status {exit}"));
        return Err(("exit", format!("{how}{said}")));
    }
    let reply: Reply = serde_json::from_str(&output.stdout)
        .map_err(|error| ("contract", format!("did not answer as the contract says: {error}")))?;
    if reply.version != VERSION {
        return Err((
            "contract",
            format!("answered in version {}; this evalrun speaks version {VERSION}", reply.version),
        ));
    }
    if reply.scores.len() > MOST {
        return Err(("contract", format!("gave {} scores; at most {MOST} are taken", reply.scores.len())));
    }
    Ok(reply)
}
