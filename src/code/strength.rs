//! How much an assertion pins down.
//!
//! ```text
//! assert f(1) == 2        exact      one value passes
//! assert f(1) >= 2        loose      many pass
//! assert f(1)             exists     almost any passes
//! assert True             vacuous    nothing can fail
//! check_user(f(1))        custom     written elsewhere: not known, so never called weaker
//! ```

use super::{lex::Kind, tokens::Code, words};
use std::ops::Range;

/// In order of strength; `Custom` stands apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Vacuous,
    Exists,
    Loose,
    Exact,
    Custom,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    pub form: Form,
    pub operands: Vec<String>,
    pub slack: Option<f64>,
}

impl Judged {
    pub fn new(form: Form, operands: Vec<String>) -> Judged {
        Judged { form, operands, slack: None }
    }
}

const COMPARED: &[&str] = &["==", "===", "!=", "!==", ">=", "<=", "<", ">", "in", "is", "instanceof"];

/// A condition that must hold (`wanted`) or must not.
pub(super) fn condition(code: &Code<'_>, range: Range<usize>, wanted: bool) -> Judged {
    let (mut range, mut wanted) = (bare(code, range), wanted);
    for _ in 0..16 {
        if matches!(code.word(range.start), "!" | "not") && !range.is_empty() {
            (range, wanted) = (bare(code, range.start + 1..range.end), !wanted);
        }
    }
    let (either, both) = (parts_of(code, &range, &["||", "or"]), parts_of(code, &range, &["&&", "and"]));
    if either.len() > 1 || both.len() > 1 {
        return joined(code, (either, both), wanted);
    }
    match code.find(range.clone(), |word| COMPARED.contains(&word)) {
        Some(at) if at > range.start => comparison(code, (range, at), wanted),
        Some(_) | None => truth(code, range, wanted),
    }
}

/// Outer parentheses off.
fn bare(code: &Code<'_>, mut range: Range<usize>) -> Range<usize> {
    for _ in 0..8 {
        if code.word(range.start) == "("
            && code.after(range.start) == range.end
            && code.mate(range.start) + 1 == range.end
        {
            range = range.start + 1..range.end - 1;
        }
    }
    range
}

fn parts_of(code: &Code<'_>, range: &Range<usize>, words: &[&str]) -> Vec<Range<usize>> {
    let found = words.iter().find(|word| code.find(range.clone(), |found| found == **word).is_some());
    found.map(|word| code.split(range.clone(), word)).unwrap_or_default()
}

/// `a or b` holds more often than each, `a and b` less often. Parts are not looked into for more of the kind.
fn joined(code: &Code<'_>, (either, both): (Vec<Range<usize>>, Vec<Range<usize>>), wanted: bool) -> Judged {
    let weakens = if wanted { either.len() > 1 } else { both.len() > 1 };
    let parts = if either.len() > 1 { either } else { both };
    let judged: Vec<Judged> = parts
        .into_iter()
        .map(|part| match code.find(part.clone(), |word| COMPARED.contains(&word)) {
            Some(at) if at > part.start => comparison(code, (part, at), wanted),
            Some(_) | None => truth(code, part, wanted),
        })
        .collect();
    let forms = || judged.iter().map(|part| part.form);
    let form = if weakens {
        forms().min().unwrap_or(Form::Exists).min(Form::Loose)
    } else {
        forms().filter(|form| *form != Form::Custom).max().unwrap_or(Form::Exists)
    };
    Judged::new(form, judged.into_iter().flat_map(|part| part.operands).collect())
}

fn comparison(code: &Code<'_>, (range, at): (Range<usize>, usize), wanted: bool) -> Judged {
    let (left, mut right) = (range.start..at, at + 1..range.end);
    let mut left = left;
    let mut equal = matches!(code.word(at), "==" | "===" | "is");
    let mut unequal = matches!(code.word(at), "!=" | "!==");
    if code.word(right.start) == "not" {
        right.start += 1;
        (equal, unequal) = (false, code.word(at) == "is");
    }
    if code.before(at) == "not" {
        left.end -= 1;
    }
    if !wanted {
        (equal, unequal) = (unequal, equal);
    }
    let operands = vec![code.normal(left.clone()), code.normal(right.clone())];
    if operands[0] == operands[1] {
        return Judged::new(Form::Vacuous, operands);
    }
    let nothing = |range: &Range<usize>| {
        range.len() == 1 && matches!(code.word(range.start), "None" | "null" | "nil" | "undefined")
    };
    let approximate = operands.iter().any(|operand| operand.contains("approx"));
    let form = match (equal, unequal) {
        (true, _) if approximate => Form::Loose,
        (true, _) => Form::Exact,
        (_, true) if nothing(&left) || nothing(&right) => Form::Exists,
        (_, _) => Form::Loose,
    };
    let slack = if approximate { named_slack(code, &range) } else { bound_slack(code, (at, &right), wanted) };
    let operands = if slack.is_some() && !approximate { vec![operands[0].clone()] } else { operands };
    Judged { form, operands, slack }
}

/// `x < 3` is weaker than `x < 2`.
fn bound_slack(code: &Code<'_>, (at, right): (usize, &Range<usize>), wanted: bool) -> Option<f64> {
    let sign = match code.word(at) {
        "<" | "<=" => 1.0,
        ">" | ">=" => -1.0,
        _ => return None,
    };
    let number = number(code, right)?;
    Some(if wanted { sign * number } else { -sign * number })
}

fn truth(code: &Code<'_>, range: Range<usize>, wanted: bool) -> Judged {
    let text = code.normal(range.clone());
    if is_literal(code, &range) {
        let holds = !matches!(text.as_str(), "false" | "False" | "0" | "None" | "null" | "nil");
        // What can never hold is no weakening: it fails.
        return Judged::new(if holds == wanted { Form::Vacuous } else { Form::Exact }, vec![text]);
    }
    let last = (range.start..range.end).find(|at| code.word(at + 1) == "(" && code.after(at + 1) >= range.end);
    let last = last.map_or("", |at| code.word(at));
    let inner = |operand: &str| words::plain(operand);
    let form = match inner(last).as_str() {
        "equal" | "equals" | "deepequal" | "allequal" | "arrayequal" if wanted => Form::Exact,
        "isinstance" | "contains" | "includes" | "startswith" | "endswith" | "hasprefix" | "hassuffix" | "matches"
        | "match" | "search" | "any" | "all" | "isclose" | "allclose" | "hasattr" | "is" | "some" | "every"
        | "test" => Form::Loose,
        _ if text.starts_with("matches !") => Form::Loose,
        _ => Form::Exists,
    };
    let slack = matches!(inner(last).as_str(), "isclose" | "allclose").then(|| named_slack(code, &range)).flatten();
    Judged { form, operands: vec![text], slack }
}

/// An assertion by name with its arguments; what stands before them in `expect(x).not.toBe(1)` is the subject.
pub(super) struct Call<'c> {
    pub name: &'c str,
    pub subject: Option<Range<usize>>,
    pub args: Range<usize>,
    pub negated: bool,
}

pub(super) fn call(code: &Code<'_>, call: &Call<'_>) -> Judged {
    let mut args = code.split(call.args.clone(), ",");
    args.retain(|arg| !matches!(code.word(arg.start), "msg" | "message") || code.word(arg.start + 1) != "=");
    if code.language == super::Language::Go && call.subject.is_none() && args.first().is_some_and(|arg| arg.len() <= 3)
    {
        let tester = args.first().is_some_and(|arg| matches!(code.word(arg.start), "t" | "b" | "tb" | "s"));
        args.drain(..usize::from(tester));
    }
    if words::takes_error(call.name) && !(call.name == "isInstanceOf" && call.subject.is_none()) {
        return error(code, call, &args);
    }
    let subject = call.subject.clone().filter(|_| call.name != "assertThat").or_else(|| args.first().cloned());
    match (words::takes_condition(call.name), subject) {
        (Some(wanted), Some(subject)) => {
            let at = match args.as_slice() {
                // An old JUnit message stands first.
                [first, second, ..]
                    if call.subject.is_none() && code.kind(first.start) == Some(Kind::Text) && first.len() == 1 =>
                {
                    second.clone()
                }
                _ => subject,
            };
            condition(code, at, wanted != call.negated)
        }
        (_, _) => named(code, call, args),
    }
}

fn named(code: &Code<'_>, call: &Call<'_>, mut args: Vec<Range<usize>>) -> Judged {
    let Some(mut form) = words::form(call.name) else {
        let operands = call.subject.iter().chain(&args).map(|arg| code.normal(arg.clone())).collect();
        return Judged::new(Form::Custom, operands);
    };
    if call.negated {
        let nothing = matches!(words::plain(call.name).as_str(), "tobenull" | "tobeundefined" | "null" | "undefined");
        form = if nothing { Form::Exists } else { form.min(Form::Loose) };
    }
    let text = |arg: &Range<usize>| code.kind(arg.start) == Some(Kind::Text) && arg.len() == 1;
    if call.subject.is_none()
        && args.len() == 3
        && text(&args[0])
        && !text(&args[2])
        && number(code, &args[2]).is_none()
    {
        args.remove(0);
    }
    let two = args.len() >= 2;
    let slack = slack(code, call, &args);
    if slack.is_some() && form == Form::Exact && args.len() == 3 {
        form = Form::Loose;
    }
    let bounded = words::bound(call.name).is_some() && slack.is_some();
    args.truncate(if bounded { 1 - usize::from(call.subject.is_some()) } else { 2 });
    let operands: Vec<String> = call.subject.iter().chain(&args).map(|arg| code.normal(arg.clone())).collect();
    let plain = call.subject.is_some() || two;
    let same = plain && form >= Form::Loose && !call.negated && operands.len() >= 2 && operands[0] == operands[1];
    let literal = call.subject.as_ref().is_some_and(|subject| is_literal(code, subject));
    let fixed = literal && args.iter().all(|arg| is_literal(code, arg));
    Judged { form: if same || fixed { Form::Vacuous } else { form }, operands, slack }
}

fn slack(code: &Code<'_>, call: &Call<'_>, args: &[Range<usize>]) -> Option<f64> {
    if let Some(sign) = words::bound(call.name) {
        return number(code, args.last()?).map(|number| sign * number);
    }
    if words::takes_digits(call.name) {
        let at = if call.subject.is_some() { 1 } else { 2 };
        let digits = args.get(at).and_then(|arg| number(code, arg));
        let named = args
            .iter()
            .find(|arg| code.word(arg.start) == "places")
            .and_then(|arg| number(code, &(arg.start + 2..arg.end)));
        let delta = args
            .iter()
            .find(|arg| code.word(arg.start) == "delta")
            .and_then(|arg| number(code, &(arg.start + 2..arg.end)));
        let usual = if call.subject.is_some() { 2.0 } else { 7.0 };
        return Some(delta.unwrap_or_else(|| 10_f64.powf(-named.or(digits).unwrap_or(usual))));
    }
    let third = args.get(2).and_then(|arg| number(code, arg));
    third.or_else(|| named_slack(code, &call.args))
}

/// `rel=1e-3`, `epsilon = 0.1`, `offset(0.1)`.
fn named_slack(code: &Code<'_>, range: &Range<usize>) -> Option<f64> {
    let known = ["rel", "abs", "atol", "rtol", "abs_tol", "rel_tol", "delta", "epsilon", "max_relative"];
    let at = range.clone().find(|at| known.contains(&code.word(*at)) && code.word(at + 1) == "=");
    let named = at.and_then(|at| number(code, &(at + 2..at + 3)));
    let offset = || range.clone().find(|at| matches!(code.word(*at), "offset" | "within") && code.word(at + 1) == "(");
    named.or_else(|| offset().and_then(|at| number(code, &code.group(at + 1))))
}

fn error(code: &Code<'_>, call: &Call<'_>, args: &[Range<usize>]) -> Judged {
    let texts: Vec<String> = args.iter().map(|arg| code.compact(arg.clone())).collect();
    let by_matcher = call.subject.is_some();
    let kind = if call.name == "throws" && !by_matcher { texts.get(1) } else { texts.first() };
    let kind = kind.map_or("", String::as_str);
    let form = match (call.negated, words::any_error(kind)) {
        (true, _) => Form::Exists,
        (false, true)
            if texts.len() <= 1
                || !kind.is_empty() && texts.len() == 2 && !by_matcher && code.language == super::Language::Java =>
        {
            Form::Loose
        }
        (false, _) => Form::Exact,
    };
    let mut operands = vec!["raises".to_owned()];
    let given =
        texts.into_iter().filter(|text| !text.contains("->") && !text.contains("=>") && !text.starts_with("lambda"));
    operands.extend(given);
    operands.extend(call.subject.iter().map(|subject| code.normal(subject.clone())));
    Judged::new(form, operands)
}

fn number(code: &Code<'_>, range: &Range<usize>) -> Option<f64> {
    let text: String = code.compact(range.clone()).replace('_', "");
    let text = text.trim_end_matches(['f', 'F', 'd', 'D', 'L', 'u', 'i', 'n']);
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn is_literal(code: &Code<'_>, range: &Range<usize>) -> bool {
    let word = |at: usize| {
        matches!(code.kind(at), Some(Kind::Number | Kind::Text))
            || matches!(code.word(at), "true" | "false" | "True" | "False" | "None" | "null" | "nil" | "undefined")
            || matches!(code.word(at), "-" | "[" | "]" | "(" | ")" | ",")
    };
    !range.is_empty() && range.clone().take(200).all(word)
}
