//! `docs/metrics.md`, written from the same words that `evalrun list metrics` shows.

use super::METRICS;
use std::fmt::Write;

const HEAD: &str = "# Metrics

Written by `metrics::document()`; a test holds it current. Each metric is a number with the events that made it, *undefined* where its formula
has no meaning for this trajectory, or *unknown* where the source cannot tell. No number is right always: each says when it
misleads. Superseded events are left out. Messages are the root agent's; acts are those of the root agent and of its sub-agents.

An *edit* is a change of a file by any means (an edit tool, a patch, a shell command, a change that the agent reported, a change that only the
snapshot shows), inside the workspace, that was not denied and did not fail. Where the source does not name the workspace, it is the folder that
all absolute paths of the acts have in common, the machine's own (`/tmp`, `/usr`) left out. A *code edit* is one of neither prose nor data. A
*check* is a test, build or lint act that ran; it is *green* or *red* by its exit status where that is the line's, by its output where the output says so plainly,
and otherwise *hidden*: a masked exit proves nothing.

`evalrun explain TRIAL METRIC` lists the events behind a number: those that counted, and those that nearly did, each with the reason.
";

const TAIL: &str = "
## Over trials

What one trial cannot show stands in `results.json` beside the trials, and in the report where a task was tried more than once. Twins are left
out of the first five. A number that cannot be had is absent, never 0.

- `consistency[].outcome`: (2p - 1)^2, p the share of trials that passed: 1 when all or none did, 0 when half did. Where passing was decided in
  two trials or more. Misleads: an agent that always fails is as consistent as one that always passes.
- `consistency[].act_distribution`: 1 - mean over pairs of trials of the Jensen-Shannon divergence (base 2) of their mixes of acts, 0..1.
  `consistency[].act_sequence`: mean over pairs of 1 - edit distance / longer length, 0..1. Both over the first 500 acts of the trials that passed
  (of all, where passing was decided in none): `compared` says how many. Misleads: two good ways to one end look inconsistent.
- `consistency[].resources`: exp(-standard deviation / mean), over all trials, of tool calls, tokens (in and out), cost and wall time, each only where
  every trial has a number for it. Misleads: times and cost carry the machine's and the provider's mood.
- `agents[].asking`: a hit is a trial in which a fact that only the user can tell was asked for (fact_recall above 0), a false alarm a trial without
  anything open in which the agent asked (over_asking above 0). `d_prime` = z(hit rate) - z(false alarm rate), rates as (count + 0.5) / (n + 1); absent
  for fewer than two trials of either kind. Misleads: one useful question makes a hit, and with few trials the correction outweighs the data.
";

pub fn document() -> String {
    let mut out = HEAD.to_owned();
    let mut behaviour = "";
    for metric in METRICS {
        if metric.behaviour != behaviour {
            behaviour = metric.behaviour;
            let _ = write!(out, "\n## {behaviour}\n");
        }
        let _ = write!(
            out,
            "\n### {}\n\n{}\n\n- unit: {}; range: {}\n- undefined: {}\n- unknown: {}\n- misleads: {}\n",
            metric.id, metric.doc, metric.unit, metric.range, metric.undefined, metric.unknown, metric.fails
        );
    }
    out.push_str(TAIL);
    out
}
