//! The table of programs and tools: data that a suite can extend.
//!
//! `programs.yaml` says for each program what its words mean; looking one up costs a hash per word, never a pattern.
//! A suite adds its own with the same spelling: `acts: {programs: {mytool: lint, "mise run e2e": test}}`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use crate::acts::tools::{self, Tool};
use crate::model::act::Act;
use crate::model::suite::ActsSpec;

/// What every program and tool means.
#[derive(Clone, Debug)]
pub struct Table {
    programs: HashMap<String, Arc<Program>>,
    tasks: Arc<HashMap<String, Act>>,
    tools: HashMap<String, Tool>,
    /// Tools whose names are compared letter by letter.
    exact: HashMap<String, Tool>,
}

/// One program of the table.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub verdict: Verdict,
    /// When it is called without operands.
    pub bare: Option<Verdict>,
    pub values: HashSet<String>,
    pub filter: bool,
    pub how: String,
    pub rules: HashMap<String, Verdict>,
    /// The most words that a rule has.
    pub depth: usize,
    /// Some rules name an option.
    pub flagged: bool,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub what: What,
    pub sub: Option<Arc<str>>,
    pub operands: Operands,
    pub skip: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Act(Act),
    Drop,
    /// The next operand is the name of a task.
    Task,
    /// All operands are names, read by the conventions of this tool.
    Names(Scheme),
    /// A known program, or else the name of a task.
    Either,
    /// The rest is the real command.
    Wrap,
    /// The rest behind `--` is the real command.
    WrapDashed,
    /// The rest is another call of this program: `yarn workspace web test`.
    Again,
    /// The matched word is the program.
    WrapSelf,
    /// The rest is a line to be read.
    Script,
}

/// How a build tool names its goals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Plain,
    Make,
    Ninja,
    Maven,
    Gradle,
    Sbt,
    Rake,
    Nx,
    Mix,
    Moon,
    Fastlane,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    None,
    Reads,
    Writes,
    Copies,
    Pattern,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tasks: HashMap<String, String>,
    plain: HashMap<String, String>,
    programs: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    program: String,
    #[serde(default = "run")]
    act: String,
    #[serde(default)]
    bare: Option<String>,
    #[serde(default)]
    values: String,
    #[serde(default)]
    filter: bool,
    #[serde(default)]
    how: String,
    #[serde(default)]
    rules: HashMap<String, String>,
}

fn run() -> String {
    "run".to_owned()
}

static SHIPPED: LazyLock<Result<Table, String>> = LazyLock::new(|| Table::parse(include_str!("programs.yaml")));
static EMPTY: LazyLock<Table> = LazyLock::new(|| Table::of_tools((HashMap::new(), HashMap::new())));

impl Table {
    /// The table that comes with evalrun. A test holds that it parses.
    pub fn shipped() -> &'static Table {
        SHIPPED.as_ref().unwrap_or(&EMPTY)
    }

    /// The shipped table with a suite's own programs and tools on top.
    ///
    /// # Errors
    /// When a word is no act.
    pub fn extended(acts: &ActsSpec) -> Result<Table, String> {
        let mut table = Table::shipped().clone();
        for (key, act) in &acts.programs {
            table.add_program(key, act)?;
        }
        for (name, spec) in &acts.tools {
            table.tools.insert(tools::canonical(name).into_owned(), Tool::of_suite(spec)?);
        }
        Ok(table)
    }

    fn of_tools((tools, exact): tools::Named) -> Table {
        Table { programs: HashMap::new(), tasks: Arc::default(), tools, exact }
    }

    /// Reads a table written like `programs.yaml`.
    pub fn parse(yaml: &str) -> Result<Table, String> {
        let file: File = serde_yaml::from_str(yaml).map_err(|error| error.to_string())?;
        let mut table = Table::of_tools(tools::shipped()?);
        let mut tasks = HashMap::new();
        for (act, words) in &file.tasks {
            let act = Act::named(act).ok_or_else(|| unknown_act(act))?;
            tasks.extend(words.split_whitespace().map(|word| (word.to_owned(), act)));
        }
        table.tasks = Arc::new(tasks);
        for (verdict, names) in &file.plain {
            let program = Arc::new(Program::plain(Verdict::parse(verdict)?));
            for name in names.split_whitespace() {
                table.insert(name, &program);
            }
        }
        for entry in file.programs {
            let names = entry.program.clone();
            let program = Arc::new(Program::parse(entry)?);
            for name in names.split_whitespace() {
                table.insert(name, &program);
            }
        }
        Ok(table)
    }

    /// Has an entry for a program of this base name.
    pub fn knows(&self, program: &str) -> bool {
        self.programs.contains_key(program)
    }

    pub(super) fn program(&self, name: &str) -> Option<&Arc<Program>> {
        self.programs.get(name)
    }

    /// The act of a word in the name of a task.
    pub(super) fn task_word(&self, word: &str) -> Option<Act> {
        self.tasks.get(word).copied()
    }

    pub(super) fn tool(&self, canonical: &str) -> Option<&Tool> {
        self.tools.get(canonical)
    }

    pub(super) fn exact_tool(&self, name: &str) -> Option<&Tool> {
        self.exact.get(name)
    }

    /// Cmdlets are found in any case.
    fn insert(&mut self, name: &str, program: &Arc<Program>) {
        if name.contains('-') && name.starts_with(|c: char| c.is_ascii_uppercase()) {
            self.programs.insert(name.to_ascii_lowercase(), Arc::clone(program));
        }
        self.programs.insert(name.to_owned(), Arc::clone(program));
    }

    fn add_program(&mut self, key: &str, act: &str) -> Result<(), String> {
        let verdict = Verdict::parse(act)?;
        let mut words = key.split_whitespace();
        let name = words.next().ok_or_else(|| "name the program before its act".to_owned())?;
        let rest: Vec<&str> = words.collect();
        let known = self.programs.get(name).map(|program| Program::clone(program));
        let program = match known {
            Some(mut program) if !rest.is_empty() => {
                program.add_rule(&rest.join(" "), verdict);
                program
            }
            None if !rest.is_empty() => {
                let mut program = Program::plain(Verdict::of(Act::Run));
                program.add_rule(&rest.join(" "), verdict);
                program
            }
            Some(_) | None => Program::plain(verdict),
        };
        self.programs.insert(name.to_owned(), Arc::new(program));
        Ok(())
    }
}

impl Program {
    fn plain(verdict: Verdict) -> Program {
        Program {
            verdict,
            bare: None,
            values: HashSet::new(),
            filter: false,
            how: String::new(),
            rules: HashMap::new(),
            depth: 0,
            flagged: false,
        }
    }

    fn parse(entry: Entry) -> Result<Program, String> {
        let mut program = Program::plain(Verdict::parse(&entry.act)?);
        program.bare = entry.bare.as_deref().map(Verdict::parse).transpose()?;
        program.values = entry.values.split_whitespace().map(str::to_owned).collect();
        program.filter = entry.filter;
        program.how = entry.how;
        for (key, verdict) in &entry.rules {
            program.add_rule(key, Verdict::parse(verdict)?);
        }
        Ok(program)
    }

    fn add_rule(&mut self, key: &str, verdict: Verdict) {
        let words = key.split_whitespace().filter(|word| !is_flag(word)).count();
        self.depth = self.depth.max(words);
        self.flagged |= key.split_whitespace().any(is_flag);
        self.rules.insert(key.to_owned(), verdict);
    }
}

impl Verdict {
    pub(super) fn of(act: Act) -> Verdict {
        Verdict { what: What::Act(act), sub: None, operands: Operands::None, skip: 0 }
    }

    fn parse(text: &str) -> Result<Verdict, String> {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or("");
        let (name, sub) = first.split_once('.').map_or((first, None), |(name, sub)| (name, Some(Arc::from(sub))));
        let mut verdict = Verdict { what: What::Drop, sub, operands: Operands::None, skip: 0 };
        verdict.what = match name {
            "drop" => What::Drop,
            "task" => What::Task,
            "tasks" => What::Names(Scheme::Plain),
            "names" => What::Names(words.next().and_then(scheme).ok_or("say which names")?),
            "either" => What::Either,
            "wrap" => What::Wrap,
            "wrap_dashed" => What::WrapDashed,
            "wrap_self" => What::WrapSelf,
            "again" => What::Again,
            "script" => What::Script,
            _ => What::Act(Act::named(name).ok_or_else(|| unknown_act(name))?),
        };
        for word in words {
            match word {
                "reads" => verdict.operands = Operands::Reads,
                "writes" => verdict.operands = Operands::Writes,
                "copies" => verdict.operands = Operands::Copies,
                "pattern" => verdict.operands = Operands::Pattern,
                _ => verdict.skip = word.parse().map_err(|_| format!("`{word}` is not a number of operands"))?,
            }
        }
        Ok(verdict)
    }
}

fn scheme(name: &str) -> Option<Scheme> {
    let found = match name {
        "plain" => Scheme::Plain,
        "make" => Scheme::Make,
        "ninja" => Scheme::Ninja,
        "maven" => Scheme::Maven,
        "gradle" => Scheme::Gradle,
        "sbt" => Scheme::Sbt,
        "rake" => Scheme::Rake,
        "nx" => Scheme::Nx,
        "mix" => Scheme::Mix,
        "moon" => Scheme::Moon,
        "fastlane" => Scheme::Fastlane,
        _ => return None,
    };
    Some(found)
}

pub(super) fn is_flag(word: &str) -> bool {
    (word.starts_with('-') && word.len() > 1)
        || (word.starts_with('/') && word.len() > 3 && word[1..].starts_with("List"))
}

pub(super) fn unknown_act(name: &str) -> String {
    let known: Vec<&str> = Act::ALL.iter().map(|act| act.word()).collect();
    format!("`{name}` is no act: use one of {}", known.join(", "))
}
