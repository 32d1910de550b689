//! The loop: change an input, run it, keep it where it reached something new.
//!
//! What kills the process (a stack overflow, too much memory, time without end) leaves the input in `<crashes>/current`, written before each run.

use crate::{
    corpus,
    coverage::{self, Seen},
    mutate::{Random, Store, mutate},
    targets::Target,
};
use nix::sys::resource::{UsageWho, getrusage};
use std::{
    fs::{self, File},
    io::{Error, Result},
    os::unix::fs::FileExt,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// CPU seconds after which an input counts as a hang.
pub const SLOWEST: f64 = 5.0;
/// Runs and CPU seconds that a failing input is made smaller for.
const MINIMISE: (u32, f64) = (20_000, 30.0);

static RUNS: AtomicU64 = AtomicU64::new(0);
static PANIC: Mutex<(String, String)> = Mutex::new((String::new(), String::new()));

pub struct Engine {
    target: &'static Target,
    corpus: Vec<Vec<u8>>,
    seen: Seen,
    random: Random,
    current: File,
    /// CPU seconds and the input.
    slowest: (f64, Vec<u8>),
}

impl Engine {
    pub fn new(target: &'static Target, seed: u64) -> Result<Engine> {
        fs::create_dir_all(corpus::crashes(target))?;
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            *PANIC.lock().unwrap_or_else(|broken| broken.into_inner()) = (place, info.to_string());
        }));
        let current = File::create(current(target))?;
        let random = Random(seed.max(1));
        Ok(Engine { target, corpus: Vec::new(), seen: Seen::nothing(), random, current, slowest: (0.0, Vec::new()) })
    }

    /// Runs for as many CPU seconds; `keep` renews the committed inputs. `false`: something failed, and is saved.
    pub fn run(&mut self, seconds: f64, keep: bool) -> Result<bool> {
        watch(self.target);
        let began = cpu();
        let start = corpus::start(self.target);
        println!(
            "{}: {} inputs to start from, {} edges in the program",
            self.target.name,
            start.len(),
            coverage::edges()
        );
        for input in start {
            if !self.step(input)? {
                return Ok(false);
            }
        }
        let mut told = 10.0;
        while cpu() - began < seconds {
            let input = self.next_input();
            if !self.step(input)? {
                return Ok(false);
            }
            if cpu() - began > told {
                self.tell(cpu() - began);
                told *= 2.0;
            }
        }
        self.tell(cpu() - began);
        let (took, input) = &self.slowest;
        println!("{}: slowest input {:.1} ms CPU for {} bytes", self.target.name, took * 1000.0, input.len());
        corpus::save(self.target, &self.corpus)?;
        if keep {
            let fewest = self.fewest();
            println!("{}: {} inputs committed", self.target.name, corpus::keep(self.target, &fewest)?);
        }
        fs::remove_file(current(self.target))?;
        Ok(true)
    }

    fn tell(&self, took: f64) {
        let runs = RUNS.load(Ordering::Relaxed);
        println!(
            "{}: {took:.0} s CPU, {runs} executions, {:.0}/s, edges {}/{} ({:.1} %), corpus {}",
            self.target.name,
            runs as f64 / took,
            self.seen.covered,
            coverage::edges(),
            self.seen.covered as f64 * 100.0 / coverage::edges() as f64,
            self.corpus.len(),
        );
    }

    /// Half of the time one of the newest, and of two the shorter: what was found last leads on, and short inputs run fast.
    fn next_input(&mut self) -> Vec<u8> {
        let all = self.corpus.len();
        let from = if self.random.below(2) == 0 { all - all.min(50) } else { 0 };
        let [one, two, other] = [from, from, 0].map(|from| from + self.random.below(all - from));
        let shorter = if self.corpus[one].len() <= self.corpus[two].len() { one } else { two };
        let store = Store { words: self.target.words, other: &self.corpus[other], most: self.target.most };
        mutate(&self.corpus[shorter], &store, &mut self.random)
    }

    /// Runs one input and keeps it where it is new.
    fn step(&mut self, input: Vec<u8>) -> Result<bool> {
        let began = cpu();
        let failed = self.execute(&input)?;
        let took = cpu() - began;
        if let Some(place) = failed {
            let message = PANIC.lock().unwrap_or_else(|broken| broken.into_inner()).1.clone();
            let small = self.minimise(input, &place)?;
            let path = corpus::crashes(self.target).join(corpus::name(&small));
            fs::write(&path, &small)?;
            fs::remove_file(current(self.target))?;
            corpus::save(self.target, &self.corpus)?;
            println!("{}: {message}\n{} bytes, saved as {}", self.target.name, small.len(), path.display());
            println!("{:?}", String::from_utf8_lossy(&small[..small.len().min(2000)]));
            return Ok(false);
        }
        if self.seen.add() > 0 || self.corpus.is_empty() {
            self.corpus.push(input.clone());
        }
        if took > self.slowest.0 {
            self.slowest = (took, input);
        }
        Ok(true)
    }

    /// Where it panicked, if it did.
    fn execute(&mut self, input: &[u8]) -> Result<Option<String>> {
        self.current.write_all_at(&(input.len() as u64).to_le_bytes(), 0)?;
        self.current.write_all_at(input, 8)?;
        RUNS.fetch_add(1, Ordering::Relaxed);
        coverage::clear();
        let run = self.target.run;
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(input)));
        Ok(outcome.is_err().then(|| PANIC.lock().unwrap_or_else(|broken| broken.into_inner()).0.clone()))
    }

    /// Cuts pieces out, from halves to single bytes, as long as it panics at the same place.
    fn minimise(&mut self, mut input: Vec<u8>, place: &str) -> Result<Vec<u8>> {
        let (mut left, began) = (MINIMISE.0, cpu());
        let mut piece = input.len().div_ceil(2);
        while piece > 0 {
            let (mut at, before) = (0, input.len());
            while at < input.len() && left > 0 && cpu() - began < MINIMISE.1 {
                let end = (at + piece).min(input.len());
                let shorter = [&input[..at], &input[end..]].concat();
                left -= 1;
                if self.execute(&shorter)?.as_deref() == Some(place) { input = shorter } else { at = end }
            }
            piece = if piece == 1 && input.len() < before { 1 } else { piece / 2 };
        }
        Ok(input)
    }

    /// Few inputs that together take every edge that was taken: always the one that adds most for its length.
    fn fewest(&mut self) -> Vec<Vec<u8>> {
        let mut edges: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
        for input in std::mem::take(&mut self.corpus) {
            if self.execute(&input).is_ok() {
                let mut taken = Vec::new();
                coverage::taken(|at, _| taken.push(at));
                edges.push((input, taken));
            }
        }
        let (mut have, mut chosen) = (vec![false; coverage::edges()], Vec::new());
        loop {
            for (_, taken) in &mut edges {
                taken.retain(|at| !have[*at]);
            }
            edges.retain(|(_, taken)| !taken.is_empty());
            let worth = |(input, taken): &(Vec<u8>, Vec<usize>)| taken.len() as f64 / (500 + input.len()) as f64;
            let best = (0..edges.len()).max_by(|a, b| worth(&edges[*a]).total_cmp(&worth(&edges[*b])));
            let Some(best) = best else { return chosen };
            let (input, taken) = edges.swap_remove(best);
            taken.into_iter().for_each(|at| have[at] = true);
            chosen.push(input);
        }
    }
}

fn current(target: &Target) -> PathBuf {
    corpus::crashes(target).join("current")
}

/// Saves the input that was being run when the process died.
pub fn rescue(target: &Target) -> Result<PathBuf> {
    let bytes = fs::read(current(target))?;
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| Error::other("no input was run"))?;
    let input = &rest[..rest.len().min(u64::from_le_bytes(*length) as usize)];
    let path = corpus::crashes(target).join(corpus::name(input));
    fs::write(&path, input)?;
    fs::remove_file(current(target))?;
    Ok(path)
}

/// Ends the process when one run takes too much CPU: nothing else can end a loop.
fn watch(target: &'static Target) {
    std::thread::spawn(move || {
        let (mut run, mut since) = (0, cpu());
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let now = RUNS.load(Ordering::Relaxed);
            if now != run {
                (run, since) = (now, cpu());
            } else if cpu() - since > SLOWEST {
                println!("{}: one input took more than {SLOWEST} s CPU", target.name);
                std::process::abort();
            }
        }
    });
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| seconds(usage.user_time()) + seconds(usage.system_time()))
}
