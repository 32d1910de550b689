//! One edit of a test file: which tests went, came, stayed, and what each of them asserts.

use super::texts::{EditText, Hunk};
use crate::code::{self, Check, Form, Item, ItemKind, Language, MarkKind, Outline};
use std::collections::{BTreeMap, BTreeSet};

/// A test on one side of an edit.
#[derive(Clone, Default)]
pub struct Test {
    pub name: String,
    pub body_key: u64,
    pub skip: Option<String>,
    pub cases: usize,
    pub checks: Vec<Check>,
    /// Words of its body.
    pub words: BTreeSet<String>,
    pub skips: usize,
    pub returns: usize,
    pub exits: usize,
}

/// All of one side, pieces joined.
#[derive(Default)]
pub struct Side {
    pub tests: Vec<Test>,
    /// Other functions, and under an empty name what stands in none.
    pub functions: BTreeMap<String, Test>,
    /// Suites and what skips them.
    pub suites: BTreeMap<String, Option<String>>,
    pub comments: String,
}

impl Side {
    /// `only_tests`: a file of code among which tests stand; nothing else of it is looked at.
    fn add(&mut self, language: Language, text: &str, only_tests: bool) {
        let outline = code::outline(language, text);
        let mut made: Vec<Option<Test>> = outline.items.iter().map(|item| self.item(item, text)).collect();
        let mut loose = Test::default();
        for check in outline.checks.iter().cloned() {
            let owner = check.owner.and_then(|owner| made[owner].as_mut());
            owner.unwrap_or(&mut loose).checks.push(check);
        }
        for mark in &outline.marks {
            let owner = mark.owner.and_then(|owner| made[owner].as_mut()).unwrap_or(&mut loose);
            match mark.kind {
                MarkKind::Skip => owner.skips += 1,
                MarkKind::Return => owner.returns += 1,
                MarkKind::Exit => owner.exits += 1,
            }
        }
        self.keep(&outline, made, only_tests);
        if !only_tests {
            let own = self.functions.entry(String::new()).or_default();
            own.checks.extend(loose.checks);
            own.skips += loose.skips;
            own.exits += loose.exits;
        }
        for range in &outline.comments {
            self.comments.push_str(text.get(range.clone()).unwrap_or_default());
            self.comments.push('\n');
        }
    }

    fn item(&mut self, item: &Item, text: &str) -> Option<Test> {
        match item.kind {
            ItemKind::Suite | ItemKind::Module => {
                self.suites.insert(item.name.clone(), item.skip.clone());
                None
            }
            ItemKind::Function | ItemKind::Method | ItemKind::Test => {
                let body = text.get(item.body.clone()).unwrap_or_default();
                let words = body.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                Some(Test {
                    name: item.name.clone(),
                    body_key: item.body_key,
                    skip: item.skip.clone(),
                    cases: item.cases,
                    words: words.filter(|word| word.len() > 2).map(str::to_owned).collect(),
                    ..Test::default()
                })
            }
            ItemKind::Class | ItemKind::Type | ItemKind::Constant => None,
        }
    }

    fn keep(&mut self, outline: &Outline, made: Vec<Option<Test>>, only_tests: bool) {
        for (item, test) in outline.items.iter().zip(made) {
            match test {
                Some(test) if item.kind == ItemKind::Test => self.tests.push(test),
                Some(test) if !only_tests => {
                    self.functions.insert(item.name.clone(), test);
                }
                Some(test) => {
                    self.functions.insert(item.name.clone(), Test { checks: Vec::new(), ..test });
                }
                None => {}
            }
        }
    }
}

/// Both sides of an edit.
pub struct TestEdit {
    pub before: Side,
    pub after: Side,
}

pub fn sides(language: Language, text: &EditText<'_>, only_tests: bool) -> TestEdit {
    let mut edit = TestEdit { before: Side::default(), after: Side::default() };
    for Hunk { before, after, .. } in &text.hunks {
        edit.before.add(language, before, only_tests);
        edit.after.add(language, after, only_tests);
    }
    edit
}

/// What two assertions have in common, whatever order they name it in.
pub fn canon(check: &Check) -> String {
    if check.form == Form::Custom {
        return check.text.clone();
    }
    let mut operands = check.operands.clone();
    operands.sort_unstable();
    format!("{:?} {operands:?} {:?}", check.form, check.slack)
}

/// What became of an assertion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Became {
    Loosened,
    /// The same is looked at as strictly, and something else is expected.
    Changed,
    /// As strict as before, or stricter.
    Kept,
}

/// `None`: the two have nothing in common.
pub fn became(was: &Check, is: &Check) -> Option<Became> {
    if !related(was, is) {
        return None;
    }
    let known = was.form != Form::Custom && is.form != Form::Custom;
    let subset =
        is.operands.len() < was.operands.len() && is.operands.iter().all(|operand| was.operands.contains(operand));
    let fewer = subset && was.form == is.form && was.operands.first().is_some_and(|first| first == "raises");
    if known && (is.form < was.form || fewer) || slacker(was, is) {
        Some(Became::Loosened)
    } else if known && was.form == is.form && was.form >= Form::Loose && was.slack.is_none() == is.slack.is_none() {
        Some(if was.slack == is.slack { Became::Changed } else { Became::Kept })
    } else {
        Some(Became::Kept)
    }
}

fn slacker(was: &Check, is: &Check) -> bool {
    let usual =
        || (was.form == Form::Loose && was.text.contains("close") || was.text.contains("approx")).then_some(1e-6);
    match (was.slack.or_else(usual), is.slack) {
        (Some(was), Some(slack)) => is.form != Form::Exact && slack > was * (1.0 + 1e-9 * was.signum()) + 1e-15,
        (_, _) => false,
    }
}

fn related(was: &Check, is: &Check) -> bool {
    let telling = |text: &str| text.len() >= 2 && !text.starts_with('"') && text.contains(char::is_alphabetic);
    was.operands.iter().any(|one| {
        is.operands.iter().any(|other| {
            one == other && (one.contains(char::is_alphabetic) && !one.starts_with('"'))
                || telling(one) && telling(other) && (code::names(one, other) || code::names(other, one))
        })
    })
}
