//! A unified patch as files with runs of added, removed and unchanged lines.

use super::super::words::number;
use serde::Serialize;

#[derive(Serialize, Debug, PartialEq, Eq)]
pub(super) struct FilePatch {
    pub name: String,
    pub added: String,
    pub removed: String,
    pub runs: Vec<Run>,
    /// Few lines: shown open.
    pub short: bool,
}

/// Consecutive lines of one class: `a`dded, `d`eleted, `h`ead of a hunk, `c`ontext.
#[derive(Serialize, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub class: &'static str,
    pub text: String,
}

/// Lines of a patch that is shown open.
const SHORT: usize = 60;

/// Never fails: what is no patch comes out as context.
pub(super) fn files(patch: &str) -> Vec<FilePatch> {
    let mut reader = Reader::default();
    for line in patch.lines() {
        reader.take(line);
    }
    reader.close();
    reader.files
}

#[derive(Default)]
struct Reader {
    files: Vec<FilePatch>,
    runs: Vec<Run>,
    name: String,
    /// Lines that the hunk still has: old, new.
    left: (u64, u64),
    counts: (u64, u64, usize),
    old_name: String,
}

impl Reader {
    fn take(&mut self, line: &str) {
        if self.left != (0, 0) {
            return self.in_hunk(line);
        }
        if line.starts_with("diff --git ") {
            self.close();
            self.name = line.rsplit_once(" b/").map_or(line, |(_, name)| name).to_owned();
            return;
        }
        if let Some(name) = line.strip_prefix("--- ") {
            if self.counts.2 > 0 && self.runs.iter().any(|run| run.class == "h") {
                self.close();
            }
            self.old_name = plain(name);
            return;
        }
        if let Some(name) = line.strip_prefix("+++ ") {
            let name = plain(name);
            let name = if name == "/dev/null" { self.old_name.clone() } else { name };
            if self.name.is_empty() {
                self.name = name;
            }
            return;
        }
        if let Some(left) = hunk(line) {
            self.left = left;
            return self.push("h", line);
        }
        if !line.starts_with("index ") {
            self.push(if line.starts_with('\\') { "c" } else { "m" }, line);
        }
    }

    fn in_hunk(&mut self, line: &str) {
        let (old, new) = &mut self.left;
        match line.as_bytes().first() {
            Some(b'+') => {
                *new = new.saturating_sub(1);
                self.counts.0 += 1;
                self.push("a", line);
            }
            Some(b'-') => {
                *old = old.saturating_sub(1);
                self.counts.1 += 1;
                self.push("d", line);
            }
            Some(b'\\') => self.push("c", line),
            _ => {
                (*old, *new) = (old.saturating_sub(1), new.saturating_sub(1));
                self.push("c", line);
            }
        }
    }

    fn push(&mut self, class: &'static str, line: &str) {
        self.counts.2 += 1;
        match self.runs.last_mut().filter(|run| run.class == class) {
            Some(run) => {
                run.text.push('\n');
                run.text.push_str(line);
            }
            None => self.runs.push(Run { class, text: line.to_owned() }),
        }
    }

    fn close(&mut self) {
        let (added, removed, lines) = std::mem::take(&mut self.counts);
        let (name, runs) = (std::mem::take(&mut self.name), std::mem::take(&mut self.runs));
        self.left = (0, 0);
        if name.is_empty() && runs.is_empty() {
            return;
        }
        self.files.push(FilePatch {
            name,
            added: number(added),
            removed: number(removed),
            runs,
            short: lines <= SHORT,
        });
    }
}

/// `a/src/x.rs` and what git quotes, as a name.
fn plain(name: &str) -> String {
    let name = name.trim_end_matches('\t').trim_matches('"');
    name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name).to_owned()
}

/// `@@ -1,3 +1,4 @@`: lines of both sides.
fn hunk(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let count = |side: &str| side.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some((count(old)?, count(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_becomes_files_and_runs() {
        let patch = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n--- b\n+++ c\ndiff --git a/y b/y\nBinary files differ\n";
        let found = files(patch);
        let classes: Vec<Vec<&str>> =
            found.iter().map(|file| file.runs.iter().map(|run| run.class).collect()).collect();
        assert_eq!(classes, [vec!["h", "c", "d", "a"], vec!["m"]]);
        assert_eq!(found.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((found[0].added.as_str(), found[0].removed.as_str()), ("1", "1"));
    }

    #[test]
    fn what_is_no_patch_is_shown_as_it_stands() {
        assert_eq!(files("hello\n")[0].runs, [Run { class: "m", text: "hello".to_owned() }]);
        assert_eq!(files(""), []);
        assert_eq!(
            files("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n").len(),
            2
        );
    }
}
