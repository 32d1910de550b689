//! A test bed: the real binary in a folder of its own, with its own temporary folder, cache and environment, so that whatever a run
//! leaves can be seen. Processes are only ever ended by the ids they were started with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long anything that has to happen may take on a busy machine. Nothing depends on its length.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Bed {
    folder: tempfile::TempDir,
}

/// A process that is ended when its test is over, however that ends.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is killed no more.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a call of evalrun ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Bed {
    pub fn new() -> Bed {
        let bed = Bed { folder: tempfile::tempdir().unwrap() };
        ["tmp", "cache", "home"].iter().for_each(|name| fs::create_dir(bed.path(name)).unwrap());
        bed
    }

    /// With `fixtures/suites/tiny.yaml` and all it names.
    pub fn tiny() -> Bed {
        let bed = Bed::new();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let names = ["suites/tiny.yaml", "agents/tidy.yaml", "agents/sloppy.yaml", "repos/tiny/list.txt"];
        for name in names {
            bed.write(name, fs::read(fixtures.join(name)).unwrap());
        }
        bed
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A suite around one or more tasks and agents, written as YAML.
    pub fn suite(&self, yaml: &str) -> PathBuf {
        self.write("suite.yaml", format!("version: 1\nsuite: bed\n{yaml}"))
    }

    /// evalrun, about to be run here: no environment but what is named.
    pub fn evalrun(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evalrun"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path("home"));
        command.env("TMPDIR", self.path("tmp")).env("XDG_CACHE_HOME", self.path("cache"));
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        ran(self.evalrun(args))
    }

    /// Starts evalrun and comes back while it runs; its output goes nowhere.
    pub fn start(&self, args: &[&str]) -> Running {
        Running(self.evalrun(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// What a run measured, without what differs from run to run.
    pub fn canonical(&self, run: &str) -> String {
        let bytes = fs::read(self.path(run).join("results.json")).unwrap();
        let mut results: Value = serde_json::from_slice(&bytes).unwrap();
        evalrun::model::canon::strip_volatile(&mut results);
        evalrun::model::canon::canonical(&results)
    }

    pub fn results(&self, run: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(run).join("results.json")).unwrap()).unwrap()
    }

    /// Places of trials that were not removed.
    pub fn places(&self) -> Vec<PathBuf> {
        let bases = fs::read_dir(self.path("tmp")).unwrap().flatten().map(|entry| entry.path());
        let mut found: Vec<PathBuf> = bases.flat_map(|base| list(&base)).collect();
        found.sort();
        found
    }

    /// Asserts that nothing of a run is left on the machine: no process, no place. A process that was killed may take a moment to go.
    pub fn assert_clean(&self, run: &str) {
        let record: Value = serde_json::from_slice(&fs::read(self.path(run).join("run.json")).unwrap()).unwrap();
        let prefix = format!("EVALRUN_TRIAL={}:", record["run"].as_str().unwrap());
        until("every process of the run is gone", || marked(&prefix).is_empty());
        assert_eq!(self.places(), [] as [PathBuf; 0]);
    }
}

pub fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Processes whose environment holds an entry that begins so.
pub fn marked(prefix: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let carries = |pid: &i32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|&byte| byte == 0).any(|entry| entry.starts_with(prefix.as_bytes()))
    };
    pids.filter(carries).collect()
}

/// Looks again and again until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "this did not come true: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every file below a folder with its content; links are not followed.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in list(&folder) {
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if meta.is_dir() {
                folders.push(path);
            } else if meta.is_file() {
                let mut bytes = Vec::new();
                // A file may go between being listed and being read.
                if fs::File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).is_ok() {
                    found.insert(path.strip_prefix(root).unwrap().to_owned(), bytes);
                }
            }
        }
    }
    found
}

fn list(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
