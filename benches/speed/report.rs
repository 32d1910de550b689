//! The report of a large run: CPU and peak memory of `evalrun report` as a process of its own, then by stage.

use super::{children, own, peak};
use evalrun::{
    compare::{Panel, compare},
    model::fault::{Boundary, Fault},
    reporters::{
        Fill, Once, Outbox, REPORTERS, Report, RunFacts,
        terminal::{Colour, terminal},
    },
    runner::{Ended, FolderTrials, assemble},
    store::{Layout, planned},
};
use nix::sys::resource::{UsageWho, getrusage};
use std::{hint::black_box, io, path::Path, process::Command};

pub fn whole(run: &Path) {
    let began = children();
    let done = Command::new(env!("CARGO_BIN_EXE_evalrun")).arg("report").arg(run).output().expect("evalrun starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let seconds = children() - began;
    // The most of any child so far: none before it is as large.
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() as f64 * 1024.0 / 1e6;
    let bytes = std::fs::metadata(run.join("report.html")).unwrap().len() as f64 / 1e6;
    println!(
        "report over 1,000,000 scores: {seconds:.1} s CPU (goal: 5), {peak:.0} MB (goal: 1,000), report.html {bytes:.1} MB (goal: 3)"
    );
    let stages = Command::new(std::env::current_exe().unwrap()).arg("stages").arg(run).output().unwrap();
    print!("{}", String::from_utf8_lossy(&stages.stdout));
}

/// In a process of its own, so that the peak is that of the stages before it and of nothing else.
pub fn stages(run: &Path) {
    let (layout, mut clock) = (Layout::at(run), Clock { before: own() });
    let record = planned(&layout).unwrap();
    let results = assemble(&layout, &record, &Ended::default()).unwrap();
    clock.said("read and assemble", 0);
    let runs = std::slice::from_ref(&results);
    let panel = Panel::of(runs, &[]).unwrap();
    clock.said("lay out for comparing", 0);
    black_box(compare(panel, runs));
    clock.said("compare", 0);
    let trials = FolderTrials::new(&layout, &record);
    let report = Report {
        results: &results,
        suite: Some(&record.suite),
        trials: &trials,
        facts: RunFacts::default(),
        once: Once::default(),
    };
    for reporter in REPORTERS {
        let mut counted = Counted(0);
        (reporter.render)(&report, &mut counted).unwrap();
        clock.said(reporter.name, counted.0);
    }
    black_box(terminal(&report, 100, Colour::No));
    clock.said("terminal", 0);
}

struct Clock {
    before: f64,
}

impl Clock {
    fn said(&mut self, stage: &str, bytes: u64) {
        let now = own();
        let written = if bytes > 0 { format!(", {:.1} MB", bytes as f64 / 1e6) } else { String::new() };
        println!("  {stage:<22} {:.2} s, peak {:.0} MB{written}", now - self.before, peak() as f64 / 1e6);
        self.before = now;
    }
}

/// Counts, and keeps nothing.
struct Counted(u64);

impl Outbox for Counted {
    fn file(&mut self, _path: &str, fill: Fill<'_>) -> Result<(), Fault> {
        fill(self).map_err(|error| Fault::new(Boundary::Store, "io", error.to_string()))
    }
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
