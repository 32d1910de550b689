//! Walks the tokens once more, with the items known: assertions, skips, returns and exits, each with its owner.

use super::{Check, Form, ItemKind, Language, Mark, MarkKind, Outline, checks, outliner::Draft, tokens::Code};
use std::ops::Range;

pub(super) fn fill(code: &Code<'_>, drafts: Vec<Draft>) -> Outline {
    let mut walk = Walk { code, drafts: &drafts, next: 0, open: Vec::new(), out: Outline::default() };
    let guards = super::guards::swallowed(code);
    let mut guard = guards.iter().peekable();
    let mut claimed = 0;
    for at in 0..code.len() {
        let owner = walk.owner(at);
        while guard.next_if(|range| range.end <= at).is_some() {}
        if let Some((kind, end)) = mark(code, at) {
            walk.mark((kind, owner), at..end);
        }
        if at >= claimed
            && let Some(found) = checks::check(code, at)
        {
            claimed = found.until;
            let swallowed = guard.peek().is_some_and(|range| range.contains(&at));
            walk.out.checks.push(Check {
                owner,
                text: code.normal(found.span),
                form: found.judged.form,
                operands: found.judged.operands,
                slack: found.judged.slack,
                swallowed,
                line: code.line(at),
            });
        }
    }
    for (nth, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.item.kind == ItemKind::Test) {
        walk.leaves(nth, draft);
        walk.promised(nth, draft);
    }
    walk.outputs();
    walk.tags();
    let mut out = walk.out;
    out.items = drafts.into_iter().map(|draft| draft.item).collect();
    out.comments.clone_from(&code.comments);
    out
}

struct Walk<'c, 't> {
    code: &'c Code<'t>,
    drafts: &'c [Draft],
    next: usize,
    open: Vec<usize>,
    out: Outline,
}

impl Walk<'_, '_> {
    /// The innermost function or test around a token.
    fn owner(&mut self, at: usize) -> Option<usize> {
        while self.drafts.get(self.next).is_some_and(|draft| draft.span.start <= at) {
            let kind = self.drafts[self.next].item.kind;
            if matches!(kind, ItemKind::Function | ItemKind::Method | ItemKind::Test) {
                self.open.push(self.next);
            }
            self.next += 1;
        }
        while self.open.last().is_some_and(|open| self.drafts[*open].span.end <= at) {
            self.open.pop();
        }
        self.open.last().copied()
    }

    fn mark(&mut self, (kind, owner): (MarkKind, Option<usize>), span: Range<usize>) {
        let line = self.code.line(span.start);
        self.out.marks.push(Mark { kind, owner, text: self.code.compact(span).chars().take(80).collect(), line });
    }

    /// Bare returns at the top of a body that goes on.
    fn leaves(&mut self, nth: usize, draft: &Draft) {
        let code = self.code;
        let mut body = draft.inner.clone();
        if matches!(code.word(body.start), ",") {
            let Some(open) = code.find(body.clone(), |word| word == "{") else { return };
            body = code.group(open);
        }
        let column = code.tokens.get(body.start).and_then(|token| token.indent);
        let mut at = body.start;
        while at < body.end {
            let top =
                code.language != Language::Python || code.tokens[at].indent.is_some_and(|own| Some(own) <= column);
            if code.word(at) == "return" && top {
                let end = code.line_end(at);
                let bare = end == at + 1 || code.compact(at + 1..end) == "Ok(())";
                if bare && end + usize::from(code.word(end) == ";") < body.end {
                    self.mark((MarkKind::Return, Some(nth)), at..end);
                }
            }
            at = code.after(at);
        }
    }

    /// Assertions that stand in an attribute: `#[should_panic]`, `@Test(expected = X.class)`.
    fn promised(&mut self, nth: usize, draft: &Draft) {
        let head = self.code.text.get(draft.item.head.clone()).unwrap_or_default();
        let (mark, says) = match self.code.language {
            Language::Rust => ("should_panic", "expected"),
            Language::Java => ("expected", ".class"),
            Language::Python | Language::Script | Language::Go => return,
        };
        let Some(at) = head.find(mark) else { return };
        let text: String = head[at..].chars().take_while(|letter| *letter != ']' && *letter != '\n').collect();
        let form = if text.contains(says) { Form::Exact } else { Form::Loose };
        let operands = vec!["raises".to_owned(), text.clone()];
        let line = draft.item.lines.start;
        self.out.checks.push(Check { owner: Some(nth), text, form, operands, slack: None, swallowed: false, line });
    }

    /// What an example of Go must print: its `// Output:` comment.
    fn outputs(&mut self) {
        let code = self.code;
        if code.language != Language::Go {
            return;
        }
        let text = |range: &Range<usize>| code.text.get(range.clone()).unwrap_or_default();
        for (nth, range) in code.comments.iter().enumerate() {
            let lower = text(range).to_lowercase();
            let rest = lower.trim_start_matches('/').trim_start();
            if !rest.starts_with("output:") && !rest.starts_with("unordered output:") {
                continue;
            }
            let tests = self.drafts.partition_point(|draft| draft.item.body.start <= range.start);
            let owner = tests.checked_sub(1).filter(|at| self.drafts[*at].item.body.end + 200 >= range.start);
            let said: Vec<&str> = code.comments[nth..].iter().take(40).map(text).collect();
            let operands = vec!["output".to_owned(), said.join("\n")];
            self.out.checks.push(Check {
                owner,
                text: operands[1].clone(),
                form: Form::Exact,
                operands,
                slack: None,
                swallowed: false,
                line: 0,
            });
        }
    }

    /// Build tags that keep a file from being built as usual.
    fn tags(&mut self) {
        let code = self.code;
        if code.language != Language::Go {
            return;
        }
        let known =
            ["unix", "linux", "darwin", "windows", "cgo", "race", "amd64", "arm64", "go1", "freebsd", "wasm", "js"];
        for range in &code.comments {
            let text = code.text.get(range.clone()).unwrap_or_default();
            let Some(tag) = text.strip_prefix("//go:build").or_else(|| text.strip_prefix("// +build")) else {
                continue;
            };
            let mut words = tag.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
            if words
                .any(|word| !known.iter().any(|known| word.starts_with(known)) && !word.chars().all(char::is_numeric))
            {
                self.out.marks.push(Mark { kind: MarkKind::Skip, owner: None, text: text.to_owned(), line: 0 });
            }
        }
    }
}

/// A skip or an exit that begins at this token, and where it ends.
fn mark(code: &Code<'_>, at: usize) -> Option<(MarkKind, usize)> {
    let word = code.word(at);
    let called = code.word(at + 1) == "(";
    let dotted = matches!(code.before(at), "." | "::");
    let on = if dotted && at >= 2 { code.word(at - 2) } else { "" };
    let skips = match code.language {
        Language::Python => {
            let plain = called
                && matches!(word, "skip" | "xfail" | "exit")
                && on == "pytest"
                && !code.compact(at..code.after(at + 1)).ends_with("(1)");
            let marked = word == "pytestmark"
                && code.compact(at..at + 24).contains(".mark.")
                && ["skip", "xfail"].iter().any(|mark| code.compact(at..at + 24).contains(mark));
            let off = word == "__test__" && code.word(at + 1) == "=" && code.word(at + 2) == "False";
            (plain || marked || off || called && matches!(word, "skipTest" | "SkipTest")) && !decorated(code, at)
        }
        Language::Script => {
            called
                && word == "skip"
                && matches!(on, "this" | "t" | "ctx" | "test" | "context")
                && code.kind(at + 2) != Some(super::lex::Kind::Text)
        }
        Language::Rust => {
            word == "cfg"
                && called
                && code.before(at) == "["
                && at >= 3
                && code.word(at - 2) == "!"
                && ["cfg(any())", "cfg(never)", "cfg(FALSE)", "cfg(false)"]
                    .contains(&code.compact(at..code.after(at + 1)).as_str())
        }
        Language::Go => called && matches!(word, "Skip" | "Skipf" | "SkipNow") && matches!(on, "t" | "b" | "tb" | "f"),
        Language::Java => called && matches!(word, "assumeTrue" | "assumeFalse" | "assumeThat" | "abort"),
    };
    if skips {
        return Some((MarkKind::Skip, code.after(at + 1)));
    }
    let zero = || matches!(code.compact(code.group(at + 1)).as_str(), "0" | "");
    let exits = called
        && match (code.language, word) {
            (Language::Python, "exit" | "_exit" | "quit") => matches!(on, "sys" | "os" | ""),
            (Language::Script, "exit") => on == "process",
            (Language::Rust, "exit") => on == "process",
            (Language::Go, "Exit") => on == "os",
            (Language::Java, "exit" | "halt") => matches!(on, "System" | "Runtime"),
            (_, _) => false,
        };
    (exits && zero()).then(|| (MarkKind::Exit, code.after(at + 1)))
}

/// In a decorator, where the item itself holds the skip.
fn decorated(code: &Code<'_>, at: usize) -> bool {
    (0..6).filter_map(|back| at.checked_sub(back)).any(|at| code.word(at) == "@" && code.tokens[at].indent.is_some())
}
