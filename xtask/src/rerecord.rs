//! `cargo xtask rerecord SUITE DIR`: which recorded verdicts still answer what is asked today.
//!
//! The suite is played with a person as its judge, who answers nothing: every question stands in the run's queue then. A recording of the very
//! question is fine. One of the same trial and criteria whose question has changed since has to be read again: what was said then is put into the
//! row, all but the label.

use evalrun::{
    model::results::Results,
    runner::asking::{Cache, Entry, Question, Queue},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

pub fn rerecord(suite: &str, recordings: &str) -> Result<(), String> {
    let out = PathBuf::from("target/rerecord");
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    let run = out.join("run");
    play(suite, &run)?;
    let questions = Queue::of(&run).questions().map_err(|fault| fault.to_string())?;
    let kept = Cache::at(recordings).entries().map_err(|fault| fault.to_string())?;
    let compared = compare(&questions, &kept);
    for line in &compared.lines {
        println!("{line}");
    }
    let rows = rows(&run, &compared)?;
    let labels = out.join("labels.jsonl");
    fs::write(&labels, &rows).map_err(|error| format!("{}: {error}", labels.display()))?;
    println!("{} to read: {}", rows.lines().count(), labels.display());
    println!(
        "fill in rater and label, then: evalrun label {} --from {} --record {recordings}",
        run.display(),
        labels.display()
    );
    Ok(())
}

/// What became of each recording and each question.
pub struct Compared {
    pub lines: Vec<String>,
    /// Questions without a recording, with the one of the same trial and criteria where there is one.
    pub open: BTreeMap<(String, String), Option<Value>>,
}

pub fn compare(questions: &[Question], kept: &[Entry]) -> Compared {
    let known: BTreeSet<&str> = kept.iter().map(|entry| entry.key.as_str()).collect();
    let asked: BTreeSet<&str> = questions.iter().map(|question| question.key.as_str()).collect();
    let (mut lines, mut open) = (Vec::new(), BTreeMap::new());
    let same = questions.iter().filter(|question| known.contains(question.key.as_str())).count();
    lines.push(format!("unchanged: {same} of {} questions", questions.len()));
    let mut superseded = BTreeSet::new();
    for question in questions.iter().filter(|question| !known.contains(question.key.as_str())) {
        let old = kept.iter().find(|entry| {
            entry.item == question.item
                && entry.criteria == question.criteria
                && entry.seat == question.seat
                && !asked.contains(entry.key.as_str())
        });
        superseded.extend(old.map(|entry| entry.key.clone()));
        let word = if old.is_some() { "changed" } else { "new" };
        lines.push(format!("{word}: {} {}", question.item, question.criteria.join(", ")));
        let answers: Vec<Value> = old.map(answers).unwrap_or_default();
        for criterion in &question.criteria {
            let short = criterion.rsplit('/').next().unwrap_or(criterion);
            let said = answers.iter().find(|answer| answer["criterion"] == short).cloned();
            open.insert((question.item.clone(), criterion.clone()), said);
        }
    }
    for entry in kept.iter().filter(|entry| !asked.contains(entry.key.as_str()) && !superseded.contains(&entry.key)) {
        lines.push(format!("no longer asked: {} {} ({})", entry.item, entry.criteria.join(", "), entry.key));
    }
    Compared { lines, open }
}

fn answers(entry: &Entry) -> Vec<Value> {
    let reply: Value = serde_json::from_str(&entry.reply.text).unwrap_or_default();
    reply["answers"].as_array().cloned().unwrap_or_default()
}

/// The rows of `evalrun label` that a person has to read, with what was said of them before.
fn rows(run: &Path, compared: &Compared) -> Result<String, String> {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--", "label", "--form", "jsonl"])
        .arg(run)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let mut out = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut row: Value = serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
        let item = row["item"].as_str().unwrap_or_default();
        let (trial, short) = item.rsplit_once('/').unwrap_or((item, ""));
        let criterion = format!("{}/{short}", row["dimension"].as_str().unwrap_or_default());
        let Some(said) = compared.open.get(&(trial.to_owned(), criterion)) else { continue };
        if let Some(said) = said {
            let quoted = &said["evidence"][0];
            row["event"] = quoted["event"].as_u64().map_or_else(Default::default, |event| event.to_string()).into();
            row["quote"] = quoted["quote"].as_str().unwrap_or_default().into();
            row["why"] = format!(
                "said before ({}): {}",
                said["verdict"].as_str().unwrap_or("nothing"),
                said["reasoning"].as_str().unwrap_or_default()
            )
            .into();
        }
        out.push_str(&format!("{row}\n"));
    }
    Ok(out)
}

fn play(suite: &str, run: &Path) -> Result<(), String> {
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--", suite, "--judge", "human", "--json", "--out"])
        .arg(run)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let results: Result<Results, _> = serde_json::from_slice(&output.stdout);
    results.map(drop).map_err(|_| format!("{suite} could not be played: {}", String::from_utf8_lossy(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::{Compared, compare};
    use evalrun::{
        model::judge::{JudgeReply, Seat},
        runner::asking::{Entry, Origin, Question},
    };

    fn question(key: &str, item: &str) -> Question {
        Question {
            version: 1,
            key: key.to_owned(),
            item: item.to_owned(),
            criteria: vec!["planning/named".to_owned()],
            seat: Seat::Vote(0),
            again: 0,
            system: String::new(),
            prompt: String::new(),
            schema: serde_json::Value::Null,
        }
    }

    fn entry(key: &str, item: &str) -> Entry {
        let text =
            r#"{"answers": [{"criterion": "named", "verdict": "met", "reasoning": "r", "evidence": []}]}"#.to_owned();
        let reply = JudgeReply {
            text,
            by: "hand".to_owned(),
            model: None,
            fingerprint: None,
            usage: None,
            micro_usd: None,
            kept: Default::default(),
        };
        Entry {
            version: 1,
            key: key.to_owned(),
            item: item.to_owned(),
            criteria: vec!["planning/named".to_owned()],
            seat: Seat::Vote(0),
            again: 0,
            origin: Origin::Hand,
            when: String::new(),
            reply,
        }
    }

    #[test]
    fn a_recording_is_unchanged_changed_or_no_longer_asked() {
        let questions = [question("1", "a/x/1"), question("2", "b/x/1"), question("3", "c/x/1")];
        let kept = [entry("1", "a/x/1"), entry("20", "b/x/1"), entry("4", "d/x/1")];
        let Compared { lines, open } = compare(&questions, &kept);
        assert_eq!(
            lines,
            [
                "unchanged: 1 of 3 questions",
                "changed: b/x/1 planning/named",
                "new: c/x/1 planning/named",
                "no longer asked: d/x/1 planning/named (4)"
            ]
        );
        let said: Vec<bool> = open.values().map(Option::is_some).collect();
        assert_eq!(said, [true, false]);
    }
}
