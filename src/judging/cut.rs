//! Long texts by their head and tail: what is left out is counted and named by a hash, so that nobody takes the rest for the whole.

/// Characters of one line of a cut text.
const LINE: usize = 400;

/// A text cut, and how many of its bytes are not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    pub head: String,
    /// A line of ours, not of the data.
    pub mark: String,
    pub tail: String,
    pub bytes: usize,
}

/// The first and the last `keep` lines. `None`: the text is short enough to stand whole.
pub fn cut(text: &str, keep: usize) -> Option<Cut> {
    let lines: Vec<&str> = text.lines().collect();
    let long = lines.iter().any(|line| line.len() > 4 * LINE);
    if lines.len() <= 2 * keep + 2 && !long {
        return None;
    }
    let split = keep.min(lines.len() / 2 + lines.len() % 2);
    let rest = lines.len().saturating_sub(keep).max(split);
    let (head, tail) = (narrow(&lines[..split]), narrow(&lines[rest..]));
    let kept = head.len() + tail.len();
    let bytes = text.len().saturating_sub(kept).max(1);
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let mark = format!("~ {} lines elided, {bytes} bytes not shown, whole text blake3 {}", rest - split, &hash[..12]);
    Some(Cut { head, mark, tail, bytes })
}

fn narrow(lines: &[&str]) -> String {
    let mut out = String::new();
    for line in lines {
        if line.len() > 4 * LINE {
            let head: String = line.chars().take(LINE).collect();
            let tail: String = line.chars().rev().take(LINE).collect::<Vec<_>>().into_iter().rev().collect();
            out.push_str(&format!(
                "{head} ... {} characters ... {tail}",
                line.chars().count().saturating_sub(2 * LINE)
            ));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_tail_and_what_is_between() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let cut = cut(&text, 3).unwrap();
        assert_eq!((cut.head.as_str(), cut.tail.as_str()), ("line 0\nline 1\nline 2\n", "line 97\nline 98\nline 99\n"));
        assert!(cut.mark.starts_with("~ 94 lines elided"), "{}", cut.mark);
        assert_eq!(super::cut("one\ntwo", 3), None);
    }

    #[test]
    fn one_giant_line_is_narrowed() {
        let text = "é".repeat(9_000);
        let cut = cut(&text, 3).unwrap();
        assert!(cut.head.len() + cut.tail.len() < 4_000 && cut.bytes > 10_000);
    }
}
