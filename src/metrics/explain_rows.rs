//! The events of a class as rows: what each was, and every reason that might keep it from counting.
//!
//! A row says all that could be held against it; a metric's entry in `explain_table` says which of it matters to that metric.

use super::{
    claims, efficiency,
    facts::{ActDone, At, CheckRun, Edit, EditBy, Facts},
    guardrails::{Fate, violations},
    paths::{self, Class as Kind},
    planning::steps_said,
    results::Verdict,
    test_config::is_config,
};
use crate::model::{
    act::Act,
    ask::AskKind,
    id::EventId,
    interview::Decided,
    trace::{Body, CheckStatus, Event, Plan, ResultStatus, StepStatus},
};
use std::collections::BTreeSet;

/// A class of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Changes of files, those that did not take hold too.
    Edits,
    /// Tests, builds, lints, and programs that were run.
    Checks,
    /// Searches and listings.
    Searches,
    Reads,
    /// Looks at the own change, and listings.
    Reviews,
    Messages,
    Questions,
    Plans,
    Calls,
    /// Tool calls as they came together.
    Batches,
    Users,
    Decisions,
    /// What the suite's checks found.
    Marks,
    Violations,
    Usages,
    Compactions,
    Delegations,
}

/// What may keep an event from counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    Denied,
    NotApplied,
    NotCode,
    Elsewhere,
    OnlySeen,
    Moved,
    Made,
    MadeTest,
    NotTests,
    NotCheck,
    NotTest,
    Hidden,
    IsGreen,
    NotBeforeEdit,
    NotAfterEdit,
    NotBeforeCode,
    NotAfterCode,
    NotAfterLast,
    IsList,
    Native,
    Several,
    NoPath,
    EndsTurn,
    GoesOn,
    FewSteps,
    FirstPlan,
    Unchanged,
    AllDone,
    Rhetoric,
    NotQuestion,
    Unanswerable,
    NotTell,
    SubAgent,
    NoTime,
    NoStatus,
    Trivial,
    BeforeStart,
    Undecided,
    Blocked,
    Fell,
    Permitted,
    Executed,
}

/// One event as a member of a class.
pub struct Row {
    pub event: EventId,
    pub what: String,
    /// Why no metric looks at it at all.
    pub out: Option<&'static str>,
    pub bars: Vec<(Bar, String)>,
}

/// The facts with the moments that reasons refer to.
pub struct Scene<'f, 'a> {
    facts: &'f Facts<'a>,
    first: Option<At>,
    first_code: Option<At>,
    last_code: Option<At>,
    /// The last code edit, or the last edit where no code was edited.
    last: Option<At>,
    made: BTreeSet<&'f str>,
}

impl<'f, 'a> Scene<'f, 'a> {
    pub fn of(facts: &'f Facts<'a>) -> Scene<'f, 'a> {
        let last_code = facts.last_code_edit().map(|edit| edit.at);
        Scene {
            facts,
            first: facts.first_edit().map(|edit| edit.at),
            first_code: facts.code_edits().next().map(|edit| edit.at),
            last_code,
            last: last_code.or_else(|| facts.applied().next_back().map(|edit| edit.at)),
            made: facts.made(),
        }
    }

    /// What the moment of a thing holds against it.
    fn when(&self, at: At) -> Vec<(Bar, String)> {
        let row = |holds: bool, bar: Bar, words: &str, edit: At| holds.then(|| (bar, format!("{words} ({})", edit.0)));
        let rows = [
            self.first.and_then(|edit| row(at >= edit, Bar::NotBeforeEdit, "not before the first edit", edit)),
            self.first.and_then(|edit| row(at <= edit, Bar::NotAfterEdit, "not after the first edit", edit)),
            self.first_code
                .and_then(|edit| row(at >= edit, Bar::NotBeforeCode, "not before the first code edit", edit)),
            self.last_code.and_then(|edit| row(at <= edit, Bar::NotAfterCode, "not after the last code edit", edit)),
            self.last.and_then(|edit| row(at <= edit, Bar::NotAfterLast, "not after the last edit", edit)),
        ];
        rows.into_iter().flatten().collect()
    }

    /// A row of an edit: the moments are told by edits, so none is held against one.
    fn edit(&self, at: At, what: String, bars: Vec<Option<(Bar, &str)>>) -> Row {
        let own = bars.into_iter().flatten().map(|(bar, why)| (bar, why.to_owned()));
        Row { event: at.0, what, out: None, bars: own.collect() }
    }

    fn row(&self, at: At, what: String, bars: Vec<Option<(Bar, &str)>>) -> Row {
        let mut row = self.edit(at, what, bars);
        row.bars.extend(self.when(at));
        row
    }

    fn acts(&self, kinds: &'static [Act]) -> impl Iterator<Item = &'f ActDone> {
        self.facts.acts.iter().filter(move |act| kinds.contains(&act.deed.act))
    }
}

pub fn rows(class: Class, scene: &Scene<'_, '_>) -> Vec<Row> {
    match class {
        Class::Edits => edits(scene),
        Class::Checks => {
            scene.acts(&[Act::Test, Act::Build, Act::Lint, Act::Run]).map(|act| check(scene, act)).collect()
        }
        Class::Searches => scene.acts(&[Act::Search, Act::List]).map(|act| search(scene, act)).collect(),
        Class::Reads => scene.acts(&[Act::Read]).map(|act| read(scene, act)).collect(),
        Class::Reviews => scene.acts(&[Act::Vcs, Act::List]).map(|act| review(scene, act)).collect(),
        Class::Messages => messages(scene),
        Class::Questions => questions(scene),
        Class::Plans => plans(scene),
        Class::Calls => calls(scene),
        Class::Batches => batches(scene),
        Class::Users => plain(scene, |body| matches!(body, Body::UserMessage(_))),
        Class::Usages => plain(scene, |body| matches!(body, Body::Usage(_))),
        Class::Delegations => plain(scene, |body| matches!(body, Body::SubAgent(_))),
        Class::Compactions => compactions(scene),
        Class::Decisions => decisions(scene),
        Class::Marks => marks(scene),
        Class::Violations => forbidden(scene),
    }
}

fn when(holds: bool, bar: Bar, why: &str) -> Option<(Bar, &str)> {
    holds.then_some((bar, why))
}

fn many(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn edits(scene: &Scene<'_, '_>) -> Vec<Row> {
    let facts = scene.facts;
    let known: BTreeSet<At> = facts.edits.iter().map(|edit| edit.at).collect();
    let elsewhere = scene.acts(&[Act::Edit]).filter(|act| !known.contains(&act.at)).map(|act| {
        let scratch = act.deed.sub.as_deref() == Some("scratch");
        let why = if scratch { "a scratch file" } else { "a file outside the workspace" };
        let path = act.writes.first().map_or("", String::as_str);
        scene.edit(act.at, format!("edit {path}, {why}"), vec![Some((Bar::Elsewhere, why))])
    });
    facts.edits.iter().map(|edit| edit_row(scene, edit)).chain(elsewhere).collect()
}

fn edit_row(scene: &Scene<'_, '_>, edit: &Edit) -> Row {
    let kind = match edit.class {
        Kind::Code => "code",
        Kind::Prose => "prose",
        Kind::Data => "data",
        Kind::Other => "a folder or a file put in order",
    };
    let call = scene.facts.calls.binary_search_by_key(&edit.at.0, |call| call.event);
    let denied = call.is_ok_and(|at| !scene.facts.calls[at].ran());
    let path = if edit.path.is_empty() { "(a path that is not told)" } else { &edit.path };
    let state = if edit.applied { "applied" } else { "not applied" };
    let by = match edit.by {
        EditBy::Act => "",
        EditBy::Report => ", as the agent reported",
        EditBy::Snapshot => ", as the snapshot shows",
    };
    let made = scene.made.contains(edit.path.as_str());
    let tests = edit.is_test || is_config(&edit.path);
    let no_code = format!("an edit of {kind}");
    let bars = vec![
        when(denied, Bar::Denied, "denied"),
        when(!edit.applied && !denied, Bar::NotApplied, "it did not apply"),
        when(edit.class != Kind::Code, Bar::NotCode, &no_code),
        when(edit.moved, Bar::Moved, "it moves, makes or removes and leaves the content as it was"),
        when(edit.by == EditBy::Snapshot, Bar::OnlySeen, "no call tells it, only the snapshot shows it"),
        when(made, Bar::Made, "a file that the agent made"),
        when(made && edit.is_test, Bar::MadeTest, "a test file that the agent made"),
        when(!tests, Bar::NotTests, "neither a test file nor a build file"),
    ];
    scene.edit(edit.at, format!("edit {path}, {kind}, {state}{by}"), bars)
}

fn check(scene: &Scene<'_, '_>, act: &ActDone) -> Row {
    let (facts, word) = (scene.facts, act.deed.act.word());
    let call = facts.call_of(act);
    let ran: Option<&CheckRun> =
        facts.checks.binary_search_by_key(&act.at, |check| check.at).ok().map(|at| &facts.checks[at]);
    let hidden = match ran.map(|check| &check.verdict) {
        Some(Verdict::Hidden(why)) => format!("a check, but {why}"),
        Some(Verdict::Green | Verdict::Red) | None => String::new(),
    };
    let outcome = match ran.map(|check| &check.verdict) {
        Some(Verdict::Green) => ", green",
        Some(Verdict::Red) => ", red",
        Some(Verdict::Hidden(_)) => ", outcome hidden",
        None => "",
    };
    let of_line = if call.acts.len() > 1 { "its line's " } else { "" };
    let exit = call.exit.map_or(String::new(), |exit| format!(", {of_line}exit {exit}"));
    let no_test = format!("a {word}, no test");
    let bars = vec![
        when(!act.deed.act.is_check(), Bar::NotCheck, "a program was run: no test, build or lint"),
        when(!call.ran(), Bar::Denied, "denied: it never ran"),
        when(act.deed.act != Act::Test, Bar::NotTest, &no_test),
        when(!hidden.is_empty(), Bar::Hidden, &hidden),
        when(ran.is_some_and(|check| check.verdict == Verdict::Green), Bar::IsGreen, "it was green"),
    ];
    scene.row(act.at, format!("{word}{outcome}{exit}"), bars)
}

fn search(scene: &Scene<'_, '_>, act: &ActDone) -> Row {
    let call = scene.facts.call_of(act);
    let bars = vec![
        when(act.deed.act == Act::List, Bar::IsList, "a listing, no search"),
        when(!call.ran(), Bar::Denied, "denied"),
        when(act.deed.command.is_empty(), Bar::Native, "by a tool of the agent's own, not from a shell"),
        when(call.acts.len() > 1, Bar::Several, "one of several acts of its call"),
    ];
    scene.row(act.at, format!("{} by {}", act.deed.act.word(), act.deed.program), bars)
}

fn read(scene: &Scene<'_, '_>, act: &ActDone) -> Row {
    let outside = !act.reads.is_empty() && act.reads.iter().all(|path| paths::outside(path));
    let lines = act.deed.lines.map(|(from, to)| format!(", lines {from} to {to}")).unwrap_or_default();
    let bars = vec![
        when(act.reads.is_empty(), Bar::NoPath, "it names no file"),
        when(outside, Bar::Elsewhere, "outside the workspace"),
        when(act.reads.len() > 1, Bar::Several, "it reads several files at once"),
    ];
    scene.row(act.at, format!("read {}{lines}", act.reads.join(", ")), bars)
}

fn review(scene: &Scene<'_, '_>, act: &ActDone) -> Row {
    let sub = act.deed.sub.as_deref().map(|sub| format!(", {sub}")).unwrap_or_default();
    scene.row(act.at, format!("{}{sub}", act.deed.act.word()), Vec::new())
}

fn messages(scene: &Scene<'_, '_>) -> Vec<Row> {
    let hand_overs: BTreeSet<EventId> = claims::hand_overs(scene.facts).map(|said| said.event).collect();
    let own = scene.facts.messages.iter().map(|said| {
        let ends = hand_overs.contains(&said.event);
        let follows =
            if said.ends_turn { "another message follows in its turn" } else { "a tool call follows it in its turn" };
        let bars = vec![
            when(said.ends_turn, Bar::EndsTurn, "it ends its turn: no tool call follows"),
            when(!ends, Bar::GoesOn, follows),
            when(steps_said(said.text).len() < 2, Bar::FewSteps, "it enumerates fewer than two steps"),
        ];
        let state = if ends { "it ends its turn" } else { follows };
        let words = said.text.split_whitespace().count();
        scene.row(At(said.event, 0), format!("message of {}, {state}", many(words, "word")), bars)
    });
    let said = |body: &Body| matches!(body, Body::AgentMessage(_));
    own.chain(of_sub_agents(scene, said, "a sub-agent's message")).collect()
}

/// Only the root agent's words and plans count.
fn of_sub_agents(scene: &Scene<'_, '_>, is: fn(&Body) -> bool, why: &'static str) -> Vec<Row> {
    let live = scene.facts.trace.events.iter().filter(|event| !event.superseded && !event.lane.is_empty());
    let row = |event: &Event| Row { event: event.id, what: why.to_owned(), out: Some(why), bars: Vec::new() };
    live.filter(|event| is(&event.body)).map(row).collect()
}

fn questions(scene: &Scene<'_, '_>) -> Vec<Row> {
    let row = |asked: &super::facts::Asked| {
        let (word, other) = match asked.kind {
            AskKind::Question => ("question", ""),
            AskKind::GoAhead => ("go-ahead", "it only asks for leave to go on"),
            AskKind::Offer => ("offer", "it offers further work"),
            AskKind::Rhetoric => ("rhetoric", "it waits for no answer"),
        };
        let bars = vec![
            when(asked.kind == AskKind::Rhetoric, Bar::Rhetoric, other),
            when(matches!(asked.kind, AskKind::GoAhead | AskKind::Offer), Bar::NotQuestion, other),
            when(!asked.answerable, Bar::Unanswerable, "its message does not end a turn: nobody could answer"),
        ];
        scene.row(At(asked.event, 0), format!("{word}: {}", asked.text), bars)
    };
    scene.facts.questions.iter().map(row).collect()
}

fn plans(scene: &Scene<'_, '_>) -> Vec<Row> {
    let row = |(nth, (event, plan)): (usize, &(EventId, &Plan))| {
        let count = |status: StepStatus| plan.steps.iter().filter(|step| step.status == status).count();
        let (done, active) = (count(StepStatus::Completed), count(StepStatus::InProgress));
        let same = nth > 0 && scene.facts.plans[nth - 1].1.steps == plan.steps;
        let bars = vec![
            when(nth == 0, Bar::FirstPlan, "the first plan is no update"),
            when(same, Bar::Unchanged, "no step changed since the plan before"),
            when(done == plan.steps.len(), Bar::AllDone, "every step of it was completed"),
            when(plan.steps.len() < 2, Bar::FewSteps, "it has fewer than two steps"),
        ];
        let what = format!("plan of {}, {done} completed, {active} in progress", many(plan.steps.len(), "step"));
        scene.row(At(*event, 0), what, bars)
    };
    let own = scene.facts.plans.iter().enumerate().map(row);
    own.chain(of_sub_agents(scene, |body| matches!(body, Body::Plan(_)), "a sub-agent's plan")).collect()
}

fn calls(scene: &Scene<'_, '_>) -> Vec<Row> {
    let row = |call: &super::facts::Call<'_>| {
        let untold = call.status == ResultStatus::Unknown && call.exit.is_none();
        let state = match call.status {
            ResultStatus::Ok => ", ok",
            ResultStatus::Failed => ", failed",
            ResultStatus::Denied => ", denied",
            ResultStatus::Cancelled => ", cancelled",
            ResultStatus::Unknown => "",
        };
        let exit = call.exit.map_or(String::new(), |exit| format!(", exit {exit}"));
        let acts: BTreeSet<&str> = scene.facts.acts[call.acts.clone()].iter().map(|act| act.deed.act.word()).collect();
        let acts = acts.into_iter().collect::<Vec<_>>().join(" and ");
        let bars = vec![
            when(!call.root, Bar::SubAgent, "a sub-agent's call"),
            when(efficiency::running_ms(scene.facts, call).is_none(), Bar::NoTime, "its running time is not told"),
            when(untold, Bar::NoStatus, "whether it failed is not told"),
        ];
        scene.row(At(call.event, 0), format!("call: {acts}{state}{exit}"), bars)
    };
    scene.facts.calls.iter().map(row).collect()
}

/// A batch stands where its message does, or, without one, at its first call.
fn batches(scene: &Scene<'_, '_>) -> Vec<Row> {
    let row = |batch: &super::facts::Batch| {
        let first = batch.calls.first().map(|call| scene.facts.calls[*call].event)?;
        let said = batch.preamble.map(|said| scene.facts.messages[said].event);
        let trivial = super::communication::trivial(scene.facts, batch);
        let words = if said.is_some() { "a message" } else { "no message" };
        let what = format!("batch of {} from {first} on, {words} before it", many(batch.calls.len(), "call"));
        let bars = vec![when(trivial, Bar::Trivial, "a single read, search or listing needs no word before it")];
        Some(scene.row(At(said.unwrap_or(first), 0), what, bars))
    };
    scene.facts.batches.iter().filter_map(row).collect()
}

/// Events that are what their kind says, and no more.
fn plain(scene: &Scene<'_, '_>, is: fn(&Body) -> bool) -> Vec<Row> {
    let live = scene.facts.trace.events.iter().filter(|event| !event.superseded && is(&event.body));
    live.map(|event| scene.row(At(event.id, 0), String::new(), Vec::new())).collect()
}

fn compactions(scene: &Scene<'_, '_>) -> Vec<Row> {
    let is = |body: &Body| matches!(body, Body::Compaction(_));
    let own = scene.facts.compactions.iter().map(|event| scene.row(At(*event, 0), String::new(), Vec::new()));
    own.chain(of_sub_agents(scene, is, "of a sub-agent's context")).collect()
}

fn decisions(scene: &Scene<'_, '_>) -> Vec<Row> {
    let row = |(event, decision): &(EventId, &crate::model::interview::Decision)| {
        let word = match decision.decision {
            Decided::Brief => "briefs",
            Decided::Tell => "tells",
            Decided::Otherwise => "has no opinion",
            Decided::GoAhead => "says to go on",
            Decided::DeclineOffer => "declines an offer",
            Decided::Enough => "has answered enough",
            Decided::Remind => "reminds",
            Decided::EndStage => "ends the stage",
            Decided::SkipStage => "skips a stage",
            Decided::Stop => "stops",
        };
        let what = format!("the interviewer {word} {}", decision.facts.join(", "));
        let bars = vec![when(decision.decision != Decided::Tell, Bar::NotTell, "it tells nothing that was asked for")];
        scene.row(At(*event, 0), what.trim_end().to_owned(), bars)
    };
    scene.facts.decisions.iter().map(row).collect()
}

fn marks(scene: &Scene<'_, '_>) -> Vec<Row> {
    let row = |(event, mark): &(EventId, &crate::model::trace::CheckMark)| {
        let (word, undecided) = match mark.status {
            CheckStatus::Passed => ("passed", ""),
            CheckStatus::Failed => ("failed", ""),
            CheckStatus::Timeout => ("timed out", ""),
            CheckStatus::Skipped => ("skipped", "it was skipped"),
            CheckStatus::Broken => ("broken", "it could not run"),
        };
        let bars = vec![
            when(mark.when == "before", Bar::BeforeStart, "it ran before the agent started"),
            when(!undecided.is_empty(), Bar::Undecided, undecided),
        ];
        scene.row(At(*event, 0), format!("check {}@{}, {word}", mark.name, mark.when), bars)
    };
    scene.facts.marks.iter().map(row).collect()
}

fn forbidden(scene: &Scene<'_, '_>) -> Vec<Row> {
    let rules = scene.facts.task.map(|task| task.guardrails.as_slice()).unwrap_or_default();
    let found = rules.iter().flat_map(|rule| violations(rule, scene.facts)).map(|found| {
        let (word, bar) = match found.fate {
            Fate::Executed => ("it ran", Bar::Executed),
            Fate::Blocked => ("it was denied", Bar::Blocked),
            Fate::Failed => ("it failed before it could do it", Bar::Fell),
            Fate::Asked => ("it was asked about first", Bar::Permitted),
        };
        scene.row(
            At(found.event, 0),
            format!("against `{}`: {}, {word}", found.rule, found.what),
            vec![Some((bar, word))],
        )
    });
    found.collect()
}
