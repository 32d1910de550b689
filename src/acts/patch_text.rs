//! Paths named in patches: the envelope of `apply_patch` and unified diffs.

/// Files that a patch touches, in order, each once.
pub(super) fn paths(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines() {
        let path = envelope(line).or_else(|| diff_header(line));
        if let Some(path) = path.map(str::trim).filter(|path| !path.is_empty() && *path != "/dev/null")
            && found.len() < MAX_PATHS
            && !found.iter().any(|known| known == path)
        {
            found.push(path.to_owned());
        }
    }
    found
}

/// A patch over more files than this is cut: a list nobody reads, and a quadratic one.
const MAX_PATHS: usize = 500;

fn envelope(line: &str) -> Option<&str> {
    ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "]
        .iter()
        .find_map(|start| line.strip_prefix(start))
}

fn diff_header(line: &str) -> Option<&str> {
    let path = line.strip_prefix("+++ ").or_else(|| line.strip_prefix("--- "))?;
    let path = path.split('\t').next().unwrap_or(path);
    Some(path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).unwrap_or(path))
}

/// Cuts at a character, not in one.
pub(super) fn shorten(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
