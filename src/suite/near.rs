//! Near names: what somebody may have meant.

/// Names that are looked at: enough for any suite, and a bound for hostile ones.
const MAX_NAMES: usize = 1000;

/// The name nearest to `word`, if one is near enough to be meant.
pub fn near<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let most = (word.chars().count() / 3).clamp(1, 3);
    let scored =
        names.into_iter().take(MAX_NAMES).filter(|name| name.len() <= 64).map(|name| (distance(word, name), name));
    scored.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far).map(|(_, name)| name)
}

/// "did you mean `x`?", or the names there are, or nothing.
pub fn hint<'a>(word: &str, names: impl IntoIterator<Item = &'a str>, what: &str) -> String {
    let names: Vec<&str> = names.into_iter().take(MAX_NAMES).collect();
    match near(word, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => String::new(),
        None => format!("{what}: {}", listed(&names)),
    }
}

/// `a`, `b` and `c`: at most twenty of them.
pub fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(20).map(|name| format!("`{name}`")).collect();
    if names.len() > 20 { format!("{} and {} more", shown.join(", "), names.len() - 20) } else { shown.join(", ") }
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other, letters' case and `-`/`_` left aside.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars().flat_map(char::to_lowercase).map(|c| if c == '-' || c == ' ' { '_' } else { c }).collect()
    };
    let (left, right) = (fold(left), fold(right));
    let mut before = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1; right.len() + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_typo_finds_its_name_and_a_stranger_finds_none() {
        let names = ["outcome", "planning", "interview", "say"];
        assert_eq!(near("outcom", names), Some("outcome"));
        assert_eq!(near("plannign", names), Some("planning"));
        assert_eq!(near("Interview", names), Some("interview"));
        assert_eq!(near("sya", names), Some("say"));
        assert_eq!(near("budget", names), None);
    }
}
