//! What the doctor says: for people, and as JSON.

use super::{Found, Item, State};
use std::fmt::Write as _;

pub(super) fn text(found: &Found) -> String {
    let mut out = String::new();
    let parts: [(&str, &[Item]); 4] = [
        ("agents", &found.agents),
        ("sandboxes", &found.sandboxes),
        ("keys (by name; no value is read out)", &found.keys),
        ("tools", &found.tools),
    ];
    for (title, items) in parts {
        let _ = writeln!(out, "{title}");
        let wide = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
        for item in items {
            let _ = writeln!(out, "  {:8} {:wide$}  {}", word(item.state), item.name, item.says);
            if let Some(fix) = &item.fix {
                let _ = writeln!(out, "  {:8} {:wide$}  $ {fix}", "", "");
            }
        }
        out.push('\n');
    }
    out.push_str(if found.can_run {
        "evalrun can run interviews here; `evalrun demo` plays one that needs no agent and no key.\n"
    } else {
        "evalrun can run nothing here yet: git is needed for every trial.\n"
    });
    out
}

pub(super) fn json(found: &Found) -> String {
    serde_json::to_string_pretty(found).map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |text| text + "\n")
}

fn word(state: State) -> &'static str {
    match state {
        State::Ready => "ok",
        State::Missing => "missing",
        State::Unusable => "unusable",
    }
}
