//! Progress on stderr: bars on a terminal, plain lines elsewhere.

use crate::model::{id::TrialKey, trace::EndKind};
use crate::runner::progress::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{collections::HashMap, io::IsTerminal, time::Duration};
use tokio::sync::mpsc::UnboundedReceiver;

/// Draws what it is told until the run is over.
pub async fn watch(mut from: UnboundedReceiver<Progress>, trials: u64) {
    let mut screen = if std::io::stderr().is_terminal() { Screen::Bars(Bars::new(trials)) } else { Screen::Lines };
    while let Some(progress) = from.recv().await {
        match &mut screen {
            Screen::Bars(bars) => bars.take(progress),
            Screen::Lines => line(&progress),
        }
    }
    if let Screen::Bars(bars) = screen {
        bars.clear();
    }
}

enum Screen {
    Bars(Bars),
    Lines,
}

#[allow(clippy::print_stderr)]
fn line(progress: &Progress) {
    match progress {
        Progress::TrialEnded(key, end) => eprintln!("{key}: {}", end_word(*end)),
        Progress::Note(text) => eprintln!("{text}"),
        Progress::More(_)
        | Progress::TrialStarted(_)
        | Progress::Stage(..)
        | Progress::Act(..)
        | Progress::Graded(_) => {}
    }
}

/// How a trial ended, for people.
pub fn end_word(end: EndKind) -> &'static str {
    match end {
        EndKind::Done => "done",
        EndKind::Limit => "ended at a limit",
        EndKind::AgentGone => "the agent left",
        EndKind::Cancelled => "stopped",
        EndKind::Broken => "broken, not counted",
        EndKind::Recorded => "recorded",
    }
}

struct Bars {
    all: MultiProgress,
    run: ProgressBar,
    trials: HashMap<TrialKey, (ProgressBar, String)>,
}

impl Bars {
    fn new(trials: u64) -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let run = all.add(ProgressBar::new(trials));
        run.set_style(style("{bar:30} {pos}/{len} trials  {elapsed_precise}"));
        run.enable_steady_tick(Duration::from_millis(500));
        Bars { all, run, trials: HashMap::new() }
    }

    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::TrialStarted(key) => {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_style(style("  {spinner} {elapsed:>4} {wide_msg}"));
                bar.enable_steady_tick(Duration::from_millis(250));
                bar.set_message(key.to_string());
                self.trials.insert(key, (bar, String::new()));
            }
            Progress::Stage(key, stage) => {
                if let Some((bar, at)) = self.trials.get_mut(&key) {
                    bar.set_message(format!("{key}  {stage}"));
                    *at = stage;
                }
            }
            Progress::Act(key, act) => {
                if let Some((bar, at)) = self.trials.get(&key) {
                    bar.set_message(format!("{key}  {at}  {act}"));
                }
            }
            Progress::TrialEnded(key, _) => {
                if let Some((bar, _)) = self.trials.remove(&key) {
                    bar.finish_and_clear();
                }
                self.run.inc(1);
            }
            Progress::More(trials) => self.run.inc_length(trials),
            Progress::Graded(_) => {}
            Progress::Note(text) => self.run.suspend(|| line(&Progress::Note(text.clone()))),
        }
    }

    fn clear(self) {
        self.run.finish_and_clear();
        // A terminal that went away is no reason to fail.
        let _ = self.all.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
