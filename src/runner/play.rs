//! One trial: ground laid, agent opened, interview played, trace sealed.

use super::{
    Job, clock,
    conversation::Conversation,
    ground::{self, Ground},
    native::Native,
    recorder::{Place, Recorder, on_blocking},
    scripted_model, secrets,
    turn::{Rules, start_fault},
};
use crate::agents::{Driver, Identity, Seat, Session, driver};
use crate::importers::{
    join::Live,
    seal::{Named, seal},
};
use crate::model::{
    fault::{Boundary, Fault},
    run::{Attempt, TrialEnd, TrialSpec},
    trace::{Body, Clock, End, EndKind, ErrorMark, Event, Header, Tells, Text, Trace, Usage, VERSION},
};
use crate::process::{Jail, env::base_env, redact::Redactor};
use crate::store::{Blobs, Writer, write_trace};
use crate::workspace::Walls;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// A trial that was played, and what broke it, if something of ours did.
pub struct Played {
    pub end: TrialEnd,
    pub fault: Option<Fault>,
}

/// Plays a trial. A trial that breaks is data; only a store that cannot be written is an error of the whole run.
///
/// # Errors
/// When not even the attempt's folder can be made.
pub async fn play(job: &Job, writer: &Writer, spec: &Arc<TrialSpec>, attempt: Attempt) -> Result<Played, Fault> {
    let folder = job.layout.attempt(&spec.key, attempt);
    let making = folder.clone();
    on_blocking(move || make_folder(&making)).await?;
    let mut tale = Tale::new(spec, attempt);
    let outcome = tell(job, writer, &mut tale, &folder).await;
    let fault = outcome.err().map(|fault| tale.shown(fault));
    // What breaks off because we stop the trial is no fault of anything, except a disk that is full.
    let fault = fault.filter(|fault| !job.cancel.is_cancelled() || fault.kind == FULL_DISK);
    match &fault {
        Some(fault) => tale.end = End { kind: EndKind::Broken, why: fault.to_string() },
        None if tale.trace_hash.is_empty() => tale.end = stopped(),
        None => {}
    }
    Ok(Played { end: tale.finish(&job.record.sandbox), fault })
}

/// The kind of a fault after which no trial can be kept.
pub const FULL_DISK: &str = "full_disk";

/// What is known of a trial while it goes on.
struct Tale {
    spec: Arc<TrialSpec>,
    attempt: Attempt,
    started: String,
    began: Instant,
    end: End,
    usage: Usage,
    trace_hash: String,
    identity: Identity,
    tells: Option<Tells>,
    notes: Vec<String>,
    redactor: Arc<Redactor>,
}

impl Tale {
    fn new(spec: &Arc<TrialSpec>, attempt: Attempt) -> Tale {
        Tale {
            spec: Arc::clone(spec),
            attempt,
            started: clock::now(),
            began: Instant::now(),
            end: End { kind: EndKind::Broken, why: "it never started".to_owned() },
            usage: Usage::default(),
            trace_hash: String::new(),
            identity: Identity::default(),
            tells: None,
            notes: Vec::new(),
            redactor: Arc::new(Redactor::none()),
        }
    }

    /// A fault without secrets: what a program said may stand in it.
    fn shown(&self, fault: Fault) -> Fault {
        let clean = |text: String| self.redactor.redact(&text).into_owned();
        Fault { message: clean(fault.message), hint: fault.hint.map(clean), ..fault }
    }

    fn finish(self, sandbox: &str) -> TrialEnd {
        let clean = |text: String| self.redactor.redact(&text).into_owned();
        TrialEnd {
            version: 1,
            key: self.spec.key.clone(),
            attempt: self.attempt.0,
            end: End { why: clean(self.end.why), ..self.end },
            usage: self.usage,
            started: self.started,
            finished: clock::now(),
            wall_ms: self.began.elapsed().as_millis() as u64,
            task_hash: self.spec.task.hash.clone(),
            trace_hash: self.trace_hash,
            agent_version: self.identity.version.map(clean),
            model: self.identity.model.map(clean).or_else(|| self.spec.agent.model.clone()),
            sandbox: sandbox.to_owned(),
            notes: self.notes.into_iter().map(clean).collect(),
        }
    }
}

async fn tell(job: &Job, writer: &Writer, tale: &mut Tale, folder: &std::path::Path) -> Result<(), Fault> {
    let spec = Arc::clone(&tale.spec);
    let driver = driver(&spec.agent.driver).ok_or_else(|| no_driver(&spec.agent.driver))?;
    tale.redactor = Arc::new(secrets::redactor(&spec.agent)?);
    let laid = Ground::lay(job, &spec, folder.to_owned(), Arc::clone(&tale.redactor)).await;
    let mut ground = match laid {
        Ok(ground) => ground,
        Err(fault) => {
            ground::clear_place(&job.record.run, &spec.key).await;
            return Err(fault);
        }
    };
    let header = header(&spec, driver, &tale.started);
    let place = Place {
        writer: writer.clone(),
        live: folder.join("live.jsonl"),
        blobs: Blobs::at(folder.join("blobs")),
        redactor: Arc::clone(&tale.redactor),
    };
    let recorded = record(job, tale, driver, (&mut ground, place, &header)).await;
    let (notes, named) = (std::mem::take(&mut ground.notes), folders(&ground));
    tale.notes.extend(notes);
    let settled = if recorded.is_ok() { ground.settle().await } else { Ok(()) };
    // A folder that cannot be removed, as an agent may arrange, is told and changes no result.
    tale.notes.extend(ground::clear_place(&job.record.run, &spec.key).await);
    let recorder = recorded?;
    settled?;
    let header = Header { version: tale.identity.version.clone(), session: tale.identity.session.clone(), ..header };
    let header = Header { model: tale.identity.model.clone().or(header.model), ..header };
    let tells = tale.tells.map_or(header.tells, |tells| Tells { times: true, snapshots: true, ..tells });
    let header = Header { tells, ..header };
    let native = Native { folder: folder.join("native"), blobs: Blobs::at(folder.join("blobs")) };
    let live = Live { header, events: recorder.events, calls: recorder.calls };
    let (header, events, notes) = native.joined(live).await?;
    tale.notes.extend(notes);
    // What sub-agents used, only the agent's own files may tell.
    tale.usage = used(&events);
    tale.trace_hash = keep_trace(header, events, named, folder.join("trace.jsonl")).await?;
    Ok(())
}

/// Plays and keeps every event; what breaks stands in the log as well, where it can be written.
async fn record(
    job: &Job,
    tale: &mut Tale,
    driver: &Driver,
    (ground, place, header): (&mut Ground, Place, &Header),
) -> Result<Recorder, Fault> {
    let mut recorder = Recorder::start(place, header).await?;
    recorder.watch(job.watcher.clone(), tale.spec.key.clone());
    let played = act(job, tale, driver, (ground, &mut recorder)).await;
    tale.usage = recorder.counts.usage.clone();
    match played {
        Ok(()) => Ok(recorder),
        Err(fault) => {
            let mark = ErrorMark { message: Text::cut(&fault.message), fault: Some(fault.clone()) };
            drop(recorder.ours(Body::Error(mark)).await);
            Err(fault)
        }
    }
}

async fn act(
    job: &Job,
    tale: &mut Tale,
    driver: &Driver,
    (ground, recorder): (&mut Ground, &mut Recorder),
) -> Result<(), Fault> {
    let spec = Arc::clone(&tale.spec);
    let (snapshot, checks) = ground.before().await?;
    recorder.ours(Body::Snapshot(snapshot)).await?;
    for check in checks {
        recorder.ours(Body::Check(check)).await?;
    }
    let mut seat = seat(job, &spec, ground);
    let model = scripted_model::start(&mut seat, &job.layout.attempt(&spec.key, tale.attempt)).await?;
    let start = Duration::from_millis(spec.task.limits.start_ms);
    let opened = tokio::time::timeout(start, (driver.open)(seat)).await;
    let mut session = opened.map_err(|_| start_fault(spec.task.limits.start_ms))??;
    let rules = Rules { limits: &spec.task.limits, permissions: spec.task.permissions, cancel: &job.cancel };
    let played = Conversation {
        spec: Arc::clone(&spec),
        session: session.as_mut(),
        recorder,
        ground,
        rules,
        watcher: &job.watcher,
    }
    .play()
    .await;
    tale.identity = session.identity();
    tale.tells = session.tells();
    tale.notes.extend(close(session).await);
    if let Some(model) = model {
        model.stop().await;
    }
    let (end, _) = played?;
    recorder.ours(Body::End(end.clone())).await?;
    tale.end = end;
    Ok(())
}

async fn close(session: Box<dyn Session>) -> Vec<String> {
    const PATIENCE: Duration = Duration::from_secs(30);
    tokio::time::timeout(PATIENCE, session.close())
        .await
        .unwrap_or_else(|_| vec!["the agent did not end when it was closed; its processes were ended".to_owned()])
}

fn seat(job: &Job, spec: &Arc<TrialSpec>, ground: &Ground) -> Seat {
    let (home, tmp, workspace) = (ground.place.home(), ground.place.tmp(), ground.place.work());
    let mut env = base_env(&home, &tmp, spec.seed, &ground.marker);
    env.extend(spec.task.workspace.env.clone());
    env.extend(spec.agent.secrets.iter().filter_map(|name| Some((name.clone(), secrets::given(name).ok()?))));
    let jail = match &ground.walls {
        Walls::None => Jail::None,
        Walls::Bwrap { hide, network } => Jail::Bwrap {
            writable: vec![workspace.clone(), home.clone(), tmp.clone()],
            binds: Vec::new(),
            readonly_binds: Vec::new(),
            // Hidden files stand there while checks run.
            hide: hide.iter().cloned().chain([ground.place.checks()]).collect(),
            network: *network,
        },
    };
    Seat {
        key: spec.key.clone(),
        spec: Arc::clone(&spec.agent),
        workspace,
        home,
        tmp,
        native: ground.native(),
        env,
        jail,
        limits: spec.task.limits.clone(),
        seed: spec.seed,
        cancel: job.cancel.clone(),
        redactor: Arc::clone(&ground.redactor),
        model_at: None,
    }
}

fn used(events: &[Event]) -> Usage {
    let mut sum = Usage::default();
    for event in events.iter().filter(|event| !event.superseded) {
        if let Body::Usage(usage) = &event.body {
            sum.add(usage);
        }
    }
    sum
}

fn stopped() -> End {
    End { kind: EndKind::Cancelled, why: "stopped by us".to_owned() }
}

fn header(spec: &TrialSpec, driver: &Driver, started: &str) -> Header {
    let tells = Tells { times: true, snapshots: true, ..(driver.tells)(&spec.agent) };
    Header {
        trace: VERSION,
        task: Some(spec.key.task_word()),
        agent: spec.agent.name.clone(),
        version: None,
        model: spec.agent.model.clone(),
        source: driver.name.to_owned(),
        session: None,
        clock: Clock::Receipt,
        tells,
        cwd: Some("$WORKSPACE".to_owned()),
        started: Some(started.to_owned()),
        language: spec.task.interview.language.clone(),
    }
}

fn folders(ground: &Ground) -> Vec<Named> {
    let named = |path: PathBuf, word| Named { folder: path.to_string_lossy().into_owned(), word };
    vec![
        named(ground.place.work(), "$WORKSPACE"),
        named(ground.place.home(), "$HOME"),
        named(ground.place.tmp(), "$TMPDIR"),
        named(ground.place.root().to_owned(), "$PLACE"),
    ]
}

async fn keep_trace(header: Header, events: Vec<Event>, named: Vec<Named>, path: PathBuf) -> Result<String, Fault> {
    on_blocking(move || {
        let trace: Trace = seal(header, events, &named)
            .map_err(|error| Fault::new(Boundary::Store, "format", format!("the trace cannot be sealed: {error}")))?;
        write_trace(&path, &trace)
    })
    .await
}

fn make_folder(folder: &std::path::Path) -> Result<(), Fault> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Fault::new(Boundary::Store, "io", format!("cannot create {}: {error}", folder.display())))
}

fn no_driver(name: &str) -> Fault {
    Fault::new(Boundary::Agent, "driver", format!("the driver `{name}` is not in this version"))
        .hint("`evalrun list agents` says which are")
}
