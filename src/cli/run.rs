//! `evalrun SUITE`: load, plan, play, grade, report.

use super::{
    args::{OutArgs, RunArgs, SandboxArg},
    estimate, exit, judged, names, report, say,
};
use crate::agents::driver;
use crate::gate::{self, worse};
use crate::model::{
    fault::{Boundary, Fault},
    run::TrialSpec,
    suite::{AgentSpec, SandboxChoice, Suite},
};
use crate::plan::{Available, Plan, Selection, plan};
use crate::process::{Cancel, env::search_path, usable_sandboxes};
use crate::runner::{self, Ended, Grading, Job, clock, progress::Watcher, scripted_model, secrets};
use crate::store::{self, Created, Layout, RunLock, RunRecord};
use crate::suite::{Paint, load, render};
use std::{
    collections::BTreeSet,
    io::IsTerminal,
    path::{Path, PathBuf},
};

/// Where runs go unless `--out` says otherwise.
pub const RUNS: &str = ".evalrun/runs";

pub fn run(args: &RunArgs) -> i32 {
    let Some(typed) = &args.suite else { return exit::REFUSED };
    if let Some(fault) = args.out.to.iter().find_map(|wanted| report::wanted_output(wanted).err()) {
        return refuse(&fault);
    }
    let suites = match suite_files(typed) {
        Ok(suites) => suites,
        Err(fault) => return refuse(&fault),
    };
    if suites.len() > 1 && args.out.folder.is_some() {
        say::errors(&["--out names one run's folder, but there are several suites".to_owned()]);
        return exit::REFUSED;
    }
    // Nothing is run because of a suite mistake, not even the suites without one.
    let loaded: Vec<Option<Suite>> = suites.iter().map(|path| read_suite(path)).collect();
    let Some(loaded) = loaded.into_iter().collect::<Option<Vec<Suite>>>() else { return exit::REFUSED };
    let codes = loaded.into_iter().map(|suite| one_suite(args, suite));
    codes.fold(exit::DONE, worse)
}

/// Loads a suite and says what is wrong with it; `None` where it cannot be run.
pub fn read_suite(path: &Path) -> Option<Suite> {
    let loaded = load(path, &names::names());
    if !loaded.findings.is_empty() {
        let paint = if std::io::stderr().is_terminal() { Paint::Colour } else { Paint::Plain };
        say::note(render(&loaded.findings, paint).trim_end());
    }
    loaded.suite
}

/// The suites that were named: a file, or those of a folder.
///
/// # Errors
/// When there is no such thing.
pub fn suite_files(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    let nothing = |what: &str| Fault::new(Boundary::Store, "path", format!("{what}: {}", path.display()));
    if !path.exists() {
        return Err(nothing("no such file or folder")
            .hint("`evalrun init` writes a first suite; `evalrun --help` lists the verbs"));
    }
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| nothing(&format!("cannot read the folder ({error})")))?;
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
    let is_suite = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line.starts_with("suite:"))
    };
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_yaml).filter(is_suite).collect();
    found.sort();
    if found.is_empty() {
        return Err(
            nothing("no suite in this folder").hint("a suite is a .yaml file with `suite:` at the beginning of a line")
        );
    }
    Ok(found)
}

fn one_suite(args: &RunArgs, suite: Suite) -> i32 {
    let suite = names::with_named(suite, &args.agents);
    let selection = Selection {
        agents: args.agents.clone(),
        tasks: args.tasks.clone(),
        tags: args.tags.clone(),
        trials: args.trials,
    };
    let available = Available { program: &program, agent: &agent };
    let planned = match plan(&suite, &selection, &available).and_then(|planned| failed_ones(planned, args)) {
        Ok(planned) => planned,
        Err(lines) => {
            say::errors(&lines);
            return exit::REFUSED;
        }
    };
    let grading = match Grading::of_suite(&suite) {
        Ok(grading) => grading,
        Err(lines) => {
            say::errors(&lines);
            return exit::REFUSED;
        }
    };
    if args.dry_run {
        say::out(&dry(&planned));
        return match estimate::of_plan(args, &suite, (&planned, grading)) {
            Ok(words) => {
                say::out(&words);
                exit::DONE
            }
            Err(fault) => refuse(&fault),
        };
    }
    let begun = hidden(&planned.trials)
        .and_then(|()| sandbox(args.sandbox, suite.sandbox))
        .and_then(|sandbox| begin(args, suite, planned, (grading, sandbox)));
    match begun {
        Ok(begun) => play(begun, &args.out),
        Err(fault) => refuse(&fault),
    }
}

/// With `--failed-in RUN`, only the trials that did not pass there.
fn failed_ones(mut planned: Plan, args: &RunArgs) -> Result<Plan, Vec<String>> {
    let Some(run) = args.failed_in.as_deref() else { return Ok(planned) };
    let before = report::results_of(run).map_err(|fault| vec![fault.to_string()])?;
    let failed: BTreeSet<&str> =
        before.trials.iter().filter(|trial| trial.passed == Some(false)).map(|trial| trial.id.as_str()).collect();
    planned.trials.retain(|spec| failed.contains(spec.key.to_string().as_str()));
    if planned.trials.is_empty() {
        return Err(vec![format!("no trial of this suite failed in {}", run.display())]);
    }
    Ok(planned)
}

/// Whether every secret that agents are given can be kept out of what is written.
///
/// # Errors
/// The first that cannot, by its name.
pub fn hidden(trials: &[TrialSpec]) -> Result<(), Fault> {
    trials.iter().try_for_each(|spec| secrets::redactor(&spec.agent).map(drop))
}

/// A run that can be played: its folder exists, its record is frozen, its lock is held.
pub struct Begun {
    pub layout: Layout,
    pub record: RunRecord,
    pub grading: Grading,
    pub lock: RunLock,
}

fn begin(args: &RunArgs, suite: Suite, planned: Plan, (grading, sandbox): (Grading, &str)) -> Result<Begun, Fault> {
    let run = clock::run_id();
    let root = args.out.folder.clone().unwrap_or_else(|| Path::new(RUNS).join(&run));
    let layout = Layout::at(std::path::absolute(&root).unwrap_or(root));
    if layout.run().exists() {
        return Err(holds_a_run(&layout));
    }
    let folder = layout.root.as_path();
    let known = judged::Known { judges: &suite.judges, permits: &suite.permits, seed: suite.seed, folder };
    let asking = judged::asking(&args.judge, &known)?;
    judged::reachable(asking.as_ref())?;
    let paid = judged::is_paid(asking.as_ref(), &args.judge);
    let judge = asking.as_ref().map(|asking| asking.judge().clone());
    let grading = asking.into_iter().fold(grading, Grading::with_judge);
    let mut suite = suite;
    suite.budget.cost = suite.budget.cost.or(paid.then_some(judged::USUAL_BUDGET));
    std::fs::create_dir_all(&layout.root).map_err(|error| {
        Fault::new(Boundary::Store, "io", format!("cannot create {}: {error}", layout.root.display()))
    })?;
    let lock = RunLock::take(&layout.root)?;
    let looks = looks(&suite, args);
    let record = RunRecord {
        version: 1,
        run,
        started: clock::now(),
        evalrun: env!("CARGO_PKG_VERSION").to_owned(),
        suite,
        trials: planned.trials,
        not_run: planned.not_run,
        grading: grading.id(),
        judge,
        sandbox: sandbox.to_owned(),
        host: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        failed_in: args.failed_in.as_ref().map(|run| run.display().to_string()),
        looks,
    };
    let json = serde_json::to_vec_pretty(&record)
        .map_err(|error| Fault::new(Boundary::Store, "format", format!("run.json cannot be written: {error}")))?;
    match store::once(&layout.run(), &json)? {
        Created::First => Ok(Begun { layout, record, grading, lock }),
        // Another evalrun was faster, and has ended since.
        Created::Existed => Err(holds_a_run(&layout)),
    }
}

/// The looks that the gate plans, where nobody typed how many trials there shall be.
fn looks(suite: &Suite, args: &RunArgs) -> Vec<u32> {
    let declared = suite.gate.as_ref().and_then(|gate| gate.looks);
    let declared = declared.filter(|_| args.trials.is_none() && args.failed_in.is_none());
    let looks = declared.map(|declared| gate::looks(Some(declared), 1)).unwrap_or_default();
    if looks.len() > 1 { looks } else { Vec::new() }
}

fn holds_a_run(layout: &Layout) -> Fault {
    let message = format!("{} holds a run already", layout.root.display());
    Fault::new(Boundary::Store, "exists", message).hint("choose another --out, or `evalrun resume` it")
}

/// Plays what is left of a run, writes its reports, gives the exit code.
pub fn play(begun: Begun, out: &OutArgs) -> i32 {
    let Begun { layout, record, grading, lock } = begun;
    if !out.json {
        say::note(&announce(&record));
    }
    let asking = grading.clone();
    let (record, ended) = match drive(&layout, &record, grading) {
        Ok(played) => played,
        Err(fault) => {
            say::fault(&fault);
            say::note(&format!("what was kept: {}", layout.root.display()));
            return exit::BROKEN;
        }
    };
    let spent = asking.spent();
    if let Some(took) = judged::took(&spent).filter(|_| !out.json) {
        say::note(&took);
    }
    let code = report::finish(&layout, &record, &ended, out);
    drop(lock);
    code
}

fn drive(layout: &Layout, record: &RunRecord, grading: Grading) -> Result<(RunRecord, Ended), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::new(Boundary::Store, "runtime", format!("cannot start the runtime: {error}")))?;
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let cancel = Cancel::new();
    let job = Job {
        layout: layout.clone(),
        record: record.clone(),
        grading,
        watcher: Watcher::to(sender),
        cancel: cancel.clone(),
        cache: cache(),
        width: width(&record.suite),
    };
    let trials = record.trials.len() as u64;
    let outcome = runtime.block_on(async move {
        let screen = tokio::spawn(super::progress::watch(receiver, trials));
        let signals = tokio::spawn(super::signals::watch(cancel));
        let ended = runner::run_looks(job).await;
        signals.abort();
        // The screen ends when the last sender is gone.
        let _ = screen.await;
        ended
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

fn cache() -> PathBuf {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    home.unwrap_or_else(std::env::temp_dir).join("evalrun/workspaces")
}

/// Trials at once: what the suite says, else one per processor, at most 8.
fn width(suite: &Suite) -> usize {
    match suite.concurrency {
        0 => std::thread::available_parallelism().map_or(2, usize::from).min(8),
        said => said as usize,
    }
}

fn announce(record: &RunRecord) -> String {
    let agents: BTreeSet<&str> = record.trials.iter().map(|spec| spec.key.agent.as_str()).collect();
    let cost = match record.suite.budget.cost {
        Some(micro) => format!("at most {:.2} USD", micro as f64 / 1e6),
        None => "no cost".to_owned(),
    };
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let judge = record.judge.as_ref().map(|judge| format!(", {}", judged::introduced(judge))).unwrap_or_default();
    format!(
        "{}: {} of {}, {}{cost}, sandbox: {}{judge}",
        record.suite.name,
        plural(record.trials.len(), "trial"),
        plural(agents.len(), "agent"),
        planned(&record.looks),
        record.sandbox
    )
}

/// What the gate may ask for.
fn planned(looks: &[u32]) -> String {
    let Some((first, later)) = looks.split_first().filter(|(_, later)| !later.is_empty()) else { return String::new() };
    let later: Vec<String> = later.iter().map(u32::to_string).collect();
    format!("{first} of each task; where the gate is undecided, up to {}, ", later.join(" or "))
}

fn dry(planned: &Plan) -> String {
    let mut text = String::new();
    for spec in &planned.trials {
        text.push_str(&format!("{}\n", spec.key));
    }
    for not_run in &planned.not_run {
        text.push_str(&format!("not run: {} with {}: {}\n", not_run.task, not_run.agent, not_run.why));
    }
    text.push_str(&format!("{} trials; nothing was run\n", planned.trials.len()));
    text
}

fn program(name: &str) -> Result<(), String> {
    let found = std::env::split_paths(&search_path()).any(|folder| folder.join(name).is_file());
    if found { Ok(()) } else { Err(format!("the program `{name}` is not on PATH")) }
}

fn agent(spec: &AgentSpec) -> Result<(), String> {
    let Some(driver) = driver(&spec.driver) else {
        return Err(format!("the driver `{}` is not in this version", spec.driver));
    };
    let mistakes = (driver.check)(spec).into_iter().chain(scripted_model::mistakes(spec));
    match mistakes.into_iter().next() {
        Some(why) => Err(why),
        None => spec.secrets.iter().try_for_each(|name| secrets::given(name).map(drop)),
    }
}

/// The sandbox that is used: what was typed, else what the suite says; `auto` takes what works here.
fn sandbox(typed: Option<SandboxArg>, suite: SandboxChoice) -> Result<&'static str, Fault> {
    let problem = usable_sandboxes().iter().find(|sandbox| sandbox.name == "bwrap").and_then(|it| it.problem.clone());
    let wanted = match typed {
        Some(SandboxArg::Auto) => SandboxChoice::Auto,
        Some(SandboxArg::Bwrap) => SandboxChoice::Bwrap,
        Some(SandboxArg::None) => SandboxChoice::None,
        None => suite,
    };
    match (wanted, problem) {
        (SandboxChoice::None, _) | (SandboxChoice::Auto, Some(_)) => Ok("none"),
        (SandboxChoice::Auto | SandboxChoice::Bwrap, None) => Ok("bwrap"),
        (SandboxChoice::Bwrap, Some(why)) => {
            Err(Fault::new(Boundary::Sandbox, "bwrap", format!("bwrap cannot be used here: {why}"))
                .hint("install bubblewrap, or run with --sandbox none"))
        }
        (SandboxChoice::Docker, _) => {
            Err(Fault::new(Boundary::Sandbox, "docker", "the sandbox docker is not in this version")
                .hint("use auto, bwrap or none"))
        }
    }
}

pub fn refuse(fault: &Fault) -> i32 {
    say::fault(fault);
    exit::REFUSED
}
