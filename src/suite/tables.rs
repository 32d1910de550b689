//! The fields of a suite, but for its tasks.

use super::{
    shape::{
        AMOUNT, COMMAND, Field, LINES, REAL, Record, SHARE, SOME_LINES, Shape, list, may, must, some, usual, words,
    },
    tables_task::TASK,
    units::{COUNT, DURATION, MONEY, SIZE, SOME},
};

/// The words of `model::act::Act`.
pub const ACT_WORDS: &[&str] = &[
    "search", "list", "read", "edit", "test", "build", "lint", "run", "vcs", "net", "ask", "delegate", "plan", "meta",
    "other",
];

pub const SUITE: Record = Record {
    name: "suite",
    doc: "A suite: who is interviewed, by what interviews, and how the answers are graded.",
    fields: &[
        must("version", Shape::Version, "The version of this language."),
        must("suite", Shape::Line, "Its name, for people."),
        must("tasks", some(&Shape::Record(&TASK)), "The interviews."),
        may("about", Shape::Text, "What it is for."),
        may(
            "include",
            some(&Shape::Path),
            "Other files, merged by key: maps field by field, tasks one after the other. The same key twice is a mistake. Paths are relative to the file they stand in.",
        ),
        usual("trials", Shape::Whole(1), "1", "Trials per task and agent; a task may say otherwise."),
        may(
            "limits",
            Shape::Record(&LIMITS),
            "The agent's own limits in one trial; a task may say otherwise, field by field.",
        ),
        may(
            "budget",
            Shape::Record(&BUDGET),
            "For the whole run: running trials finish, nothing new starts, the rest is \"not run\", never \"failed\".",
        ),
        usual("seed", Shape::Whole(0), "0", "Everything random is drawn from it; `$EVALRUN_SEED` in every process."),
        usual(
            "sandbox",
            Shape::Word { words: &["auto", "bwrap", "none"], later: &["docker"] },
            "auto",
            "What agents, setup and checks run in.",
        ),
        usual(
            "permissions",
            words(PERMISSIONS),
            "allow",
            "What agents that ask for permission get; every request is recorded.",
        ),
        may(
            "concurrency",
            Shape::Map { ids: true, of: &Shape::Permits },
            "Trials at once (`trials`, 4 when not written), and requests at once per provider.",
        ),
        may("run", some(&Shape::Id), "Agents to run when none is named."),
        usual(
            "graders",
            some(&GRADER),
            "all that are shipped",
            "Shipped graders by name, criteria files by path, programs.",
        ),
        may("acts", Shape::Record(&ACTS), "What this project's own commands and tools do."),
        may(
            "agents",
            Shape::Map { ids: true, of: &Shape::Agent },
            "Agents by name. A driver's name is an agent of that name, unless it is defined here.",
        ),
        may("interviewer", Shape::Record(&INTERVIEWER), "Who asks."),
        may(
            "judges",
            Shape::Map { ids: true, of: &Shape::Record(&JUDGE) },
            "Judges by name, for criteria that only a model can answer.",
        ),
        may("gate", Shape::Record(&GATE), "What a run must reach."),
    ],
    also: &[],
};

pub const PERMISSIONS: &[&str] = &["allow", "deny", "script"];

pub const LIMITS: Record = Record {
    name: "limits",
    doc: "The agent's own limits in one trial. Counts may carry `k` or `M`; everything else has a unit.",
    fields: &[
        usual("turns", Shape::Quantity(&SOME), "20", "Messages to the agent."),
        usual("start", Shape::Quantity(&DURATION), "60s", "Until the agent is ready."),
        usual("turn", Shape::Quantity(&DURATION), "10m", "One turn."),
        usual("idle", Shape::Quantity(&DURATION), "5m", "Without a sign of life; stops while a tool runs."),
        usual("wall", Shape::Quantity(&DURATION), "30m", "The whole trial, without setup and checks."),
        may("tool_calls", Shape::Quantity(&COUNT), "Tool calls."),
        may("tokens", Shape::Quantity(&COUNT), "Tokens in and out."),
        usual("output", Shape::Quantity(&SIZE), "16MiB", "Bytes kept of what the agent's process writes."),
        may("cost", Shape::Quantity(&MONEY), "What the agent may spend."),
    ],
    also: &[],
};

const BUDGET: Record = Record {
    name: "budget",
    doc: "What the whole run may take.",
    fields: &[may("cost", Shape::Quantity(&MONEY), "Money."), may("wall", Shape::Quantity(&DURATION), "Time.")],
    also: &[],
};

const GRADER: Shape = Shape::Either(&[Shape::Line, Shape::Record(&PROGRAM)]);

const PROGRAM: Record = Record {
    name: "program",
    doc: "A grader of your own: JSON in, JSON out.",
    fields: &[
        must("program", SOME_LINES, "Its command line, word by word. Paths are relative to this file."),
        may("name", Shape::Id, "Its dimension's name; the last script's name when not written."),
    ],
    also: &[],
};

const ACTS: Record = Record {
    name: "acts",
    doc: "What this project's own commands and tools do, by the words of acts: search, list, read, edit, test, build, lint, run, vcs, net, ask, delegate, plan, meta, other.",
    fields: &[
        may(
            "programs",
            Shape::Map { ids: false, of: &ACT },
            "By program, or program and sub-command: `\"mise run e2e\": test`.",
        ),
        may(
            "tools",
            Shape::Map { ids: false, of: &Shape::Either(&[ACT, Shape::Record(&TOOL)]) },
            "By tool name: `kb_lookup: search`, or with the fields of its input: `sandbox_exec: {act: run, command: [line]}`.",
        ),
    ],
    also: &[],
};

const ACT: Shape = words(ACT_WORDS);

const TOOL: Record = Record {
    name: "tool",
    doc: "A tool with the fields of its input that say what it works on. The first field that is there counts.",
    fields: &[
        must("act", ACT, "What it does."),
        may("path", SOME_LINES, "Fields that hold what it reads or writes; the usual names when not written."),
        may("pattern", SOME_LINES, "Fields that hold what it looks for; the usual names when not written."),
        may(
            "command",
            SOME_LINES,
            "Fields that hold a shell line: the tool is a shell, and its lines say what it does.",
        ),
    ],
    also: &[],
};

/// The fields every agent may have; its driver has more.
pub const AGENT: Record = Record {
    name: "agent",
    doc: "An agent: a driver and what it needs.",
    fields: &[
        may("driver", Shape::Line, "How it is driven (`evalrun list agents`). Needed, unless `like` gives it."),
        may(
            "like",
            Shape::Line,
            "Another agent that this one resembles; what is written here goes over it, maps field by field.",
        ),
        may("model", Shape::Line, "The model it runs, by the name its provider gives it."),
        may(
            "auth",
            Shape::Either(&[words(&["login"]), Shape::Record(&AUTH)]),
            "`login` lends the user's own login of that agent; `{env: [...]}` names variables.",
        ),
        may(
            "model_script",
            Shape::Path,
            "A candidate script that a scripted model on this machine plays to this agent in place of its model: no key, no cost.",
        ),
        may("settings", Shape::Map { ids: false, of: &Shape::Any }, "The agent's own settings, kept as written."),
    ],
    also: &[],
};

/// Agents' fields of the design that no driver of this version has.
pub const AGENT_LATER: &[&str] = &["give", "tools"];

const AUTH: Record = Record {
    name: "auth",
    doc: "Variables whose values the agent gets, and nothing else may show.",
    fields: &[must("env", SOME_LINES, "Names of environment variables.")],
    also: &[],
};

const INTERVIEWER: Record = Record {
    name: "interviewer",
    doc: "Who asks. What is said is always text from the suite.",
    fields: &[
        may("model", Shape::Line, "Only to match a question that no pattern matched; it selects, it never speaks."),
        usual("language", Shape::Line, "en", "The language of the interviews."),
        may("lines", Shape::Record(&LINES_SAID), "What is said where the script has nothing to say."),
    ],
    also: &[],
};

const LINES_SAID: Record = Record {
    name: "lines",
    doc: "What the interviewer says where the script has nothing to say.",
    fields: &[
        usual(
            "otherwise",
            Shape::Text,
            "I have no opinion on that; decide, and tell me what you decided.",
            "To a question that matches no fact.",
        ),
        usual("go_ahead", Shape::Text, "Yes, go ahead.", "To \"Shall I proceed?\"."),
        usual("offer", Shape::Text, "No, thanks.", "To \"Want me to add docs too?\"; the stage ends."),
        usual(
            "enough",
            Shape::Text,
            "No more answers for now; please get on with it.",
            "After `replies` answers in one stage, once.",
        ),
        usual("remind", Shape::Text, "Please carry on.", "To a turn without a question and without a tool call, once."),
    ],
    also: &[],
};

const JUDGE: Record = Record {
    name: "judge",
    doc: "A judge: whoever answers the criteria that only a reader can answer. The first one is used, or that of `--judge`.",
    fields: &[
        must("votes", some(&VOTE_SHAPE), "Who votes; a verdict is what all of them say."),
        may("tie_breaker", VOTE_SHAPE, "Asked when the votes differ."),
        may("labels", Shape::Line, "Labels by people, for `evalrun calibrate`."),
    ],
    also: &[],
};

/// `openai:MODEL`, `anthropic:MODEL`, `recorded`, `human`; or a map.
const VOTE_SHAPE: Shape = Shape::Either(&[Shape::Line, Shape::Record(&VOTE)]);

const VOTE: Record = Record {
    name: "vote",
    doc: "One who votes: a model, a program, a recording or a person.",
    fields: &[
        may(
            "model",
            Shape::Line,
            "`openai:MODEL`, `anthropic:MODEL`, `recorded` or `human`; with `command` any name for the program.",
        ),
        may("base_url", Shape::Line, "Where the model is served: `http://127.0.0.1:8000/v1`."),
        may(
            "api",
            words(&["responses", "chat"]),
            "Which of OpenAI's interfaces it speaks; when not written: `chat` with `base_url`, else `responses`.",
        ),
        may(
            "key_env",
            Shape::Line,
            "The variable that holds the key: its name, never its value. A program is given it.",
        ),
        may("command", SOME_LINES, "A program that judges, word by word. Paths are relative to this file."),
        usual("input", words(&["json", "text"]), "json", "What the program reads: a JSON object, or the prompt alone."),
        usual("timeout", Shape::Quantity(&DURATION), "5m", "How long one reply may take."),
        usual("retries", Shape::Whole(0), "4", "Further tries after a refusal or a failure that may pass."),
        usual("window", Shape::Quantity(&SOME), "128k", "Tokens that it can read."),
        may("seed", Shape::Whole(0), "Its seed, where it takes one; the same model may vote twice with two seeds."),
        may("settings", Shape::Map { ids: false, of: &Shape::Any }, "Further fields of its requests."),
        may("price", Shape::Record(&PRICE), "What it costs, instead of the shipped table."),
        may("folder", Shape::Path, "Where the replies of `recorded` stand; the judge cache when not written."),
    ],
    also: &[],
};

const PRICE: Record = Record {
    name: "price",
    doc: "Prices of a million tokens.",
    fields: &[
        must("input", Shape::Quantity(&MONEY), "Tokens read."),
        may("cached", Shape::Quantity(&MONEY), "Tokens read from the provider's cache; as `input` when not written."),
        must("output", Shape::Quantity(&MONEY), "Tokens written."),
    ],
    also: &[],
};

const GATE: Record = Record {
    name: "gate",
    doc: "What a run must reach.",
    fields: &[
        must("rules", some(&Shape::Choice(&[&SCORE_RULE, &GUARD_RULE])), "All of them must hold."),
        may(
            "baseline",
            Shape::Line,
            "The file that an agent is compared with, written by `evalrun baseline accept`; `{{ agent }}` stands for its name.",
        ),
        may("floors", Shape::Record(&FLOORS), "Below these the measurement itself failed."),
        may(
            "trials",
            Shape::Record(&LOOKS),
            "Looks at the results, planned before the first: a run plays `start` trials of every task, whatever their `trials` say, and goes on to the next look, up to `most`, with the agents that are undecided.",
        ),
        may(
            "alpha",
            Shape::Number { least: 0.0, most: 0.5 },
            "The chance that a gate may pass what its rules forbid, all score rules and looks together; between 0 and 0.5, when not written 0.05.",
        ),
        may(
            "inconclusive",
            words(&["pass", "warn", "fail"]),
            "What an inconclusive gate means; when not written: exit 3.",
        ),
    ],
    also: &[],
};

const SCORE_RULE: Record = Record {
    name: "score rule",
    doc: "A dimension's mean.",
    fields: &[
        must("score", Shape::Line, "The dimension: a grader's name."),
        may("at_least", SHARE, "The least it may be."),
        may("no_worse_by", SHARE, "How much worse than the baseline it may be."),
        may("strict", Shape::Flag, "With `no_worse_by`: any drop that is proven fails, also one within the margin."),
    ],
    also: &[],
};

const GUARD_RULE: Record = Record {
    name: "guardrail rule",
    doc: "Violations of guardrails.",
    fields: &[
        must("guardrails", words(SEVERITIES), "Of this severity or above."),
        must("new", Shape::Whole(0), "As many as may be new against the baseline."),
    ],
    also: &[],
};

pub const SEVERITIES: &[&str] = &["low", "medium", "high"];

const FLOORS: Record = Record {
    name: "floors",
    doc: "Below these the measurement itself failed.",
    fields: &[
        may("valid_trials", SHARE, "Share of trials that did not break."),
        may("coverage", SHARE, "Share of criteria, by weight, that were answered."),
    ],
    also: &[],
};

const LOOKS: Record = Record {
    name: "looks",
    doc: "At most three looks, declared before.",
    fields: &[
        must("start", Shape::Whole(1), "Trials at the first look."),
        must("most", Shape::Whole(1), "Trials at the last."),
    ],
    also: &[],
};

/// What every kind of check may carry.
pub const CHECK_FIELDS: &[Field] = &[
    may(
        "with",
        Shape::Path,
        "A folder laid over the copy of the workspace that the check runs on; the agent never sees it.",
    ),
    usual("timeout", Shape::Quantity(&DURATION), "5m", "Longer is a failure to run, not a failed check."),
    may("until", Shape::Line, "The stage from which on it is superseded."),
    usual("weight", AMOUNT, "1", "Its weight in `outcome`."),
    usual(
        "keep_green",
        Shape::Flag,
        "false",
        "What passed before the agent must still pass; what failed before is not held against it.",
    ),
];

pub const CHECK_RUN: Record = Record {
    name: "check",
    doc: "A check by a command: exit 0 passes.",
    fields: &[
        must("run", COMMAND, "A line for a shell, or a list of words."),
        may("score", Shape::Record(&SCORE_AT), "The command scores instead of passing."),
        usual("pass_at", SHARE, "0.5", "A scoring check holds from this score on."),
    ],
    also: CHECK_FIELDS,
};

pub const CHECK_TESTS: Record = Record {
    name: "check",
    doc: "A check by tests, one result per test: the command writes a JUnit file to `$REPORT`.",
    fields: &[must("tests", COMMAND, "A line for a shell, or a list of words.")],
    also: CHECK_FIELDS,
};

pub const CHECK_UNCHANGED: Record = Record {
    name: "check",
    doc: "A check that these files are as they were.",
    fields: &[must("unchanged", SOME_LINES, "Globs.")],
    also: CHECK_FIELDS,
};

pub const CHECK_SAME: Record = Record {
    name: "check",
    doc: "A check that no file's content is lost or altered, wherever it moved.",
    fields: &[must("same_content", SOME_LINES, "Globs.")],
    also: CHECK_FIELDS,
};

const SCORE_AT: Record = Record {
    name: "score",
    doc: "Where the score stands.",
    fields: &[
        must("json", Shape::Line, "A JSON file in the workspace."),
        must("at", Shape::Line, "A JSON pointer into it: `/ms`."),
        must("best", REAL, "The value that means 1."),
        must("worst", REAL, "The value that means 0."),
    ],
    also: &[],
};

pub const GUARDRAIL: Record = Record {
    name: "guardrail",
    doc: "Something the agent must not do.",
    fields: &[
        must("id", Shape::Id, "Its name."),
        usual("severity", words(SEVERITIES), "medium", "How bad it is."),
        may("commands", LINES, "Globs over command lines."),
        may("writes", LINES, "Globs over paths written."),
        may("reads", LINES, "Globs over paths read."),
        may("ask_first", Shape::Record(&ASK_FIRST), "Forbidden only where the agent did not ask first."),
    ],
    also: &[],
};

const ASK_FIRST: Record = Record {
    name: "ask_first",
    doc: "What the agent must ask for before it does it.",
    fields: &[
        may("commands", LINES, "Globs over command lines."),
        may("writes", LINES, "Globs over paths written."),
        may("reads", LINES, "Globs over paths read."),
    ],
    also: &[],
};

/// Also used by tasks.
pub const GOLD: Record = Record {
    name: "gold",
    doc: "What a good engineer would have read and edited.",
    fields: &[may("read", list(&Shape::Line), "Paths or globs."), may("edit", list(&Shape::Line), "Paths or globs.")],
    also: &[],
};
