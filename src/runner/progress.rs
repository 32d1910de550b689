//! What a watcher is told while a run goes on. One stream feeds the bars, the plain lines and the tests.

use crate::model::{id::TrialKey, trace::EndKind};
use tokio::sync::mpsc::UnboundedSender;

#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    TrialStarted(TrialKey),
    Stage(TrialKey, String),
    /// The agent's last act, in a few words.
    Act(TrialKey, String),
    TrialEnded(TrialKey, EndKind),
    Graded(TrialKey),
    /// So many trials more than were planned at first.
    More(u64),
    /// Something a watcher should know at once.
    Note(String),
}

/// Tells a watcher, if there is one.
#[derive(Clone, Default)]
pub struct Watcher {
    to: Option<UnboundedSender<Progress>>,
}

impl Watcher {
    pub fn to(sender: UnboundedSender<Progress>) -> Watcher {
        Watcher { to: Some(sender) }
    }

    pub fn tell(&self, progress: Progress) {
        if let Some(to) = &self.to {
            // A watcher that left is no reason to stop.
            let _ = to.send(progress);
        }
    }
}
