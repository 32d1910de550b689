//! Operations as lines of shell, for agents that offer no tool of their own for them.

use crate::script::Op;
use serde_json::Value;

/// The line that does it; `None` where no shell can: plans and questions.
pub fn line(op: &Op) -> Option<String> {
    match op {
        Op::Shell(line) => Some(line.clone()),
        Op::Read { path, lines: None } => Some(format!("cat {}", word(path))),
        Op::Read { path, lines: Some((first, last)) } => Some(format!("sed -n '{first},{last}p' {}", word(path))),
        Op::Search { pattern, path } => Some(search(pattern, path)),
        Op::Edit { path, old, new } => Some(edit(path, (old, new))),
        Op::Write { path, text } => Some(write(path, text)),
        Op::Plan(_) | Op::Ask { .. } => None,
    }
}

/// Rust's regular expressions and those of `grep -E` agree in what scripts use, but for a few classes and the flag for letter case.
fn search(pattern: &str, path: &str) -> String {
    let (flag, pattern) = match pattern.strip_prefix("(?i)") {
        Some(rest) => ("i", rest),
        None => ("", pattern),
    };
    let pattern = pattern.replace(r"\d", "[0-9]").replace("(?:", "(");
    format!("grep -rn{flag}E --exclude-dir=.git -e {} {}", quoted(&pattern), word(path))
}

/// As the step means it: what is replaced stands in the file exactly once, or nothing is done and the line fails.
fn edit(path: &str, (old, new): (&str, &str)) -> String {
    // JSON's strings are Python's, as serde_json writes them.
    let [path, old, new] = [path, old, new].map(|text| Value::from(text).to_string());
    format!(
        "python3 - <<'EOF'\nfrom pathlib import Path\n\npath = Path({path})\nold, new = {old}.encode(), {new}.encode()\n\
         text = path.read_bytes()\nassert text.count(old) == 1, f\"found {{text.count(old)}} times\"\n\
         path.write_bytes(text.replace(old, new))\nEOF"
    )
}

fn write(path: &str, text: &str) -> String {
    let folder = path.rsplit_once('/').map(|(folder, _)| format!("mkdir -p {} && ", word(folder))).unwrap_or_default();
    let path = word(path);
    if text.is_empty() {
        return format!("{folder}: > {path}");
    }
    match text.strip_suffix('\n') {
        Some(lines) => {
            let end = marker(lines);
            format!("{folder}cat > {path} <<'{end}'\n{lines}\n{end}")
        }
        None => format!("{folder}printf '%s' {} > {path}", quoted(text)),
    }
}

/// A word that is no line of the text.
fn marker(text: &str) -> String {
    let mut end = "EOF".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    end
}

fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./_-+,@%".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        text.to_owned()
    } else if text.starts_with('-') {
        quoted(&format!("./{text}"))
    } else {
        quoted(text)
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
