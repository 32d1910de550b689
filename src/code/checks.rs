//! Assertions: where one begins, and where it ends.

use super::{
    Language,
    strength::{Call, Form, Judged, call, condition},
    tokens::Code,
    words,
};
use std::ops::Range;

pub(super) struct Found {
    pub span: Range<usize>,
    /// Nothing up to here is looked at again.
    pub until: usize,
    pub judged: Judged,
}

/// The assertion that begins at this token.
pub(super) fn check(code: &Code<'_>, at: usize) -> Option<Found> {
    if !code.is_word(at) {
        return None;
    }
    let found = match code.language {
        Language::Python => python(code, at),
        Language::Script => script(code, at),
        Language::Rust => rust(code, at),
        Language::Go => go(code, at),
        Language::Java => java(code, at),
    };
    found.or_else(|| custom(code, at))
}

fn found(span: Range<usize>, judged: Judged) -> Found {
    Found { until: span.end, span, judged }
}

fn begins(code: &Code<'_>, at: usize) -> bool {
    code.tokens[at].indent.is_some() || matches!(code.before(at), ";" | "{" | "}" | ":" | "await" | "=>" | "return")
}

fn python(code: &Code<'_>, at: usize) -> Option<Found> {
    let word = code.word(at);
    if word == "assert" && begins(code, at) {
        let end = code.line_end(at);
        let first = code.split(at + 1..end, ",").into_iter().next().unwrap_or(at + 1..end);
        return Some(found(at..end, condition(code, first, true)));
    }
    let named = word.starts_with("assert") && word.len() > 6 || matches!(word, "raises" | "warns");
    (named && code.word(at + 1) == "(" && code.before(at) != "def").then(|| by_name(code, at))
}

/// `assertX(args)`, with what it is called on where that is a mock.
fn by_name(code: &Code<'_>, at: usize) -> Found {
    let subject = code.word(at).starts_with("assert_") && code.before(at) == "." && code.word(at).contains("call");
    let mut start = at;
    for _ in 0..8 {
        if subject && code.before(start) == "." && start >= 2 && code.is_word(start - 2) {
            start -= 2;
        }
    }
    let args = code.group(at + 1);
    let subject = (start < at).then(|| start..at - 1);
    let end = code.after(at + 1);
    found(start..end, call(code, &Call { name: code.word(at), subject, args, negated: false }))
}

fn script(code: &Code<'_>, at: usize) -> Option<Found> {
    let (word, dotted) = (code.word(at), matches!(code.before(at), "." | "?."));
    match word {
        "expect" if code.word(at + 1) == "(" && !dotted => Some(matcher(code, at, code.group(at + 1))),
        "expect" if code.word(at + 1) == "(" => {
            let args = code.group(at + 1);
            let judged = call(code, &Call { name: "expect", subject: None, args, negated: false });
            Some(found(at..code.after(at + 1), judged))
        }
        "should" if dotted && code.word(at + 1) == "." && at >= 2 => Some(matcher(code, at, at - 2..at - 1)),
        "assert" if code.word(at + 1) == "(" => {
            let first = code.split(code.group(at + 1), ",").into_iter().next()?;
            Some(found(at..code.after(at + 1), condition(code, first, true)))
        }
        "assert" | "t" if code.word(at + 1) == "." && code.word(at + 3) == "(" && !dotted => {
            let name = code.word(at + 2);
            let known =
                words::form(name).is_some() || words::takes_condition(name).is_some() || words::takes_error(name);
            (word == "assert" || known).then(|| {
                let args = code.group(at + 3);
                found(at..code.after(at + 3), call(code, &Call { name, subject: None, args, negated: false }))
            })
        }
        _ if word.starts_with("assert")
            && word.len() > 6
            && code.word(at + 1) == "("
            && code.before(at) != "function" =>
        {
            Some(by_name(code, at))
        }
        _ => None,
    }
}

/// `expect(x).resolves.not.toBe(1)`, `assertThat(x).isEqualTo(1)`: the last name of the chain says what is asked.
fn matcher(code: &Code<'_>, at: usize, subject: Range<usize>) -> Found {
    let end = code.chain_end(at);
    let (mut name, mut args, mut negated) = ("", end..end, false);
    let mut next = if code.word(at + 1) == "(" { code.after(at + 1) } else { at + 1 };
    while next + 1 < end {
        if matches!(code.word(next), "." | "?.") {
            let word = code.word(next + 1);
            negated |= matches!(word, "not" | "isNot");
            let filler = ["to", "be", "been", "have", "that", "and", "not", "resolves", "rejects", "withMessage", "as"];
            let dotted = matches!(
                words::plain(word).as_str(),
                "true" | "false" | "ok" | "null" | "undefined" | "exist" | "empty"
            );
            let called = code.word(next + 2) == "(";
            // Of several, the strongest counts.
            let more = name.is_empty() || words::form(word) > words::form(name);
            if (called || dotted) && more && !filler.contains(&word) {
                name = word;
                args = if called { code.group(next + 2) } else { next + 2..next + 2 };
            }
            next += 2;
        } else {
            next = code.after(next);
        }
    }
    if name.is_empty() {
        return found(at..end, Judged::new(Form::Vacuous, vec![code.normal(subject)]));
    }
    // `expect(x).toBe(true)` says no more than that x holds.
    let truth = matches!(words::plain(name).as_str(), "tobe" | "toequal" | "equal")
        && matches!(code.compact(args.clone()).as_str(), "true");
    if truth && !negated {
        return found(at..end, condition(code, subject, true));
    }
    found(at..end, call(code, &Call { name, subject: Some(subject), args, negated }))
}

fn rust(code: &Code<'_>, at: usize) -> Option<Found> {
    let word = code.word(at);
    let named = ["assert", "debug_assert", "prop_assert"].iter().any(|lead| word.starts_with(lead));
    if !named || code.word(at + 1) != "!" || !code.opens(at + 2) {
        return None;
    }
    let args = code.group(at + 2);
    Some(found(at..code.after(at + 2), call(code, &Call { name: word, subject: None, args, negated: false })))
}

fn go(code: &Code<'_>, at: usize) -> Option<Found> {
    let word = code.word(at);
    if word == "if" {
        return failing(code, at);
    }
    if matches!(word, "assert" | "require" | "is" | "qt" | "must")
        && code.word(at + 1) == "."
        && code.word(at + 3) == "("
    {
        let name = code.word(at + 2).trim_end_matches('f');
        let name = if code.word(at + 2) == "Equalf" { "Equal" } else { name };
        let args = code.group(at + 3);
        return Some(found(at..code.after(at + 3), call(code, &Call { name, subject: None, args, negated: false })));
    }
    fails(code, at).then(|| {
        let end = code.after(at + 3);
        found(at..end, Judged::new(Form::Custom, vec![code.normal(at + 4..end)]))
    })
}

/// `t.Errorf(`
fn fails(code: &Code<'_>, at: usize) -> bool {
    let fatal = matches!(code.word(at + 2), "Error" | "Errorf" | "Fatal" | "Fatalf" | "Fail" | "FailNow");
    matches!(code.word(at), "t" | "b" | "tb" | "f") && code.word(at + 1) == "." && fatal && code.word(at + 3) == "("
}

/// `if got != want { t.Errorf(...) }` asserts the opposite of its condition.
fn failing(code: &Code<'_>, at: usize) -> Option<Found> {
    let open = code.find(at + 1..(at + 120).min(code.len()), |word| word == "{")?;
    let body = code.group(open);
    let close = body.end;
    if !body.take(60).any(|at| fails(code, at)) {
        return None;
    }
    let from = (at + 1..open).rev().find(|at| code.word(*at) == ";").map_or(at + 1, |semicolon| semicolon + 1);
    let mut judged = condition(code, from..open, false);
    // `got := f(1)` in the same `if` is what is looked at.
    if from > at + 1 {
        judged.operands.push(code.normal(at + 1..from));
    }
    Some(Found { span: at..open, until: close, judged })
}

fn java(code: &Code<'_>, at: usize) -> Option<Found> {
    let word = code.word(at);
    if word == "assert" && begins(code, at) {
        let end = code.find(at..(at + 400).min(code.len()), |word| word == ";").unwrap_or(code.len());
        let first = code.split(at + 1..end, ":").into_iter().next()?;
        return Some(found(at..end, condition(code, first, true)));
    }
    let named = word.starts_with("assert") || matches!(word, "expectThrows" | "verify");
    if !named || code.word(at + 1) != "(" {
        return None;
    }
    let end = code.after(at + 1);
    if code.word(end) == "." {
        return Some(matcher(code, at, code.group(at + 1)));
    }
    if word == "assertThat" {
        return Some(hamcrest(code, at));
    }
    let declared = code.word(end) == "{";
    (!declared).then(|| by_name(code, at))
}

/// `assertThat(x, is(1))`
fn hamcrest(code: &Code<'_>, at: usize) -> Found {
    let args = code.split(code.group(at + 1), ",");
    let span = at..code.after(at + 1);
    let [subject, matcher, ..] = args.as_slice() else {
        return found(span, condition(code, code.group(at + 1), true));
    };
    let negated = code.word(matcher.start) == "not";
    let name_at = if negated && code.word(matcher.start + 1) == "(" { matcher.start + 2 } else { matcher.start };
    let name = match code.word(name_at) {
        "is" | "equalTo" | "sameInstance" => "isEqualTo",
        "notNullValue" | "anything" => "isNotNull",
        "nullValue" => "isNull",
        other => other,
    };
    let args = code.group(name_at + 1);
    found(span, call(code, &Call { name, subject: Some(subject.clone()), args, negated }))
}

/// A statement that calls what is named like a check.
fn custom(code: &Code<'_>, at: usize) -> Option<Found> {
    let word = code.word(at);
    let bang = code.language == Language::Rust && code.word(at + 1) == "!";
    let open = at + 1 + usize::from(bang);
    if code.word(open) != "(" || !begins(code, at) || matches!(word, "require" | "expect" | "assert" | "verify") {
        return None;
    }
    let end = code.after(open);
    let known = words::checks_by_name(word) && !matches!(code.word(end), "{" | ":");
    known.then(|| found(at..end, Judged::new(Form::Custom, vec![code.normal(code.group(open))])))
}
