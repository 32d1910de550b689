//! `docs/metrics.md`, written from the same words that `evalrun list metrics` shows.

use super::METRICS;
use std::fmt::Write;

const HEAD: &str = "# Metrics

Written by `metrics::document()`; a test holds it current. Each metric is a number with the events that made it, *undefined* where its formula
has no meaning for this trajectory, or *unknown* where the source cannot tell. Superseded events are left out. Messages are the root
agent's; acts are those of the root agent and of its sub-agents.

An *edit* is a change of a file by any means (an edit tool, a patch, a shell command, a change that the agent reported, a change that only the
snapshot shows), inside the workspace, that was not denied and did not fail. Where the source does not name the workspace, it is the folder that
all absolute paths of the acts have in common, the machine's own (`/tmp`, `/usr`) left out. A *code edit* is one of neither prose nor data. A
*check* is a test, build or lint act that ran; it is *green* or *red* by its exit status where that is the line's, by its output where the output says so plainly,
and otherwise *hidden*: a masked exit proves nothing.
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
            "\n### {}\n\n{}\n\n- unit: {}; range: {}\n- undefined: {}\n- unknown: {}\n",
            metric.id, metric.doc, metric.unit, metric.range, metric.undefined, metric.unknown
        );
    }
    out
}
