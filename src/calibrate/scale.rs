//! What labels there are, from lowest to highest, and which of them pass.

/// Labels in order. At least two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    labels: Vec<String>,
    /// Labels from this place on pass.
    pass_from: usize,
    /// Pass and fail, with the other words for them.
    pass_fail: bool,
}

const PASS: &[&str] = &["pass", "passed", "met", "yes", "true", "1"];
const FAIL: &[&str] = &["fail", "failed", "not_met", "no", "false", "0"];
/// A rater who looked and could not decide.
const UNDECIDED: &[&str] = &["unknown", "unclear", "not_applicable"];

impl Scale {
    /// `fail`, `pass`, and the other words for them.
    pub fn pass_fail() -> Scale {
        Scale { labels: vec!["fail".to_owned(), "pass".to_owned()], pass_from: 1, pass_fail: true }
    }

    /// `low,...,high`; without `pass_at`, the highest label alone passes.
    ///
    /// # Errors
    /// In words, where it is no scale or `pass_at` is not on it.
    pub fn of(labels: &str, pass_at: Option<&str>) -> Result<Scale, String> {
        let labels: Vec<String> = labels.split(',').map(|label| label.trim().to_lowercase()).collect();
        if labels.len() < 2 || labels.iter().any(String::is_empty) {
            return Err("a scale needs at least two labels, from lowest to highest: --scale low,...,high".to_owned());
        }
        if let Some(twice) = labels.iter().enumerate().find(|(at, label)| labels[..*at].contains(label)) {
            return Err(format!("the scale has `{}` twice", twice.1));
        }
        if let Some(taken) = labels.iter().find(|label| UNDECIDED.contains(&label.as_str())) {
            return Err(format!("`{taken}` says that a rater could not decide: it is on no scale"));
        }
        let lowered = pass_at.map(str::to_lowercase);
        let pass_from = match &lowered {
            None => labels.len() - 1,
            Some(wanted) => labels
                .iter()
                .position(|label| label == wanted)
                .ok_or_else(|| format!("--pass-at `{wanted}` is not on the scale {}", labels.join(", ")))?,
        };
        if pass_from == 0 {
            return Err(format!("--pass-at `{}` is the lowest label: everything would pass", labels[0]));
        }
        Ok(Scale { labels, pass_from, pass_fail: false })
    }

    /// The place of a label; `None` where the rater could not decide.
    ///
    /// # Errors
    /// Where there is no such label: which there are.
    pub fn place(&self, label: &str) -> Result<Option<usize>, String> {
        let word = label.trim().to_lowercase();
        if UNDECIDED.contains(&word.as_str()) {
            return Ok(None);
        }
        if self.pass_fail {
            return match (PASS.contains(&word.as_str()), FAIL.contains(&word.as_str())) {
                (true, _) => Ok(Some(1)),
                (_, true) => Ok(Some(0)),
                (false, false) => Err(format!(
                    "unknown label {word:?}; known are {}, {} and {} (other labels: --scale low,...,high)",
                    PASS.join(", "),
                    FAIL.join(", "),
                    UNDECIDED.join(", ")
                )),
            };
        }
        match self.labels.iter().position(|known| *known == word) {
            Some(place) => Ok(Some(place)),
            None => Err(format!(
                "unknown label {word:?}; the scale is {}; {} are known too",
                self.labels.join(", "),
                UNDECIDED.join(", ")
            )),
        }
    }

    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    pub fn passes(&self, place: usize) -> bool {
        place >= self.pass_from
    }

    /// The lowest label that passes.
    pub fn pass_at(&self) -> &str {
        &self.labels[self.pass_from]
    }
}
