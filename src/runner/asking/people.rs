//! Questions for people, and what they decided: `human/questions/<key>.json` and `human/decisions/<n>.json` in the run's folder. Both are written
//! once each and never changed; a later decision counts over an earlier one.

use super::need_key;
use crate::judges::{Decision, People, Request};
use crate::model::{
    fault::{Boundary, Fault},
    judge::{JudgeNeed, Seat},
};
use crate::store::{Created, once, read_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A question that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub version: u32,
    pub key: String,
    /// The trial or session.
    pub item: String,
    pub criteria: Vec<String>,
    pub seat: Seat,
    #[serde(default)]
    pub again: u32,
    pub system: String,
    pub prompt: String,
    pub schema: Value,
}

/// One person's decision about one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub item: String,
    #[serde(flatten)]
    pub decision: Decision,
}

/// The folder of a run, as far as people are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    root: PathBuf,
}

impl Queue {
    /// Of the run in this folder.
    pub fn of(run: &Path) -> Queue {
        Queue { root: run.join("human") }
    }

    /// Every question that was ever asked, in the order of their keys. Blocks.
    ///
    /// # Errors
    /// When one cannot be read back.
    pub fn questions(&self) -> Result<Vec<Question>, Fault> {
        files(&self.root.join("questions")).iter().map(|path| read_json(path)).collect()
    }

    /// The decisions that count: the last of each item and criterion. Blocks.
    ///
    /// # Errors
    /// When one cannot be read back.
    pub fn decided(&self) -> Result<BTreeMap<(String, String), Decision>, Fault> {
        let mut found = BTreeMap::new();
        for path in files(&self.root.join("decisions")) {
            for decided in read_json::<Vec<Decided>>(&path)? {
                found.insert((decided.item, decided.decision.criterion.clone()), decided.decision);
            }
        }
        Ok(found)
    }

    /// Keeps decisions. Blocks.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn decide(&self, decided: &[Decided]) -> Result<(), Fault> {
        let json = serde_json::to_vec_pretty(decided).map_err(|error| format_fault(&error))?;
        let folder = self.root.join("decisions");
        for n in files(&folder).len() + 1.. {
            if once(&folder.join(format!("{n:06}.json")), &json)? == Created::First {
                break;
            }
        }
        Ok(())
    }

    fn put(&self, need: &JudgeNeed, request: &Request<'_>) -> Result<(), Fault> {
        let question = Question {
            version: 1,
            key: need_key(need),
            item: request.item.to_owned(),
            criteria: need.criteria.clone(),
            seat: need.seat,
            again: need.again,
            system: request.system.clone(),
            prompt: request.user.clone(),
            schema: need.prompt.schema.clone(),
        };
        let json = serde_json::to_vec_pretty(&question).map_err(|error| format_fault(&error))?;
        once(&self.root.join("questions").join(format!("{}.json", question.key)), &json).map(drop)
    }
}

impl People for Queue {
    fn ask(&self, request: &Request<'_>) -> Result<Option<Vec<Decision>>, Fault> {
        let decided = self.decided()?;
        let of = |criterion: &String| decided.get(&(request.item.to_owned(), criterion.clone())).cloned();
        let all: Option<Vec<Decision>> = request.need.criteria.iter().map(of).collect();
        if all.is_none() {
            self.put(request.need, request)?;
        }
        Ok(all)
    }
}

/// Sorted by name; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "json")).collect();
    paths.sort();
    paths
}

fn format_fault(error: &serde_json::Error) -> Fault {
    Fault::new(Boundary::Store, "format", format!("cannot be written as JSON: {error}"))
}
