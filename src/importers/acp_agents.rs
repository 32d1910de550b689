//! What is known of the agents that speak the Agent Client Protocol, by the name they give themselves.
//!
//! The protocol leaves much open: whether a command's exit code is told, whether usage is of a turn or of its last step, where a
//! tool's own name stands. What is here was seen on the wire (`fixtures/traces/acp/`); an agent that is not here is believed in
//! nothing until it has told it once.

use crate::model::trace::Tells;

/// Where the tool's own name is found when no field says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// `run_shell_command__fc_2_0`
    InId,
    /// The first title of a call that has not begun; later titles say what it does.
    FirstTitle,
    /// Only the kind is known.
    Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quirks {
    pub naming: Naming,
    /// The usage of a prompt is that of its last model response.
    pub last_step_usage: bool,
    /// A shell command that `completed` ended with 0.
    pub completed_is_zero: bool,
    /// A shell command is `completed` however it ended, and nothing else tells.
    pub completed_says_nothing: bool,
    pub tells: Tells,
}

const NOTHING: Tells = Tells {
    exit_codes: false,
    outputs: false,
    plans: false,
    reasoning: false,
    times: false,
    usage: false,
    failed_edits: false,
    sub_agents: false,
    snapshots: false,
};

const USUAL: Quirks = Quirks {
    naming: Naming::Kind,
    last_step_usage: false,
    completed_is_zero: false,
    completed_says_nothing: false,
    tells: NOTHING,
};

/// By the `agentInfo.name` of `initialize`. Failed patches of Codex are invisible over the protocol; Gemini shows no outputs.
const AGENTS: &[(&str, Quirks)] = &[
    (
        "codex-acp",
        Quirks { tells: Tells { exit_codes: true, outputs: true, plans: true, reasoning: true, ..NOTHING }, ..USUAL },
    ),
    (
        "@agentclientprotocol/codex-acp",
        Quirks { tells: Tells { exit_codes: true, outputs: true, reasoning: true, usage: true, ..NOTHING }, ..USUAL },
    ),
    (
        "@zed-industries/claude-code-acp",
        Quirks {
            completed_is_zero: true,
            tells: Tells { exit_codes: true, outputs: true, plans: true, reasoning: true, ..NOTHING },
            ..USUAL
        },
    ),
    (
        "@agentclientprotocol/claude-agent-acp",
        Quirks {
            completed_is_zero: true,
            tells: Tells { exit_codes: true, outputs: true, reasoning: true, usage: true, ..NOTHING },
            ..USUAL
        },
    ),
    (
        "gemini-cli",
        Quirks {
            naming: Naming::InId,
            completed_says_nothing: true,
            tells: Tells { reasoning: true, usage: true, ..NOTHING },
            ..USUAL
        },
    ),
    (
        "OpenCode",
        Quirks {
            naming: Naming::FirstTitle,
            last_step_usage: true,
            tells: Tells { exit_codes: true, outputs: true, plans: true, reasoning: true, ..NOTHING },
            ..USUAL
        },
    ),
];

pub(super) fn of(agent: &str) -> Quirks {
    AGENTS.iter().find(|(name, _)| *name == agent).map_or(USUAL, |(_, quirks)| *quirks)
}

/// Both together.
pub(super) fn either(a: Tells, b: Tells) -> Tells {
    Tells {
        exit_codes: a.exit_codes || b.exit_codes,
        outputs: a.outputs || b.outputs,
        plans: a.plans || b.plans,
        reasoning: a.reasoning || b.reasoning,
        times: a.times || b.times,
        usage: a.usage || b.usage,
        failed_edits: a.failed_edits || b.failed_edits,
        sub_agents: a.sub_agents || b.sub_agents,
        snapshots: a.snapshots || b.snapshots,
    }
}
