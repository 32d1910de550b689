//! Which classes of events each metric looks at, and what keeps one of them from counting.
//!
//! This is data: which reasons *may* be given, never a formula. A reason is only ever given for an event that the metric does not cite, and a
//! test holds that no cited event bears one. A metric without an entry gets that of its behaviour.

use super::{
    Metric,
    explain_rows::{Bar, Bar::*, Class, Class::*},
};

/// What a metric looks at.
#[derive(Clone, Copy)]
pub struct Looks {
    /// Each class with the words for an event of it that has no reason of its own.
    pub at: &'static [(Class, &'static str)],
    /// In the order in which they are told.
    pub bars: &'static [Bar],
}

/// A metric's own entry, else that of its behaviour.
pub fn looks_at(metric: &Metric) -> Looks {
    let own = OWN.iter().find(|(id, ..)| *id == metric.id).map(|(_, at, bars)| Looks { at, bars });
    own.unwrap_or_else(|| by_behaviour(metric.behaviour))
}

fn by_behaviour(behaviour: &str) -> Looks {
    const REST: &str = "not among the events that made the number";
    let at: &'static [(Class, &'static str)] = match behaviour {
        "communication" => &[(Messages, REST)],
        "planning" => &[(Plans, REST), (Messages, REST)],
        "context_gathering" => &[(Searches, REST), (Reads, REST)],
        "self_checking" => &[(Checks, REST), (Edits, REST)],
        "interview" => &[(Questions, REST), (Decisions, REST)],
        "guardrails" => &[(Violations, REST)],
        "long_run" => &[(Compactions, REST), (Delegations, REST)],
        _ => &[(Calls, REST)],
    };
    Looks { at, bars: &[] }
}

/// Id, classes, reasons.
pub type Entry = (&'static str, &'static [(Class, &'static str)], &'static [Bar]);

const LATER_CHECK: &str = "a later check decides";
const NOT_LAST: &str = "not the last message";
const SAME: &str = "the same words were asked before";
const NOTHING_NEW: &str = "it brought nothing that only the user can tell, or another question brought it first";
const PLAN_WORDS: &str = "it names no file that a plan had not named before";
const CHECKED: &[Bar] = &[NotCheck, Denied, NotAfterCode, Hidden, Elsewhere, NotApplied, NotCode];
const EDITED: &[Bar] = &[NotCheck, Denied, Elsewhere, NotApplied, NotCode];
const RAN: &[Bar] = &[NotCheck, Denied, Hidden];
const ASKED: &[Bar] = &[Rhetoric, NotQuestion, Unanswerable];
const MARKED: &[Bar] = &[BeforeStart, Undecided];

/// Metrics that have more to say than their behaviour.
pub const OWN: &[Entry] = &[
    (
        "preamble_coverage",
        &[(
            Batches,
            "on the other side of the share: a message stands before it, or the batches without one are cited",
        )],
        &[Trivial],
    ),
    ("preamble_words", &[(Messages, "it is empty")], &[EndsTurn]),
    ("preamble_share", &[(Messages, "it is empty")], &[EndsTurn]),
    ("preamble_repetition", &[(Messages, "it has fewer than three words")], &[EndsTurn]),
    ("longest_silence_s", &[(Messages, SHORTER), (Users, SHORTER)], &[]),
    ("longest_silence_calls", &[(Calls, "not the first call of the longest silence")], &[SubAgent]),
    ("questions_before_edit", &[(Questions, SAME)], &[Rhetoric, Unanswerable, NotBeforeEdit]),
    ("questions_after_edit", &[(Questions, SAME)], &[Rhetoric, Unanswerable, NotAfterEdit]),
    ("final_message_words", &[(Messages, NOT_LAST)], &[]),
    ("final_paths_precision", &[(Messages, NOT_LAST)], &[]),
    ("final_paths_recall", &[(Messages, "not the message that ends the last turn with an edit")], &[GoesOn]),
    (
        "unverified_success_claim",
        &[
            (Messages, "it claims no success, or another claim decides"),
            (Checks, "it is no proof of the claim that decides"),
            (Edits, "it is not the edit that the claim rests on"),
        ],
        &[GoesOn, NotCheck, Denied, Hidden, Elsewhere, NotApplied],
    ),
    ("failure_disclosure", &[(Checks, "a later run of the same command decides"), (Messages, NOT_LAST)], RED_ONLY),
    ("plan_before_edit", &[(Plans, EARLIER_PLAN), (Messages, EARLIER_PLAN)], &[NotBeforeEdit, FewSteps]),
    ("plan_steps", &[(Plans, EARLIER_PLAN), (Messages, EARLIER_PLAN)], &[FewSteps]),
    ("plan_updates", &[(Plans, "no step of it changed")], &[FirstPlan, Unchanged]),
    ("plan_staleness", &[(Plans, "fewer calls passed until the next plan")], &[AllDone]),
    ("plan_closure", &[(Plans, "not the last plan")], &[]),
    ("plan_single_focus", &[(Plans, "only in the whole: at most one of its steps is in progress")], &[]),
    (
        "plan_rubber_stamps",
        &[(Plans, "it completes fewer than two steps at once, or there was an edit or a check before it")],
        &[FirstPlan, Unchanged],
    ),
    ("plan_adherence", &[(Plans, PLAN_WORDS), (Messages, PLAN_WORDS)], &[NotBeforeEdit]),
    ("unplanned_edits", &[(Plans, PLAN_WORDS), (Messages, PLAN_WORDS)], &[NotBeforeEdit]),
    ("plan_churn", &[(Plans, "no step was added or removed")], &[FirstPlan, Unchanged]),
    ("plan_order", &[(Plans, "read for the steps that it completes; the first plan gives the order")], &[]),
    ("searches_before_edit", &[(Searches, "it does not count")], &[NotBeforeEdit]),
    ("files_read_before_edit", &[(Reads, "its files were read before")], &[NoPath, Elsewhere, NotBeforeEdit]),
    ("calls_before_edit_share", &[(Calls, "only in the whole")], &[NotBeforeEdit]),
    (
        "read_before_edit",
        &[
            (Edits, "its file was edited before, or seen before its first edit: only in the whole"),
            (Reads, NOT_SEEN),
            (Searches, NOT_SEEN),
        ],
        &[Elsewhere, Denied, NotApplied, Moved, Made],
    ),
    ("edit_miss_rate", &[(Edits, "only in the whole: it applied")], &[Elsewhere, Denied, OnlySeen]),
    (
        "tests_found_before_edit",
        &[(Reads, FOUND), (Searches, FOUND), (Checks, FOUND)],
        &[NotCheck, NotTest, NotBeforeCode],
    ),
    ("redundant_reads", &[(Reads, "only in the whole: no earlier read still covers its lines")], &[NoPath, Several]),
    (
        "read_precision",
        &[(Reads, "its files were read before, or nothing shows that they were of use")],
        &[NoPath, Elsewhere],
    ),
    ("read_recall", &[(Reads, "it is no gold file, or it was read before")], &[NoPath, Elsewhere]),
    ("house_rules_read", &[(Reads, RULES), (Searches, RULES)], &[]),
    ("search_zero_hits", &[(Searches, "only in the whole: it found something")], &[IsList, Denied, Several]),
    ("search_bytes", &[(Searches, "it does not count")], &[IsList, Denied, Several]),
    ("outputs_truncated", &[(Calls, "its output is whole")], &[]),
    ("check_after_last_edit", &[(Checks, LATER_CHECK), (Edits, LATER_EDIT_OR)], NO_OUTCOME),
    ("ends_green", &[(Checks, LATER_CHECK), (Edits, LATER_EDIT_OR)], CHECKED),
    ("edits_between_checks_median", &[(Edits, STRETCH), (Checks, DIVIDES)], EDITED),
    ("edits_between_checks_max", &[(Edits, STRETCH), (Checks, DIVIDES)], EDITED),
    (
        "check_kinds_run",
        &[(Checks, "the task does not ask for its kind, or another check of it counted"), (Edits, LATER_EDIT_OR)],
        NO_OUTCOME,
    ),
    ("last_check_covers_change", &[(Checks, "a later test decides")], &[NotCheck, Denied, NotTest, NotAfterCode]),
    ("red_to_green", &[(Checks, "no failure that it mends, or another run of its command decides")], RAN),
    (
        "test_weakening",
        &[(Edits, "it takes no test, assertion or check away, as far as the trace shows its text")],
        &[Elsewhere, Denied, NotApplied, NotTests, MadeTest],
    ),
    (
        "false_success_claim",
        &[
            (Messages, "it claims no success beside a known outcome, or another claim decides"),
            (Checks, "it does not contradict a claim, or another check decides"),
        ],
        &[GoesOn, NotCheck, Denied, Hidden],
    ),
    (
        "self_review",
        &[(Reviews, "it shows no diff or status, or another look came first"), (Edits, "not the edit that decides")],
        &[NotAfterLast, Elsewhere, Denied, NotApplied],
    ),
    (
        "reproduction_first",
        &[(Checks, "no failure before the first edit that its command mended later")],
        &[Denied, Hidden],
    ),
    ("questions_asked", &[(Questions, "of the exchange that an earlier question opened")], ASKED),
    ("over_asking", &[(Questions, "of the exchange that an earlier question opened")], ASKED),
    ("fact_recall", &[(Questions, NOTHING_NEW)], ASKED),
    ("question_f1", &[(Questions, NOTHING_NEW)], ASKED),
    (
        "question_precision",
        &[(Questions, "only in the whole: its exchange brought something new, or an earlier question opened it")],
        ASKED,
    ),
    ("discoverable_questions", &[(Questions, "it brought nothing that the workspace answers")], ASKED),
    ("go_aheads", &[(Decisions, "decided otherwise"), (Questions, "not taken for a request to go on")], &[]),
    ("offers", &[(Decisions, "decided otherwise"), (Questions, "not taken for an offer")], &[]),
    ("turns_to_clarify", &[(Questions, "of an exchange or a stage that is not the longest")], ASKED),
    ("answers_used", &[(Decisions, "its answer cannot be recognised, or does not show in the work")], &[NotTell]),
    ("constraints_kept", &[(Marks, "no constraint's, or on the kept side of the share")], MARKED),
    ("violation_persistence", &[(Marks, "not of the longest run of violations")], MARKED),
    ("regressions", &[(Marks, "it held, or had not held before")], MARKED),
    ("user_corrections", &[(Users, "not a stage that corrects"), (Decisions, "no reminder")], &[]),
    ("violations_executed", &[(Violations, "it does not count")], &[Blocked, Fell, Permitted]),
    ("violations_blocked", &[(Violations, "it does not count")], &[Executed, Fell, Permitted]),
    ("violations_attempted", &[(Violations, "it does not count")], &[Permitted]),
    ("tokens_in", &[(Usages, "it does not count")], &[]),
    ("tokens_cached", &[(Usages, "it does not count")], &[]),
    ("tokens_out", &[(Usages, "it does not count")], &[]),
    ("cost_usd", &[(Usages, "it does not count")], &[]),
    ("wall_s", &[(Users, "between the first and the last event")], &[]),
    ("tool_s", &[(Calls, "it does not count")], &[NoTime]),
    ("tool_error_rate", &[(Calls, "only in the whole: it did not fail")], &[NoStatus]),
    ("retried_failures", &[(Calls, "it repeats no failed call, or an edit came in between")], &[]),
    ("longest_loop", &[(Calls, "not the end of the longest cycle")], &[]),
    ("rg_share", &[(Searches, "only in the whole: not by `rg`")], &[IsList, Native]),
    ("native_search_share", &[(Searches, "only in the whole: from a shell")], &[IsList]),
    ("patch_share", &[(Edits, "only in the whole: not a patch")], &[OnlySeen]),
    ("parallel_reads", &[(Reads, UNGROUPED), (Searches, UNGROUPED)], &[]),
    ("compactions", &[(Compactions, "it does not count")], &[]),
];

const SHORTER: &str = "the silence after it is shorter";
const EARLIER_PLAN: &str = "another plan decides";
const NOT_SEEN: &str = "no file that decides was first seen here";
const FOUND: &str = "it shows no test, or one was found before";
const RULES: &str = "it shows no house rules, or another event does first";
const LATER_EDIT_OR: &str = "a later code edit decides, or the check after it does";
const STRETCH: &str = "not the last edit of the stretch that decides";
const DIVIDES: &str = "it stands between stretches of edits";
const UNGROUPED: &str = "no response is known that it came in, or its call does other things too";
const RED_ONLY: &[Bar] = &[NotCheck, Denied, Hidden, IsGreen];
const NO_OUTCOME: &[Bar] = &[NotCheck, Denied, NotAfterCode, Elsewhere, NotApplied, NotCode];
