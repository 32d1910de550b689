//! The fields of a task: its workspace, its interview, its checks and rules.

use super::{
    shape::{AMOUNT, COMMAND, LINES, Record, SOME_LINES, Shape, list, may, must, some, usual, words},
    tables::{CHECK_RUN, CHECK_SAME, CHECK_TESTS, CHECK_UNCHANGED, GOLD, GUARDRAIL, LIMITS, PERMISSIONS},
    units::DURATION,
};

pub const TASK: Record = Record {
    name: "task",
    doc: "A task: one interview with its workspace, checks and rules.",
    fields: &[
        must("id", Shape::Id, "Its name. Rows add `@KEY`, the twin adds `~twin`."),
        may("about", Shape::Text, "What it is for; no part of its hash."),
        may("kind", words(&["bugfix", "feature", "chore", "question"]), "Some metrics look at it."),
        may(
            "check_kinds",
            list(&words(&["test", "lint", "build"])),
            "The kinds of checks that a good engineer runs here.",
        ),
        may("tags", list(&Shape::Id), "For `--tag`; no part of its hash."),
        may("requires", LINES, "Programs: where one is missing the task is not run, and the report says so."),
        usual("trials", Shape::Whole(1), "the suite's", "Trials per agent."),
        may(
            "rows",
            Shape::Record(&ROWS),
            "One task per row of a table: `ID@KEY`. `{{ row.COLUMN }}` may stand in any text of the task.",
        ),
        may("workspace", Shape::Record(&WORKSPACE), "Where the agent works; an empty folder when not written."),
        may("say", SAY, "A one-turn task says it here instead of in `interview.stages`."),
        may("expect", list(&Shape::Line), "The checks of a one-turn task."),
        may("interview", Shape::Record(&INTERVIEW), "The script."),
        may(
            "checks",
            Shape::Map { ids: true, of: &CHECK },
            "By name: commands, tests, files that must stay as they are.",
        ),
        may("gold", Shape::Record(&GOLD), "What a good engineer would have read and edited."),
        may("guardrails", list(&Shape::Record(&GUARDRAIL)), "What the agent must not do."),
        may("limits", Shape::Record(&LIMITS), "Over the suite's, field by field."),
        usual("permissions", words(PERMISSIONS), "the suite's", "What permission requests get."),
    ],
    also: &[],
};

const CHECK: Shape = Shape::Choice(&[&CHECK_RUN, &CHECK_TESTS, &CHECK_UNCHANGED, &CHECK_SAME]);

const ROWS: Record = Record {
    name: "rows",
    doc: "A table: CSV with a head line, or JSON lines.",
    fields: &[
        must("file", Shape::Path, "The table: `.csv` or `.jsonl`."),
        must("key", Shape::Line, "The column that names a row; its values are ids."),
        may("cluster", Shape::Line, "The column by which rows belong together; intervals respect it."),
    ],
    also: &[],
};

const WORKSPACE: Record = Record {
    name: "workspace",
    doc: "Where the agent works: a fresh copy for every trial.",
    fields: &[
        may("copy", Shape::Path, "A folder that is copied."),
        may(
            "git",
            Shape::Record(&GIT),
            "A revision of a git repository; its history ends there and it has no remotes.",
        ),
        may("setup", list(&Shape::Record(&SETUP)), "Once per content, then copied into each trial."),
        may("each_trial", list(&Shape::Record(&SETUP)), "In every trial, before the agent starts."),
        may(
            "ignore",
            LINES,
            "Globs left out of snapshots and diffs; laid back from the set-up copy when a check runs.",
        ),
        may(
            "env",
            Shape::Map { ids: false, of: &Shape::Line },
            "Environment variables of the agent, setup and checks.",
        ),
        usual(
            "network",
            words(&["open", "none"]),
            "open",
            "For the agent's tools; the model's endpoint is always let through.",
        ),
    ],
    also: &[],
};

const GIT: Record = Record {
    name: "git",
    doc: "A revision of a git repository.",
    fields: &[
        must("url", Shape::Line, "A URL, or a path relative to this file."),
        must("rev", Shape::Line, "A commit, a tag or a branch."),
    ],
    also: &[],
};

const SETUP: Record = Record {
    name: "setup",
    doc: "One command that prepares the workspace.",
    fields: &[
        must("run", COMMAND, "A line for a shell, or a list of words."),
        usual("timeout", Shape::Quantity(&DURATION), "10m", "Longer breaks the trial."),
    ],
    also: &[],
};

const INTERVIEW: Record = Record {
    name: "interview",
    doc: "What is said, what may be asked, what must hold.",
    fields: &[
        may("stages", some(&Shape::Record(&STAGE)), "In the order they are said."),
        may("facts", list(&Shape::Record(&FACT)), "What the interviewer knows and tells only when asked."),
        usual("replies", Shape::Whole(0), "4", "Answers per stage."),
        may("constraints", list(&Shape::Record(&CONSTRAINT)), "What must hold from some stage on."),
        usual(
            "twin",
            Shape::Flag,
            "false",
            "Also run once fully specified (all facts in the brief), stage 1 only, as `ID~twin`: the measure for over-asking, part of no mean.",
        ),
    ],
    also: &[],
};

const STAGE: Record = Record {
    name: "stage",
    doc: "One message of the interviewer, and what must hold when the agent has done with it.",
    fields: &[
        must("id", Shape::Id, "Its name."),
        must("say", SAY, "What is said."),
        may(
            "when",
            Shape::Choice(&[&WHEN_CHECK, &WHEN_CONSTRAINT, &WHEN_TOLD, &WHEN_ASKED]),
            "Only if this holds when the stage before has ended.",
        ),
        may("counts_as", words(&["correction"]), "The message corrects the agent."),
        may("expect", list(&Shape::Line), "Checks that must hold at its end."),
    ],
    also: &[],
};

/// A text, a file, or a choice by what was told.
const SAY: Shape = Shape::Either(&[Shape::Line, Shape::Choice(&[&FILE, &IF_TOLD])]);

pub const FILE: Record = Record {
    name: "file",
    doc: "A text in a file.",
    fields: &[must("file", Shape::Path, "The file, relative to this one.")],
    also: &[],
};

const IF_TOLD: Record = Record {
    name: "if_told",
    doc: "A message by what the agent has been told.",
    fields: &[
        must("if_told", Shape::Line, "A fact."),
        must("then", Shape::Text, "If it was told."),
        must("else", Shape::Text, "If it was not."),
    ],
    also: &[],
};

const WHEN_CHECK: Record = Record {
    name: "when",
    doc: "How a check came out.",
    fields: &[must("check", Shape::Line, "A check."), must("is", words(&["passed", "failed"]), "How it came out.")],
    also: &[],
};

const WHEN_CONSTRAINT: Record = Record {
    name: "when",
    doc: "Whether a constraint was kept.",
    fields: &[
        must("constraint", Shape::Line, "A constraint."),
        must("is", words(&["kept", "violated"]), "How it stands."),
    ],
    also: &[],
};

const WHEN_TOLD: Record = Record {
    name: "when",
    doc: "Whether a fact was told.",
    fields: &[must("told", Shape::Line, "A fact.")],
    also: &[],
};

const WHEN_ASKED: Record = Record {
    name: "when",
    doc: "Whether a fact was asked for.",
    fields: &[must("asked", Shape::Line, "A fact.")],
    also: &[],
};

const FACT: Record = Record {
    name: "fact",
    doc: "Something the interviewer knows and tells only when asked.",
    fields: &[
        must("id", Shape::Id, "Its name."),
        must("ask", SOME_LINES, "Patterns (regular expressions, letters' case aside) of a question that asks for it."),
        must(
            "say",
            Shape::Either(&[Shape::Line, Shape::Record(&FILE), some(&Shape::Record(&WORDING))]),
            "The answer; or a list of wordings, the last one whose stage was entered holds.",
        ),
        may("not", LINES, "Patterns of a question that does not ask for it after all."),
        may("examples", LINES, "Questions that the patterns must match; checked when the suite is loaded."),
        may("about", Shape::Text, "What it is, for reports and for the matching model."),
        usual("weight", AMOUNT, "1", "How much asking for it counts."),
        may("discoverable", LINES, "Paths in the workspace that answer it: asking costs precision."),
        may(
            "check",
            Shape::Line,
            "The check that looks at its answer: for metric `silent_assumptions`, what an agent that never asked made of it.",
        ),
        may(
            "alternatives",
            LINES,
            "Answers that the user might as well have given: for metric `question_bits`, what a question for it is worth.",
        ),
    ],
    also: &[],
};

const WORDING: Record = Record {
    name: "wording",
    doc: "One wording of an answer.",
    fields: &[
        must("text", Shape::Text, "The answer."),
        may("from", Shape::Line, "The stage from which on it holds; from the start when not written."),
    ],
    also: &[],
};

const CONSTRAINT: Record = Record {
    name: "constraint",
    doc: "Something that must hold from some stage on, decided by a check.",
    fields: &[
        must("id", Shape::Id, "Its name."),
        must("text", Shape::Text, "What is said of it."),
        must("check", Shape::Line, "The check that decides whether it is kept."),
        usual("from", Shape::Line, "the first stage", "The stage from which on it is in force."),
        usual(
            "spoken",
            words(&["with_stage", "when_asked", "in_say"]),
            "with_stage",
            "With its stage's message, only when a question asks for it, or already in the stage's own text.",
        ),
    ],
    also: &[],
};
