//! Paths: where a path stands in the workspace, and what kind of file it names.
//!
//! `/home/me/notes/src/../src/db.py`, `./src/db.py` and `db.py` after `cd src` are one file. An edit of prose or data is no code
//! edit: nothing needs to be checked after it. A test file is told by its name or its folder, in any language.

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Anything whose change can change behaviour, configuration included.
    Code,
    Prose,
    Data,
    /// A folder, or a file moved about whose kind is not known.
    Other,
}

const PROSE: &[&str] = &["md", "markdown", "rst", "txt", "adoc", "org", "tex", "rtf", "pdf", "docx", "odt"];
const DATA: &[&str] = &[
    "csv", "tsv", "jsonl", "ndjson", "json", "xml", "parquet", "log", "lock", "png", "jpg", "jpeg", "gif", "svg",
    "ico", "webp", "mp3", "mp4", "wav", "zip", "gz", "tar", "db", "sqlite", "snap", "bin", "dat", "xlsx", "xls", "eml",
    "bak", "tmp", "patch", "diff", "pyc",
];
const PROSE_NAMES: &[&str] =
    &["license", "licence", "readme", "changelog", "authors", "notice", "contributing", "copying", "todo"];
/// JSON files that steer a build or a tool.
const CONFIG: &[&str] =
    &["package.json", "tsconfig.json", "composer.json", "deno.json", "jsconfig.json", "angular.json"];
/// Files without which nobody knows how a repository wants to be worked on.
const HOUSE_RULES: &[&str] =
    &["agents.md", "claude.md", "contributing.md", "gemini.md", "contributing.rst", ".cursorrules"];

pub fn class(path: &str) -> Class {
    let name = file_name(path).to_lowercase();
    if CONFIG.contains(&name.as_str()) {
        return Class::Code;
    }
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension);
    match extension {
        Some(extension) if PROSE.contains(&extension) && name != "cmakelists.txt" && name != "requirements.txt" => {
            Class::Prose
        }
        Some(extension) if DATA.contains(&extension) => Class::Data,
        Some(_) => Class::Code,
        None if PROSE_NAMES.contains(&name.as_str()) => Class::Prose,
        None => Class::Code,
    }
}

/// Whether a path has an extension or a name that says it is a file.
pub fn names_a_file(path: &str) -> bool {
    let name = file_name(path);
    name.contains('.') || ["Makefile", "Dockerfile", "Justfile", "Rakefile", "Gemfile", "Procfile"].contains(&name)
}

/// A test, by the habits of many languages.
pub fn is_test(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = file_name(&lower);
    let stem = name.split('.').next().unwrap_or(name);
    let in_folder = lower.rsplit_once('/').is_some_and(|(folders, _)| {
        folders
            .split('/')
            .any(|part| matches!(part, "test" | "tests" | "__tests__" | "spec" | "specs" | "testing" | "e2e"))
    });
    let by_name = stem == "test"
        || stem == "tests"
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("_spec")
        || name.contains(".test.")
        || name.contains(".spec.")
        || file_name(path).split('.').next().is_some_and(|stem| stem.ends_with("Test") || stem.ends_with("Tests"));
    in_folder || by_name
}

/// A bare `tests/` is a place of tests too, for a listing.
pub fn is_test_place(path: &str) -> bool {
    is_test(path) || matches!(file_name(path.trim_end_matches('/')), "test" | "tests" | "__tests__" | "spec" | "specs")
}

pub fn is_house_rules(path: &str) -> bool {
    let bytes = path.as_bytes();
    HOUSE_RULES.iter().any(|rules| {
        bytes.len().checked_sub(rules.len()).is_some_and(|at| {
            let (before, name) = bytes.split_at(at);
            name.eq_ignore_ascii_case(rules.as_bytes()) && before.last().is_none_or(|last| b"/\\".contains(last))
        })
    })
}

pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path as it stands in the workspace: `cd`s of the line joined, `.` and `..` resolved, the workspace's own folder cut off.
/// A path that stays absolute lies outside.
pub fn place(workspace: Option<&str>, dir: Option<&str>, path: &str) -> String {
    let path = path.trim().trim_matches(|quote| quote == '"' || quote == '\'');
    let joined = match dir {
        Some(dir) if !rooted(path) => format!("{}/{path}", dir.trim_end_matches('/')),
        Some(_) | None => path.to_owned(),
    };
    let joined = joined.replace('\\', "/");
    let own = workspace.map(|folder| folder.trim_end_matches('/')).filter(|folder| !folder.is_empty());
    let inside = own.and_then(|own| {
        let rest = joined.strip_prefix(own).or_else(|| joined.strip_prefix("$WORKSPACE"))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
    });
    tidy(inside.unwrap_or(&joined))
}

/// Whether a placed path lies outside the workspace.
pub fn outside(placed: &str) -> bool {
    rooted(placed) || placed.starts_with("..")
}

/// Whether `inner` is `outer` or lies in it.
pub fn covers(outer: &str, inner: &str) -> bool {
    outer == inner
        || outer == "."
        || inner.strip_prefix(outer.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

fn rooted(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    path.starts_with('/') || path.starts_with('~') || path.starts_with('$') || drive
}

fn tidy(path: &str) -> String {
    let lead = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        if lead.is_empty() { ".".to_owned() } else { lead.to_owned() }
    } else {
        format!("{lead}{}", parts.join("/"))
    }
}
