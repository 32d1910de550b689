//! The ground a trial is played on: its workspace, the snapshots of it, and the checks that are run on them.

use super::{Job, recorder::on_blocking};
use crate::model::{
    fault::{Boundary, Fault},
    id::TrialKey,
    run::TrialSpec,
    task::{Check, Network},
    trace::{CheckMark, SnapshotMark, Text},
};
use crate::process::{Cancel, env::private_places, redact::Redactor};
use crate::store;
use crate::workspace::{
    Camera, CheckResult, Conditions, Ignore, Limits, Manifest, Place, Prepared, Scene, Shop, Store, Walls, diff,
    held_against, prepare, remove, run_check, run_steps,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

pub struct Ground {
    pub place: Place,
    pub walls: Walls,
    pub marker: String,
    pub redactor: Arc<Redactor>,
    /// What a reader of the trial must know.
    pub notes: Vec<String>,
    folder: PathBuf,
    spec: Arc<TrialSpec>,
    cancel: Cancel,
    prepared: Prepared,
    camera: Option<Camera>,
    content: Store,
    ignore: Ignore,
    /// At the start, and at the last snapshot.
    start: Manifest,
    last: Manifest,
    before: BTreeMap<String, CheckResult>,
    /// Written changes of a snapshot go here, numbered, so that their order can be seen.
    taken: u32,
}

/// Name of the snapshot that is taken before the agent starts.
pub const START: &str = "start";
/// The `when` of a check that runs before the agent starts.
pub const BEFORE: &str = "before";

impl Ground {
    /// Lays out the workspace: from the cache or made anew, with the commands that every trial runs.
    ///
    /// # Errors
    /// `workspace` and `store` faults: the trial is broken, not failed.
    pub async fn lay(
        job: &Job,
        spec: &Arc<TrialSpec>,
        folder: PathBuf,
        redactor: Arc<Redactor>,
    ) -> Result<Ground, Fault> {
        let cancel = job.cancel.clone();
        let walls = walls(job, spec);
        let marker = marker(&job.record.run, &spec.key);
        let shop = Shop { cache: job.cache.clone(), places: places() };
        let ignore = Ignore::new(&spec.task.workspace.ignore)?;
        let conditions = Conditions {
            walls: walls.clone(),
            seed: spec.seed,
            env: &spec.task.workspace.env,
            redactor: &redactor,
            cancel: &cancel,
            marker: marker.clone(),
        };
        let prepared = prepare(&spec.task.workspace, &shop, &conditions).await?;
        let root = place_of(&marker);
        let (laying, store_at) = (prepared.clone(), folder.join("store"));
        let (place, notes, content) = on_blocking(move || {
            let place = Place::fresh(&root)?;
            let notes = laying.lay(&place)?;
            Ok((place, notes, Store::open(&store_at)?))
        })
        .await?;
        run_steps(&spec.task.workspace.each_trial, &place, &conditions).await?;
        let camera = Camera::new(content.clone(), ignore.clone(), Limits::default());
        let notes = prepared.notes.iter().cloned().chain(notes.lines()).collect();
        drop(conditions);
        let empty = Manifest::empty();
        Ok(Ground {
            place,
            walls,
            marker,
            redactor,
            notes,
            folder,
            spec: Arc::clone(spec),
            cancel,
            prepared,
            camera: Some(camera),
            content,
            ignore,
            start: empty.clone(),
            last: empty,
            before: BTreeMap::new(),
            taken: 0,
        })
    }

    /// The first snapshot, and the checks as they stand before the agent has done anything.
    ///
    /// # Errors
    /// When the snapshot cannot be taken or kept.
    pub async fn before(&mut self) -> Result<(SnapshotMark, Vec<CheckMark>), Fault> {
        let mark = self.snapshot(START).await?;
        let names = due_ever(&self.spec);
        let mut marks = Vec::new();
        for check in self.spec.clone().task.checks.iter().filter(|check| names.contains(check.name.as_str())) {
            let result = self.run(check).await;
            marks.push(result.mark(&check.name, BEFORE));
            self.before.insert(check.name.clone(), result);
        }
        Ok((mark, marks))
    }

    /// Keeps the workspace as it is now, and what changed since the snapshot before.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub async fn snapshot(&mut self, name: &str) -> Result<SnapshotMark, Fault> {
        let mut camera = self.camera.take().ok_or_else(|| broken("no camera"))?;
        let (work, redactor) = (self.place.work(), Arc::clone(&self.redactor));
        let (last, first) = (std::mem::replace(&mut self.last, Manifest::empty()), self.taken == 0);
        let (folder, content, taken) = (self.folder.clone(), self.content.clone(), self.taken);
        let name = name.to_owned();
        let (camera, now, mark) = on_blocking(move || {
            let shot = camera.take(&work, &redactor)?;
            let now = shot.manifest;
            let kept = Kept { folder: &folder, name: &name, taken, content: &content, redactor: &redactor };
            let mark = kept.keep(if first { &now } else { &last }, &now)?;
            Ok((camera, now, mark))
        })
        .await?;
        if self.taken == 0 {
            self.start = now.clone();
            self.notes.extend(now.notes.iter().cloned());
        }
        self.taken += 1;
        self.last = now;
        self.camera = Some(camera);
        Ok(mark)
    }

    /// Runs a check on the last snapshot; what failed before the agent came is not held against it where the check says so.
    pub async fn check(&mut self, check: &Check, stage: &str) -> CheckMark {
        let now = self.run(check).await;
        let now = match self.before.get(&check.name) {
            Some(before) => held_against(before, now, check.keep_green),
            None => now,
        };
        let mut mark = now.mark(&check.name, stage);
        mark.output = Text::cut(&mark.output.inline);
        mark
    }

    async fn run(&self, check: &Check) -> CheckResult {
        let conditions = Conditions {
            walls: self.walls.clone(),
            seed: self.spec.seed,
            env: &self.spec.task.workspace.env,
            redactor: &self.redactor,
            cancel: &self.cancel,
            marker: self.marker.clone(),
        };
        let scene = Scene {
            place: &self.place,
            store: &self.content,
            ignore: &self.ignore,
            prepared: &self.prepared,
            before: &self.start,
            now: &self.last,
        };
        run_check(check, &scene, &conditions).await
    }

    /// Where the agent's own session files go.
    pub fn native(&self) -> PathBuf {
        self.folder.join("native")
    }

    /// Makes sure that what was kept has reached the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn settle(self) -> Result<(), Fault> {
        on_blocking(move || self.content.settle()).await
    }
}

/// Where one snapshot is kept.
struct Kept<'a> {
    folder: &'a Path,
    name: &'a str,
    taken: u32,
    content: &'a Store,
    redactor: &'a Redactor,
}

impl Kept<'_> {
    /// Writes `snapshots/<nn>-<name>.json` and `diffs/<nn>-<name>.patch`.
    fn keep(&self, last: &Manifest, now: &Manifest) -> Result<SnapshotMark, Fault> {
        let Kept { folder, name, taken, content, redactor } = *self;
        let json = now.to_json(redactor).map_err(|error| broken(&error.to_string()))?;
        store::once(&folder.join("snapshots").join(format!("{taken:02}-{name}.json")), json.as_bytes())?;
        let change = diff(last, now, content);
        let changes = change.path_changes();
        if !changes.is_empty() {
            let patch = redactor.redact(&change.patch);
            store::once(&folder.join("diffs").join(format!("{taken:02}-{name}.patch")), patch.as_bytes())?;
        }
        Ok(SnapshotMark { name: name.to_owned(), manifest: now.hash(), changes })
    }
}

/// Checks that are expected in a stage or decide a constraint.
fn due_ever(spec: &TrialSpec) -> BTreeSet<&str> {
    let interview = &spec.task.interview;
    let expected = interview.stages.iter().flat_map(|stage| stage.expect.iter());
    let deciding = interview.constraints.iter().map(|constraint| &constraint.check);
    expected.chain(deciding).map(String::as_str).collect()
}

/// What every process of a trial carries in its environment.
pub fn marker(run: &str, key: &TrialKey) -> String {
    format!("{run}:{key}")
}

/// Where the trial of this marker is played.
pub fn place_of(marker: &str) -> PathBuf {
    Place::path(&places(), marker)
}

/// Removes the folders of a trial, whatever they hold; everything worth keeping is in the run folder. Says what could not be removed.
pub async fn clear_place(run: &str, key: &TrialKey) -> Option<String> {
    let place = place_of(&marker(run, key));
    let cleared = on_blocking(move || remove(&place)).await;
    cleared.err().map(|fault| format!("the workspace was not removed: {}", fault.message))
}

/// Where trials are played: a folder of this user's own, since the temporary folder may be shared.
fn places() -> PathBuf {
    std::env::temp_dir().join(format!("evalrun-{}", nix::unistd::getuid()))
}

fn walls(job: &Job, spec: &TrialSpec) -> Walls {
    if job.record.sandbox != "bwrap" {
        return Walls::None;
    }
    let hidden = spec.task.checks.iter().filter_map(|check| check.with.clone());
    let mut hide: Vec<PathBuf> = private_places();
    hide.extend(hidden);
    hide.push(std::path::absolute(&job.layout.root).unwrap_or_else(|_| job.layout.root.clone()));
    hide.sort();
    hide.dedup();
    Walls::Bwrap { hide, network: spec.task.workspace.network == Network::Open }
}

fn broken(what: &str) -> Fault {
    Fault::new(Boundary::Workspace, "snapshot", what)
}
