//! Words that speak to a judge instead of doing the work. They change no verdict: they are told to the judge as data, and to the reader as a flag.

use regex::Regex;
use std::sync::LazyLock;

/// Looked for in text whose hidden characters are gone and whose full-width letters are plain.
static ADDRESSED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)["']?\bverdicts?\b["']?\s*(?:[:=]|is|are|should be|must be)\s*["']?(?:all\s+)?(?:met|not[_ ]met|pass|true|1)\b"#,
        r"|\b(?:grade|score|rate|mark|judge|rating|grading)\b[^.\n]{0,40}\b(?:all|every|each|this|it|everything)\b[^.\n]{0,40}\b(?:met|pass(?:ed|ing)?|full marks|10/10|100\s*%)",
        r"|\b(?:grade|score|rating|verdict)\s*[:=]\s*(?:all|met|pass|10|100|full|perfect)",
        r"|\ball\s+(?:criteria|requirements|checks|questions)\s+(?:are|were|have been|should be|must be)?\s*(?:considered\s+)?(?:met|satisfied)\b",
        r"|\b(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:previous|prior|above|earlier|preceding|all|any|your)\b[^.\n]{0,30}\b(?:instructions?|prompts?|rules?|criteria|guidelines|rubric)\b",
        r"|\b(?:note|message|attention|instructions?|reminder|hint)\s*(?:to|for)?\s*:?\s*(?:the\s+)?(?:llm|ai\s+)?(?:judge|grader|evaluator|reviewing model|grading model)\b",
        r"|\b(?:dear|hey|hello|attention)[,:]?\s+(?:the\s+)?(?:llm\s+|ai\s+)?(?:judge|grader|evaluator)\b",
        r"|\b(?:judge|grader|evaluator)s?\b[^.\n]{0,30}\b(?:must|should|shall|need to|has to|are to|is to)\b[^.\n]{0,40}\b(?:met|pass|mark|grade|score|answer|reply|output|respond|accept|approve|ignore|treat)",
        r#"|"criterion"\s*:\s*"[^"\n]{0,80}""#
    ))
    .ok()
});

pub fn speaks_to_a_judge(folded: &str) -> bool {
    ADDRESSED.as_ref().is_some_and(|addressed| addressed.is_match(folded))
}
