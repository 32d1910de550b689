//! One interview, played: the pure machine decides, the session speaks, the ground is looked at when a stage ends.

use super::{
    ground::Ground,
    progress::{Progress, Watcher},
    recorder::Recorder,
    turn::{Answers, Rules, TurnOutcome, is_agents, turn},
};
use crate::agents::Session;
use crate::interview::{Script, State, finding, reached, step};
use crate::model::{
    fault::{Boundary, Fault},
    interview::{Finding, Input, Move},
    results::StageResult,
    run::{Boxed, TrialSpec},
    task::Check,
    trace::{Body, End, EndKind, LimitMark, StageMark, StageState, Text, UserMessage},
};
use std::sync::Arc;

/// The snapshot of a workspace that an agent left in the middle of a stage.
const LEFT: &str = "left";

pub struct Conversation<'a> {
    pub spec: Arc<TrialSpec>,
    pub session: &'a mut dyn Session,
    pub recorder: &'a mut Recorder,
    pub ground: &'a mut Ground,
    pub rules: Rules<'a>,
    pub watcher: &'a Watcher,
}

impl Conversation<'_> {
    /// Plays the interview to its end. Says how it ended and how far it came.
    ///
    /// # Errors
    /// When something of ours breaks: then the trial is broken, whatever the agent did.
    pub async fn play(&mut self) -> Result<(End, Vec<StageResult>), Fault> {
        let interview = &self.spec.task.interview;
        let script = if self.spec.key.twin { Script::twin(interview) } else { Script::new(interview) };
        let mut chair = Chair { script, state: State::default() };
        let mut next = chair.feed(self.recorder, &Input::Opened).await?;
        let end = loop {
            if self.rules.cancel.is_cancelled() {
                // A check that was stopped tells nothing, so not even a trial that was about to end is done.
                break stopped();
            }
            next = match next {
                Move::Say(text) => match self.exchange(&mut chair, text).await? {
                    Said::Goes(input) => chair.feed(self.recorder, &input).await?,
                    Said::Over(end) => break end,
                },
                Move::EndStage { stage } => {
                    let findings = self.end_stage(&stage).await?;
                    chair.feed(self.recorder, &Input::Checked(findings)).await?
                }
                Move::Match { .. } => chair.no_model(self.recorder).await?,
                Move::Stop => break End { kind: EndKind::Done, why: String::new() },
                Move::Reply(_) | Move::Wait => return Err(out_of_step("an answer where nobody asked")),
            };
        };
        if end.kind != EndKind::Done {
            let mark = self.ground.snapshot(LEFT).await?;
            self.recorder.ours(Body::Snapshot(mark)).await?;
        }
        let stages = reached(&chair.script, &chair.state, end.kind);
        Ok((end, stages))
    }

    async fn exchange(&mut self, chair: &mut Chair, text: String) -> Result<Said, Fault> {
        if let Some(most) = self.rules.limits.turns.filter(|most| self.recorder.turns() >= *most) {
            let mark = LimitMark { limit: "turns".to_owned(), why: format!("{most} turns were used") };
            self.recorder.ours(Body::Limit(mark.clone())).await?;
            return Ok(Said::Over(limit_end(&mark)));
        }
        self.recorder.ours(Body::UserMessage(UserMessage { text: Text::cut(&text), images: 0 })).await?;
        self.watcher.tell(Progress::Stage(self.spec.key.clone(), self.recorder.stage().to_owned()));
        Ok(match turn((self.session, &text), self.recorder, chair, &self.rules).await? {
            TurnOutcome::Ended => {
                let (message, called_tools) = self.recorder.turn_so_far();
                Said::Goes(Input::TurnEnded { message, called_tools })
            }
            TurnOutcome::Limit(mark) => Said::Over(limit_end(&mark)),
            TurnOutcome::Gone(fault) if !is_agents(&fault) => return Err(fault),
            TurnOutcome::Gone(fault) => Said::Over(gone_end(&fault)),
            TurnOutcome::Cancelled => Said::Over(stopped()),
        })
    }

    /// Snapshot, the checks that are due, the mark that the stage has ended.
    async fn end_stage(&mut self, stage: &str) -> Result<Vec<Finding>, Fault> {
        let ended = StageMark { id: stage.to_owned(), state: StageState::Ended, why: String::new() };
        self.recorder.ours(Body::Stage(ended)).await?;
        let mark = self.ground.snapshot(stage).await?;
        self.recorder.ours(Body::Snapshot(mark)).await?;
        let spec = Arc::clone(&self.spec);
        let mut findings = Vec::new();
        for check in due(&spec, stage) {
            let mark = self.ground.check(check, stage).await;
            findings.push(finding(&mark));
            self.recorder.ours(Body::Check(mark)).await?;
        }
        Ok(findings)
    }
}

enum Said {
    Goes(Input),
    Over(End),
}

/// The interviewer's chair: the machine and its state.
struct Chair {
    script: Script,
    state: State,
}

impl Chair {
    /// Takes in what happened; every decision and every change of stage is an event.
    async fn feed(&mut self, recorder: &mut Recorder, input: &Input) -> Result<Move, Fault> {
        let stood = self.state.stage().map(str::to_owned);
        let skipped_before = self.state.skipped().count();
        let taken = step(&self.script, std::mem::take(&mut self.state), input);
        self.state = taken.state;
        let skipped: Vec<(String, String)> =
            self.state.skipped().skip(skipped_before).map(|(id, why)| (id.to_owned(), why.to_owned())).collect();
        for (id, why) in skipped {
            recorder.ours(Body::Stage(StageMark { id, state: StageState::Skipped, why })).await?;
        }
        if let Some(stage) = self.state.stage().filter(|stage| stood.as_deref() != Some(*stage)) {
            recorder.enter_stage(stage);
            let mark = StageMark { id: stage.to_owned(), state: StageState::Entered, why: String::new() };
            recorder.ours(Body::Stage(mark)).await?;
        }
        for decision in taken.decisions {
            recorder.ours(Body::Interviewer(decision)).await?;
        }
        Ok(taken.next)
    }

    /// This version has no model to match questions with.
    async fn no_model(&mut self, recorder: &mut Recorder) -> Result<Move, Fault> {
        self.feed(recorder, &Input::Matched(Err("matching models are not in this version".to_owned()))).await
    }
}

impl Answers for Chair {
    fn answer<'a>(
        &'a mut self,
        recorder: &'a mut Recorder,
        text: &'a str,
        options: &'a [String],
    ) -> Boxed<'a, Result<Option<String>, Fault>> {
        Box::pin(async move {
            let asked = Input::Asked { text: text.to_owned(), options: options.to_vec() };
            let mut next = self.feed(recorder, &asked).await?;
            while let Move::Match { .. } = next {
                next = self.no_model(recorder).await?;
            }
            match next {
                Move::Reply(text) => Ok(Some(text)),
                Move::Stop => Ok(None),
                Move::Wait | Move::Say(_) | Move::EndStage { .. } | Move::Match { .. } => {
                    Err(out_of_step("no answer to a question"))
                }
            }
        })
    }
}

/// The checks of a stage, and those of the constraints in force, each once, in file order. A stage that expects nothing inherits
/// what the last one before it expected; a superseded check is not run.
fn due<'t>(spec: &'t TrialSpec, stage: &str) -> Vec<&'t Check> {
    let task = &spec.task;
    let at = task.stage_index(stage).unwrap_or(0);
    let expecting = task.interview.stages[..=at].iter().rev().find(|stage| !stage.expect.is_empty());
    let expected = |name: &String| expecting.is_some_and(|stage| stage.expect.contains(name));
    let in_force = |name: &String| {
        let mut constraints = task.interview.constraints.iter();
        constraints.any(|c| c.check == *name && task.stage_index(&c.from).is_some_and(|from| from <= at))
    };
    let superseded =
        |check: &Check| check.until.as_deref().and_then(|until| task.stage_index(until)).is_some_and(|from| from <= at);
    task.checks.iter().filter(|check| !superseded(check) && (expected(&check.name) || in_force(&check.name))).collect()
}

fn limit_end(mark: &LimitMark) -> End {
    End { kind: EndKind::Limit, why: format!("{}: {}", mark.limit, mark.why) }
}

fn stopped() -> End {
    End { kind: EndKind::Cancelled, why: "stopped by us".to_owned() }
}

fn gone_end(fault: &Fault) -> End {
    End { kind: EndKind::AgentGone, why: fault.message.clone() }
}

fn out_of_step(what: &str) -> Fault {
    Fault::new(
        Boundary::Interviewer,
        "out_of_step",
        format!("the interviewer gave {what}; this is a mistake in evalrun"),
    )
}
