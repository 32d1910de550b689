//! Inputs on disk: where to start from, what is kept, what failed.

use crate::targets::Target;
use std::{
    fs,
    io::Result,
    path::{Path, PathBuf},
};

/// Of the inputs that are committed, per target.
const MOST_FILES: usize = 60;
const MOST_BYTES: usize = 200_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn kept(target: &Target) -> PathBuf {
    root().join("fixtures/fuzz").join(target.name)
}

/// What earlier runs found here; not committed.
fn found(target: &Target) -> PathBuf {
    root().join("fuzz/corpus").join(target.name)
}

pub fn crashes(target: &Target) -> PathBuf {
    root().join("fuzz/crashes").join(target.name)
}

/// Everything to start from, cut to the longest input.
pub fn start(target: &Target) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for place in [kept(target), found(target)].into_iter().chain(target.seeds.iter().map(|seed| root().join(seed))) {
        collect(&place, &mut files);
    }
    let mut inputs = vec![Vec::new()];
    for path in files {
        let bytes = fs::read(&path).unwrap_or_default();
        let seed = path.starts_with(root().join("fixtures")) && !path.starts_with(kept(target));
        if target.by_line && seed {
            inputs.extend(bytes.split(|byte| *byte == b'\n').map(of_line));
        } else {
            inputs.push(bytes);
        }
    }
    inputs.iter_mut().for_each(|input| input.truncate(target.most));
    inputs.sort();
    inputs.dedup();
    inputs
}

/// A line of JSON holds its text under `command`, any other is the text.
fn of_line(line: &[u8]) -> Vec<u8> {
    let value = serde_json::from_slice::<serde_json::Value>(line).ok();
    value.and_then(|value| Some(value.get("command")?.as_str()?.as_bytes().to_vec())).unwrap_or_else(|| line.to_vec())
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_file() {
        return files.push(place.to_owned());
    }
    let mut inside: Vec<PathBuf> =
        fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    inside.sort();
    inside.iter().filter(|path| !path.ends_with("LICENSE")).for_each(|path| collect(path, files));
}

/// Keeps all inputs for the next run here.
pub fn save(target: &Target, inputs: &[Vec<u8>]) -> Result<()> {
    fs::create_dir_all(found(target))?;
    inputs.iter().try_for_each(|input| fs::write(found(target).join(name(input)), input))
}

/// Makes these the committed inputs, as many as there is room for. `bug-*`, the inputs that once failed, stay.
pub fn keep(target: &Target, inputs: &[Vec<u8>]) -> Result<usize> {
    fs::create_dir_all(kept(target))?;
    let mut old = Vec::new();
    collect(&kept(target), &mut old);
    let (bugs, old): (Vec<_>, Vec<_>) = old
        .into_iter()
        .partition(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("bug-")));
    old.iter().try_for_each(fs::remove_file)?;
    let mut bytes: usize = bugs.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len() as usize).sum();
    let mut files = bugs.len();
    for input in inputs {
        if files < MOST_FILES && bytes + input.len() <= MOST_BYTES {
            fs::write(kept(target).join(name(input)), input)?;
            (files, bytes) = (files + 1, bytes + input.len());
        }
    }
    Ok(files)
}

/// FNV-1a of the input: the same input has the same name.
pub fn name(input: &[u8]) -> String {
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
