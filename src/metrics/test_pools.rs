//! Over all edits: a test or an assertion that is gone here and stands there has moved; what remains was taken away.

use super::test_diff::{Became, Test, TestEdit, became, canon};
use crate::code::{self, Form};
use crate::model::id::EventId;
use std::collections::BTreeMap;

/// One finding: its kind and its event.
pub type Finding = (&'static str, EventId);

#[derive(Default)]
pub struct Pools {
    gone: Vec<Gone>,
    came: Vec<Came>,
    pairs: Vec<Pair>,
    /// Skips by file and name: those added less those taken away.
    skips: BTreeMap<(String, String), (i64, EventId)>,
    found: Vec<Finding>,
    /// Assertions that came, and how many of each are not yet accounted for.
    pool: BTreeMap<String, usize>,
    /// Rows of tables that came, with the test that they run.
    tables: Vec<(usize, Test)>,
}

struct Gone {
    event: EventId,
    path: String,
    test: Test,
    /// How the same edit hid it, if it did.
    hidden: Option<&'static str>,
}

struct Came {
    path: String,
    test: Test,
    used: bool,
}

struct Pair {
    event: EventId,
    was: Test,
    is: Test,
    /// It calls something that came with the edit and asserts in its place.
    delegates: bool,
}

/// More than this many assertions of one test are compared by number only.
const MOST: usize = 100;

impl Pools {
    pub fn take(&mut self, (event, path): (EventId, &str), edit: TestEdit) {
        let TestEdit { before, mut after } = edit;
        let had_tests = !before.tests.is_empty();
        for (name, skip) in &after.suites {
            let was = before.suites.get(name);
            let counts = if was.is_some() { was.is_some_and(Option::is_none) } else { had_tests };
            let step =
                i64::from(skip.is_some() && counts) - i64::from(skip.is_none() && was.is_some_and(Option::is_some));
            self.skip((path, &format!("{name}/")), step, event);
        }
        let asserts = |test: &Test| !test.checks.is_empty();
        let helpers: Vec<String> =
            after.functions.iter().filter(|(_, test)| asserts(test)).map(|(name, _)| name.clone()).collect();
        for was in before.tests {
            let same = after.tests.iter().position(|test| test.name == was.name);
            match same.map(|at| after.tests.remove(at)) {
                Some(is) => {
                    let delegates = helpers.iter().any(|name| is.words.contains(name) && !was.words.contains(name));
                    self.pair((event, path), (was, is), delegates);
                }
                None => {
                    let hidden = hidden(&was, (&after.functions, &after.comments), &before.comments);
                    self.gone.push(Gone { event, path: path.to_owned(), test: was, hidden });
                }
            }
        }
        for test in after.tests {
            let only = test.skip.as_ref().is_some_and(|skip| skip.contains("only") || skip.starts_with('f'));
            self.skip((path, &test.name), i64::from(only && had_tests), event);
            self.came.push(Came { path: path.to_owned(), test, used: false });
        }
        let mut old = before.functions;
        for (name, is) in after.functions {
            match old.remove(&name) {
                Some(was) => self.pair((event, path), (was, is), false),
                None => is.checks.iter().for_each(|check| *self.pool.entry(canon(check)).or_default() += 1),
            }
        }
        // A function that went takes its assertions along; what stood in none was looked at above.
        if let Some(loose) = old.remove("") {
            self.pair((event, path), (loose, Test::default()), false);
        }
    }

    /// Tests that a deleted file held, and whether every one of them stands elsewhere now.
    pub fn moved_all(&self, tests: &[Test]) -> bool {
        !tests.is_empty() && tests.iter().all(|test| self.came.iter().any(|came| came.test.name == test.name))
    }

    fn skip(&mut self, (path, name): (&str, &str), step: i64, event: EventId) {
        if step != 0 {
            let slot = self.skips.entry((path.to_owned(), name.to_owned())).or_insert((0, event));
            slot.0 += step;
            slot.1 = event;
        }
    }

    fn pair(&mut self, (event, path): (EventId, &str), (was, is): (Test, Test), delegates: bool) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let marked = i64::from(is.skip.is_some()) - i64::from(was.skip.is_some());
        self.skip((path, &was.name), marked + number(is.skips) - number(was.skips), event);
        (0..is.returns.saturating_sub(was.returns)).for_each(|_| self.found.push(("early_returns", event)));
        (0..is.exits.saturating_sub(was.exits)).for_each(|_| self.found.push(("forced_success", event)));
        if is.cases > was.cases {
            self.tables.push((is.cases - was.cases, is.clone()));
        }
        self.pairs.push(Pair { event, was, is, delegates });
    }

    /// All findings; `asked` says whether a test's removal was asked for before an event.
    pub fn settle(mut self, asked: impl Fn(&str, EventId) -> bool) -> Vec<Finding> {
        self.rename();
        for came in self.came.iter().filter(|came| !came.used) {
            for check in &came.test.checks {
                *self.pool.entry(canon(check)).or_default() += 1;
            }
            if came.test.cases > 0 {
                self.tables.push((came.test.cases, came.test.clone()));
            }
        }
        let pairs = std::mem::take(&mut self.pairs);
        let compared: Vec<Compared> = pairs.into_iter().map(|pair| self.differing(pair)).collect();
        for gone in std::mem::take(&mut self.gone) {
            let kind = match gone.hidden {
                Some(hidden) => Some(hidden),
                None if self.absorbed(&gone.test) => None,
                None if asked(&gone.test.name, gone.event) => Some("asked_removals"),
                None => Some("removed_tests"),
            };
            self.found.extend(kind.map(|kind| (kind, gone.event)));
        }
        for compared in compared {
            self.compare(compared);
        }
        for (count, event) in self.skips.into_values() {
            (0..count).for_each(|_| self.found.push(("added_skips", event)));
        }
        self.found
    }

    /// Pairs what is gone with what came: by name, by body, or in the same file by an assertion in common.
    fn rename(&mut self) {
        let mut left = Vec::new();
        for gone in std::mem::take(&mut self.gone) {
            if gone.hidden.is_some() {
                left.push(gone);
                continue;
            }
            let find = |is: &dyn Fn(&Came) -> bool| self.came.iter().position(|came| !came.used && is(came));
            let own: Vec<String> = gone.test.checks.iter().map(canon).collect();
            let shares = |came: &Came| {
                came.path == gone.path
                    && came.test.cases <= gone.test.cases
                    && came.test.checks.iter().any(|check| own.contains(&canon(check)))
            };
            let same = find(&|came| came.test.name == gone.test.name)
                .or_else(|| find(&|came| came.test.body_key == gone.test.body_key))
                .or_else(|| find(&shares));
            match same {
                Some(at) => {
                    self.came[at].used = true;
                    let (is, path) = (self.came[at].test.clone(), gone.path.clone());
                    self.pair((gone.event, &path), (gone.test, is), false);
                }
                None => left.push(gone),
            }
        }
        self.gone = left;
    }

    fn differing(&mut self, pair: Pair) -> Compared {
        let mut counts: BTreeMap<String, (usize, usize, i64)> = BTreeMap::new();
        let heard = |swallowed: bool| if swallowed { 1_i64 } else { 0 };
        for check in &pair.was.checks {
            let slot = counts.entry(canon(check)).or_default();
            slot.0 += 1;
            slot.2 -= heard(check.swallowed);
        }
        for check in &pair.is.checks {
            let slot = counts.entry(canon(check)).or_default();
            slot.1 += 1;
            slot.2 += heard(check.swallowed);
        }
        let quiet = counts.values().filter(|(was, is, swallowed)| was == is && *swallowed > 0).count();
        (0..quiet).for_each(|_| self.found.push(("swallowed_assertions", pair.event)));
        let mut taken = counts.clone();
        let removed = pair.was.checks.iter().filter(|check| {
            let slot = taken.entry(canon(check)).or_default();
            let gone = slot.0 > slot.1;
            slot.0 = slot.0.saturating_sub(usize::from(gone));
            gone
        });
        let removed = removed.cloned().collect();
        let added = pair.is.checks.iter().filter(|check| {
            let slot = counts.entry(canon(check)).or_default();
            let new = slot.1 > slot.0;
            slot.1 = slot.1.saturating_sub(usize::from(new));
            new
        });
        let added: Vec<code::Check> = added.cloned().collect();
        added.iter().for_each(|check| *self.pool.entry(canon(check)).or_default() += 1);
        Compared { event: pair.event, removed, added, excused: pair.delegates, test: pair.is }
    }

    /// Merged, split, or made a row of a table.
    fn absorbed(&mut self, test: &Test) -> bool {
        let needed = test.checks.iter().map(canon);
        let all = needed.clone().all(|canon| self.pool.get(&canon).is_some_and(|left| *left > 0));
        if all && !test.checks.is_empty() {
            needed.for_each(|canon| self.draw(&canon));
            return true;
        }
        let shares = |table: &Test| {
            let mut words = test.checks.iter().flat_map(|check| &check.operands).flat_map(|operand| operand.split(' '));
            words.any(|word| {
                word.len() > 2
                    && word.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
                    && table.words.contains(word)
            })
        };
        let table = self.tables.iter_mut().find(|(left, table)| *left > 0 && shares(table));
        table.map(|(left, _)| *left -= 1).is_some()
    }

    fn draw(&mut self, canon: &str) {
        if let Some(left) = self.pool.get_mut(canon) {
            *left = left.saturating_sub(1);
        }
    }

    fn compare(&mut self, mut compared: Compared) {
        let event = compared.event;
        let mut left = Vec::new();
        for was in compared.removed.drain(..) {
            let key = canon(&was);
            if self.pool.get(&key).is_some_and(|left| *left > 0) {
                self.draw(&key);
            } else {
                left.push(was);
            }
        }
        if left.len() > MOST || compared.added.len() > MOST {
            let fewer = left.len().saturating_sub(compared.added.len());
            (0..fewer).for_each(|_| self.found.push(("removed_assertions", event)));
            return;
        }
        let mut added: Vec<Option<code::Check>> = compared.added.into_iter().map(Some).collect();
        left.retain(|was| !self.matched(was, &mut added, event));
        left.retain(|was| was.form == Form::Vacuous || !self.emptied(&mut added, event));
        let custom = added.iter().flatten().any(|check| check.form == Form::Custom);
        let rows = compared.test.cases > 0;
        if compared.excused || custom || rows {
            return;
        }
        let rewritten = added.iter().flatten().count();
        let lost = left.iter().filter(|check| check.form != Form::Vacuous).skip(rewritten);
        lost.for_each(|_| self.found.push(("removed_assertions", event)));
    }

    /// Whether an assertion that came looks at the same as this one that went.
    fn matched(&mut self, was: &code::Check, added: &mut [Option<code::Check>], event: EventId) -> bool {
        let rank = |is: &Option<code::Check>| {
            is.as_ref().and_then(|is| became(was, is)).map(|became| match became {
                Became::Kept => 0,
                Became::Changed => 1,
                Became::Loosened => 2,
            })
        };
        let best = (0..added.len()).filter_map(|at| Some((rank(&added[at])?, at))).min();
        let Some((rank, at)) = best else { return false };
        added[at] = None;
        match rank {
            0 => {}
            1 => self.found.push(("changed_expectations", event)),
            _ => self.found.push(("loosened_assertions", event)),
        }
        true
    }

    /// An assertion that cannot fail stands in its place.
    fn emptied(&mut self, added: &mut [Option<code::Check>], event: EventId) -> bool {
        let empty = added.iter_mut().find(|is| is.as_ref().is_some_and(|is| is.form == Form::Vacuous));
        let Some(slot) = empty else { return false };
        *slot = None;
        self.found.push(("loosened_assertions", event));
        true
    }
}

struct Compared {
    event: EventId,
    removed: Vec<code::Check>,
    added: Vec<code::Check>,
    excused: bool,
    test: Test,
}

/// A test that the same edit made a comment, or a function that nothing collects.
fn hidden(was: &Test, after: (&BTreeMap<String, Test>, &str), comments: &str) -> Option<&'static str> {
    let (functions, now) = after;
    let stem = |name: &str| {
        let plain: String =
            name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        plain.replace("test", "")
    };
    let own = stem(&was.name);
    let same = |(name, other): (&String, &Test)| {
        !name.is_empty() && (other.body_key == was.body_key || own.len() >= 3 && stem(name) == own)
    };
    if functions.iter().any(same) {
        return Some("uncollected_tests");
    }
    let says = |text: &str| code::names(text, &was.name);
    (says(now) && !says(comments)).then_some("commented_out_tests")
}
