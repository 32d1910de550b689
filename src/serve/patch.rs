//! Edits in the language of `apply_patch`, which knows whole lines only.
//!
//! A script's edit replaces any text. What stands around it in its lines is taken from what the agent was shown before, as a model does
//! it; where that was not shown, or differs from place to place, there is no patch, and the edit is done in the shell.

use super::turn::{Heard, Returned};
use regex::Regex;
use std::sync::LazyLock;

/// In front of lines that a tool shows with their numbers.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^ *\d+(?:\t|→|: ?|\| ?)").ok());

/// The patch for an edit.
pub fn edit(path: &str, (old, new): (&str, &str), heard: &[Heard]) -> Option<String> {
    let shown: Vec<(String, String)> = heard.iter().filter_map(result).flat_map(|text| around(text, old)).collect();
    let (before, after) = shown.first()?;
    if shown.iter().any(|other| other != &(before.clone(), after.clone())) {
        return None;
    }
    let whole = |middle: &str| format!("{before}{middle}{after}");
    let lines = |sign: char, text: &str| -> String { text.split('\n').map(|line| format!("{sign}{line}\n")).collect() };
    // A whole line that is taken away leaves no empty one behind: only where the edit says so does a line remain.
    let added =
        if new.is_empty() && before.is_empty() && after.is_empty() { return None } else { lines('+', &whole(new)) };
    let removed = lines('-', &whole(old));
    if path.contains('\n') || removed.contains('\r') {
        return None;
    }
    Some(format!("*** Begin Patch\n*** Update File: {path}\n@@\n{removed}{added}*** End Patch\n"))
}

/// The patch for a file that is written whole.
pub fn add(path: &str, text: &str) -> Option<String> {
    let lines = text.strip_suffix('\n')?;
    if path.contains('\n') || text.contains('\r') {
        return None;
    }
    let added: String = lines.split('\n').map(|line| format!("+{line}\n")).collect();
    Some(format!("*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch\n"))
}

fn result(heard: &Heard) -> Option<&str> {
    match heard {
        Heard::Result(Returned { text, .. }) => Some(text),
        Heard::User(_) | Heard::Model(_) => None,
    }
}

/// What stands before and after `old` in its first and last line, for every place where it is shown.
fn around(text: &str, old: &str) -> Vec<(String, String)> {
    let bare: Vec<&str> = text.split('\n').map(unnumbered).collect();
    [text.to_owned(), bare.join("\n")]
        .iter()
        .flat_map(|text| {
            text.match_indices(old).map(|(at, _)| rest_of_lines(text, (at, at + old.len()))).collect::<Vec<_>>()
        })
        .map(|(before, after)| (unnumbered(before).to_owned(), after.to_owned()))
        .collect()
}

fn rest_of_lines(text: &str, (from, to): (usize, usize)) -> (&str, &str) {
    let start = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let end = text[to..].find('\n').map_or(text.len(), |at| to + at);
    (&text[start..from], &text[to..end])
}

fn unnumbered(line: &str) -> &str {
    let number = NUMBER.as_ref().and_then(|number| number.find(line));
    number.map_or(line, |number| &line[number.end()..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(texts: &[&str]) -> Vec<Heard> {
        texts.iter().map(|text| Heard::Result(Returned { call: String::new(), text: (*text).to_owned() })).collect()
    }

    #[test]
    fn a_patch_has_whole_lines_as_they_were_shown() {
        let expected = "*** Begin Patch\n*** Update File: a.py\n@@\n-    return dispatch(request)  # now\n+    return limited(request)  # now\n*** End Patch\n";
        let texts = [
            "def f():\n    return dispatch(request)  # now\n",
            "     1\tdef f():\n     2\t    return dispatch(request)  # now\n",
            "1: def f():\n2:     return dispatch(request)  # now",
        ];
        for text in texts {
            assert_eq!(edit("a.py", ("dispatch(", "limited("), &shown(&[text])).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(edit("a.py", ("dispatch(", "limited("), &shown(&texts)).as_deref(), Some(expected));
    }

    #[test]
    fn what_was_not_shown_or_not_in_one_way_makes_no_patch() {
        assert_eq!(edit("a.py", ("x", "y"), &shown(&["nothing"])), None);
        assert_eq!(edit("a.py", ("x", "y"), &shown(&["a x", "b x"])), None);
        assert_eq!(edit("a.py", ("x", ""), &shown(&["x\n"])), None);
        assert_eq!(add("a.py", "no end"), None);
        assert_eq!(add("a.py", "").as_deref(), None);
        assert_eq!(
            add("a.py", "one\n\n").as_deref(),
            Some("*** Begin Patch\n*** Add File: a.py\n+one\n+\n*** End Patch\n")
        );
    }
}
