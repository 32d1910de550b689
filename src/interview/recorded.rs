//! The inputs of an interview, read back from its trace.
//!
//! An interviewer is held to account by doing it again: `replay(&script, &inputs(&trace))` must say what the trace says was said. What a model selected is
//! taken from the decisions (it is the one input that left no other event), everything else from what the agent did and what the checks found.

use crate::model::{
    interview::{By, Decided, Decision, Finding, Input},
    trace::{Body, CheckMark, CheckStatus, EndKind, StageState, Trace},
};

/// How a decision says that the model could not match; the reason follows.
pub(super) const NO_MATCH: &str = " (no match: ";

/// What happened, in the order the interviewer learned it.
pub fn inputs(trace: &Trace) -> Vec<Input> {
    let mut reader = Reader { found: vec![Input::Opened], ..Reader::default() };
    let own = |event: &&crate::model::trace::Event| !event.superseded && event.lane.is_empty();
    trace.events.iter().filter(own).for_each(|event| reader.read(&event.body));
    reader.found
}

#[derive(Default)]
struct Reader {
    found: Vec<Input>,
    message: String,
    called_tools: bool,
    /// The findings of a stage that has ended, until its successor is decided on.
    checks: Option<Vec<Finding>>,
}

impl Reader {
    fn read(&mut self, body: &Body) {
        match body {
            Body::AgentMessage(message) => self.message = message.text.as_str().to_owned(),
            Body::ToolCall(_) => self.called_tools = true,
            Body::Question(question) => {
                let text = question.text.as_str().to_owned();
                self.found.push(Input::Asked { text, options: question.options.clone() });
            }
            Body::TurnEnd(_) => {
                let message = std::mem::take(&mut self.message);
                let called_tools = std::mem::take(&mut self.called_tools);
                self.found.push(Input::TurnEnded { message, called_tools });
            }
            Body::Stage(mark) if mark.state == StageState::Ended => self.checks = Some(Vec::new()),
            Body::Check(mark) => self.checks.iter_mut().for_each(|checks| checks.push(finding(mark))),
            Body::Interviewer(decision) => self.decided(decision),
            Body::End(end) if end.kind == EndKind::Done => self.checks_are_in(),
            Body::UserMessage(_)
            | Body::Reasoning(_)
            | Body::Plan(_)
            | Body::ToolResult(_)
            | Body::FileChange(_)
            | Body::Permission(_)
            | Body::Stage(_)
            | Body::Snapshot(_)
            | Body::Compaction(_)
            | Body::SubAgent(_)
            | Body::Usage(_)
            | Body::Limit(_)
            | Body::Error(_)
            | Body::End(_)
            | Body::Unknown(_) => {}
        }
    }

    fn decided(&mut self, decision: &Decision) {
        match decision.decision {
            Decided::Brief | Decided::SkipStage | Decided::Stop => self.checks_are_in(),
            Decided::Tell
            | Decided::Otherwise
            | Decided::GoAhead
            | Decided::DeclineOffer
            | Decided::Enough
            | Decided::Remind
            | Decided::EndStage => {}
        }
        if decision.by == By::Model {
            let reason = decision
                .why
                .split_once(NO_MATCH)
                .map(|(_, reason)| reason.strip_suffix(')').unwrap_or(reason).to_owned());
            self.found.push(Input::Matched(reason.map_or_else(|| Ok(decision.facts.clone()), Err)));
        }
    }

    fn checks_are_in(&mut self) {
        if let Some(checks) = self.checks.take() {
            self.found.push(Input::Checked(checks));
        }
    }
}

/// What a check's event means to the interviewer: one that hung or broke says nothing.
pub fn finding(mark: &CheckMark) -> Finding {
    let holds = match mark.status {
        CheckStatus::Passed => Ok(true),
        CheckStatus::Failed => Ok(false),
        CheckStatus::Skipped | CheckStatus::Broken | CheckStatus::Timeout => Err(mark.why.clone()),
    };
    Finding { check: mark.name.clone(), holds }
}
