//! What can be typed. What it means stands in one file per verb.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Job interviews for coding agents.
///
/// `evalrun SUITE` plays every interview of the suite, grades the trajectories and writes a report.
#[derive(Debug, Parser)]
#[command(name = "evalrun", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 a gate failed, 2 wrong usage or suite or refused files, 3 inconclusive or \
budget reached, 4 the measurement broke, 130 interrupted."
)]
pub struct Typed {
    #[command(subcommand)]
    pub verb: Option<Verb>,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Play the quickstart from embedded files, in a temporary folder
    Demo(DemoArgs),
    /// Report every mistake of a suite at once; spends nothing
    Check(CheckArgs),
    /// Print the JSON Schema of suites
    Schema,
    /// Go on where a run stopped
    Resume(ResumeArgs),
    /// Grade recorded sessions of any known agent, or a run again; runs no agent
    Grade(GradeArgs),
    /// Show the events that made a number, and those that nearly counted
    Explain(ExplainArgs),
    /// Turn recorded sessions into traces
    Import(ImportArgs),
    /// Write the reports of a run again
    Report(ReportArgs),
    /// Agents of one run, or of several, side by side, paired by task
    Compare(CompareArgs),
    /// Say whether the agents of a run hold the suite's gate
    Gate(GateArgs),
    /// What later runs are held to
    #[command(subcommand)]
    Baseline(BaselineVerb),
    /// What a suite's tasks and trials can show, before money is spent
    Power(PowerArgs),
    /// Compare a judge's verdicts with people's labels
    Calibrate(CalibrateArgs),
    /// Say what can be run here, and the command for each thing that cannot
    Doctor(DoctorArgs),
    /// Write what a run needs a person for, or read the decisions back
    Label(LabelArgs),
    /// List what there is
    List(ListArgs),
    /// Write a first suite into this folder; never overwrites
    Init(InitArgs),
    /// Play a candidate script as a model, to any agent that can be pointed at a server of its own
    ServeModel(ServeModelArgs),
}

#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// The suite, or a folder of suites
    #[arg(value_name = "SUITE|DIR", required = true)]
    pub suite: Option<PathBuf>,
    /// Only these agents of the suite
    #[arg(long = "agent", value_name = "A")]
    pub agents: Vec<String>,
    /// Only tasks whose id fits one of these globs
    #[arg(long = "task", value_name = "GLOB")]
    pub tasks: Vec<String>,
    /// Only tasks that carry one of these tags
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Trials per task and agent, instead of what the suite says; its gate then looks once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trials: Option<u32>,
    /// Where agents run
    #[arg(long, value_enum, value_name = "S")]
    pub sandbox: Option<SandboxArg>,
    /// Only the trials that did not pass in this run; gates and comparisons refuse such a run
    #[arg(long, value_name = "RUN")]
    pub failed_in: Option<PathBuf>,
    /// Say what would be run and spent, and stop
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run, estimate what the judge takes from the trials of this run
    #[arg(long, value_name = "RUN", requires = "dry_run")]
    pub like: Option<PathBuf>,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

/// Who is asked for verdicts; the same for every verb that grades.
#[derive(Debug, Default, Clone, Args)]
pub struct JudgeArgs {
    /// The judge: one of the suite's (default: the first), SUITE.yaml[:NAME], openai:MODEL, anthropic:MODEL, recorded or human
    #[arg(long, value_name = "J", conflicts_with = "no_judge")]
    pub judge: Option<String>,
    /// Ask nobody: what only a judge can answer is not asked
    #[arg(long)]
    pub no_judge: bool,
    /// Take replies that were kept, and ask nobody for others
    #[arg(long)]
    pub offline: bool,
    /// Where replies are kept (default: .evalrun/judge-cache)
    #[arg(long, value_name = "DIR")]
    pub judge_cache: Option<PathBuf>,
}

/// Where results go; the same for every verb that writes them.
#[derive(Debug, Default, Clone, Args)]
pub struct OutArgs {
    /// The run's folder (default: .evalrun/runs/<id>)
    #[arg(long = "out", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// More outputs: json, html, md or junit, each to a path or, without one, into the run folder
    #[arg(long = "to", value_name = "REPORTER[:PATH]")]
    pub to: Vec<String>,
    /// Print results.json, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
    /// A page for each trial, however many there are; `evalrun report` has it as an option.
    #[arg(skip)]
    pub every_page: bool,
}

impl OutArgs {
    pub fn of(to: &[String], json: bool) -> OutArgs {
        OutArgs { to: to.to_vec(), json, ..OutArgs::default() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SandboxArg {
    Auto,
    Bwrap,
    None,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// What was found as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ServeModelArgs {
    /// The candidate script
    #[arg(value_name = "SCRIPT")]
    pub script: PathBuf,
    /// Listen on this port of 127.0.0.1; 0: any that is free
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// Append a line of JSON for every request to this file
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The folder that the agent works in; else it is looked for in what the agent says
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<PathBuf>,
    /// Go wrong on purpose: `429 first 2 retry-after 1`, `529 at 3`, `slow always by 50ms`, and stalled, torn, malformed, wrong-type or closed
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<String>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Suites, or folders of suites
    #[arg(value_name = "SUITE|DIR", required = true)]
    pub suites: Vec<PathBuf>,
    /// Findings as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run's folder (default: the newest)
    #[arg(value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Take replies of the judge that were kept, and ask nobody for others
    #[arg(long)]
    pub offline: bool,
    /// Where the judge's replies are kept (default: .evalrun/judge-cache)
    #[arg(long, value_name = "DIR")]
    pub judge_cache: Option<PathBuf>,
    /// More outputs
    #[arg(long = "to", value_name = "REPORTER[:PATH]")]
    pub to: Vec<String>,
    /// Print results.json, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct GradeArgs {
    /// Recorded sessions, folders of them, or runs
    #[arg(value_name = "FILE|DIR|RUN", required = true)]
    pub files: Vec<PathBuf>,
    /// Graders: shipped ones by name, or criteria files (default: all shipped)
    #[arg(long = "graders", value_name = "G", value_delimiter = ',')]
    pub graders: Vec<String>,
    /// Read the files as this format
    #[arg(long = "as", value_name = "FORMAT")]
    pub format: Option<String>,
    /// Say what the judge would be asked and what that may cost, and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub judge: JudgeArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  evalrun explain rate-limit/careful/1                  every dimension as the sum of its criteria
  evalrun explain rate-limit/careful self_checking      one dimension, with its metrics
  evalrun explain rate-limit/careful/1 ends_green       the events that made one number, and those that nearly counted
  evalrun explain session.jsonl check_after_last_edit   the same for a recorded session

Every event is marked `counted`, with what it counted as, or `near`, with the reason why it did not count.")]
pub struct ExplainArgs {
    /// A trial of the run (`task/agent/n`, `task~twin/agent/n`, a glob or a prefix that fits one), or a recorded session's file
    #[arg(value_name = "TRIAL")]
    pub trial: String,
    /// A metric, a criterion (`self_checking.ends_green`) or a dimension; without it every dimension
    #[arg(value_name = "METRIC")]
    pub metric: Option<String>,
    /// The run's folder, or that of graded sessions (default: the newest)
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Read the file as this format
    #[arg(long = "as", value_name = "FORMAT")]
    pub format: Option<String>,
    /// Print JSON, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Recorded sessions, or folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<PathBuf>,
    /// Read the files as this format
    #[arg(long = "as", value_name = "FORMAT")]
    pub format: Option<String>,
    /// Make a run of results that carry a reward: `outcome` is the reward
    #[arg(long, requires = "folder")]
    pub as_run: bool,
    /// The agent that the results are of, with --as-run (default: each file's name)
    #[arg(long, value_name = "NAME", requires = "as_run")]
    pub agent: Option<String>,
    /// Where the traces go, or the run
    #[arg(long = "out", value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  evalrun report --by agent,tag                 means with 95 % intervals over tasks, groups down, dimensions across
  evalrun report --by agent,tag --csv means.csv columns agent, tag, score, mean, low, high, tasks, trials
  evalrun report --csv scores.csv               one line per trial and criterion")]
pub struct ReportArgs {
    /// The run's folder (default: the newest)
    #[arg(value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Only these outputs (default: all)
    #[arg(long = "to", value_name = "REPORTER[:PATH]")]
    pub to: Vec<String>,
    /// Print a table of means by agent, model, task, tag or cluster, several with commas between, and write no report
    #[arg(long, value_name = "KEY,...", value_delimiter = ',', conflicts_with_all = ["to", "json", "every_page"])]
    pub by: Vec<String>,
    /// Write that table as CSV; without --by one line per trial and criterion
    #[arg(long, value_name = "PATH", conflicts_with_all = ["to", "json", "every_page"])]
    pub csv: Option<PathBuf>,
    /// A page for each trial, also beyond 1,000 trials, where only those have one that the report leads to
    #[arg(long)]
    pub every_page: bool,
    /// Print results.json, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders of runs, or their results.json (default: the newest run)
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Only these agents
    #[arg(long = "agent", value_name = "A")]
    pub agents: Vec<String>,
    /// Write the comparison as a page: html:PATH
    #[arg(long = "to", value_name = "html:PATH")]
    pub to: Option<String>,
    /// Print the comparison as JSON, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 passed, 1 failed, 3 inconclusive (unless the suite says what that means) or too little data, 4 the \
measurement broke; of several agents the worst."
)]
pub struct GateArgs {
    /// The run's folder (default: the newest)
    #[arg(value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Hold it to this baseline, instead of the suite's; `{{ agent }}` stands for the agent
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Print the answer for each agent as JSON, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum BaselineVerb {
    /// Hold later runs to what this one did; writes a small JSON file for git
    Accept(AcceptArgs),
}

#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// The run's folder (default: the newest)
    #[arg(value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Only these agents
    #[arg(long = "agent", value_name = "A")]
    pub agents: Vec<String>,
    /// Where it goes (default: `baseline` of the suite's gate); `{{ agent }}` stands for the agent
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PowerArgs {
    /// The suite
    #[arg(value_name = "SUITE")]
    pub suite: PathBuf,
    /// Take the spread of scores from this baseline; without it they are assumed, and the assumptions are said
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// The drop that must not go unseen, of a score from 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0.1")]
    pub drop: f64,
    /// Print the numbers as JSON, and nothing else, on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// People's labels, CSV or JSONL: item, rater, label, and perhaps score, split, step, order
    #[arg(long, value_name = "FILE")]
    pub labels: PathBuf,
    /// The judge's name among the raters
    #[arg(long, value_name = "J")]
    pub judge: Option<String>,
    /// The judge's verdicts, where they stand elsewhere: a file like that of the labels, or a run
    #[arg(long, value_name = "FILE|RUN")]
    pub verdicts: Option<PathBuf>,
    /// The labels from lowest to highest, where they are not pass and fail
    #[arg(long, value_name = "LOW,...,HIGH", allow_hyphen_values = true)]
    pub scale: Option<String>,
    /// The lowest label of the scale that passes (default: the highest)
    #[arg(long, value_name = "LABEL", allow_hyphen_values = true)]
    pub pass_at: Option<String>,
    /// Print the numbers as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Rows have an item, a question, where its evidence is, and empty columns: rater, label (met, not_met, unknown, \
not_applicable), event, quote, why. `evalrun calibrate --labels` reads the same file. docs/judge-providers.md has the columns."
)]
pub struct LabelArgs {
    /// The run's folder, or that of graded sessions (default: the newest run)
    #[arg(value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Where the rows go, .csv or .jsonl (default: stdout)
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub to: Option<PathBuf>,
    /// The form of the rows, where the file's name does not say
    #[arg(long = "form", value_enum, conflicts_with = "from")]
    pub form: Option<LabelForm>,
    /// Read the rows that were filled in, instead of writing any
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Keep the questions that are answered whole as recordings for the judge `recorded`
    #[arg(long, value_name = "DIR", requires = "from")]
    pub record: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabelForm {
    Csv,
    Jsonl,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[arg(value_enum)]
    pub what: Listed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    Agents,
    Graders,
    Metrics,
    Importers,
    Reporters,
    Runs,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder to write into
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}
