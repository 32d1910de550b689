//! What a failure of each command does to the exit of the line.
//!
//! Flattens the tree into segments in order of appearance, and follows the exit status on the way: a pipe hides all but
//! its last command, `|| x` hides what stands before it, `;` hides all but the last. Scripts can undo that
//! (`set -e`, `pipefail`, `${PIPESTATUS[0]}`, `rc=$?; ...; exit $rc`, `|| exit 1`, `wait $!`); these are recognised.
//! Where several things hide a status the innermost one is named.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::acts::shell::{Callee, Context, Op, Redirect, RedirectKind, Segment, Word};
use crate::acts::shell_keep::{self, Bad, Kept};
use crate::acts::shell_tree::{Body, Group, GroupKind, Inner, Item, List, Node, Pipeline, RawRedirect, Role, Simple};
use crate::model::act::Seen;

pub(super) fn flatten(list: &List, bodies: &[Body]) -> Vec<Segment> {
    let mut flow = Flow {
        bodies,
        out: Vec::new(),
        op: Op::Start,
        context: Context::Top,
        depth: 0,
        shell: Shell::default(),
        functions: HashMap::new(),
        negated: false,
    };
    flow.list(list, Place { outer: Seen::Visible, exit: Seen::Visible });
    flow.out
}

/// A bound on what one group can multiply.
const MAX_SHARED: usize = 4;

/// A folder longer than this is not followed: every segment carries it.
const MAX_FOLDER: usize = 256;

/// How the exit of what stands here, and an `exit` called here, are seen from outside.
#[derive(Clone, Copy)]
struct Place {
    outer: Seen,
    exit: Seen,
}

/// The state of one shell process.
#[derive(Clone, Default)]
struct Shell {
    errexit: bool,
    pipefail: bool,
    cwd: Option<Arc<str>>,
}

struct Flow<'t> {
    bodies: &'t [Body],
    out: Vec<Segment>,
    op: Op,
    context: Context,
    depth: u32,
    shell: Shell,
    functions: HashMap<String, Callee>,
    negated: bool,
}

impl Flow<'_> {
    fn list(&mut self, list: &List, place: Place) {
        for (at, item) in list.items.iter().enumerate() {
            if at > 0 {
                self.op = list.items[at - 1].end;
            }
            self.item(item, &list.items[at + 1..], place);
        }
    }

    fn item(&mut self, item: &Item, rest: &[Item], place: Place) {
        let kept = shell_keep::kept(rest);
        let forced = self.shell.errexit && !rest.is_empty();
        let base = if item.end == Op::Background {
            if shell_keep::waited(rest) { place.outer } else { Seen::Async }
        } else if kept == Kept::Whole {
            place.exit
        } else if rest.is_empty() {
            place.outer
        } else if forced {
            place.exit
        } else {
            Seen::Seq
        };
        let others = shell_keep::alternatives(&item.chain);
        for (at, (join, pipeline)) in item.chain.iter().enumerate() {
            if at > 0 {
                self.op = *join;
            }
            let seen = match others[at] {
                Some(other) => match shell_keep::ending(&item.chain[other].1, rest) {
                    Bad::Exits => place.exit,
                    Bad::Fails => base,
                    Bad::No => Seen::Or,
                },
                None if forced && at + 1 < item.chain.len() && kept == Kept::No => Seen::Seq,
                None => base,
            };
            let here = Place { outer: self.of_call(pipeline, rest, seen), exit: place.exit };
            let next = shell_keep::kept_by_next(item.chain.get(at + 1));
            self.pipeline(pipeline, if next == Kept::No { kept } else { next }, here);
        }
    }

    /// A function is as visible as its last call; anything else is as visible as its place.
    fn of_call(&self, pipeline: &Pipeline, rest: &[Item], seen: Seen) -> Seen {
        let [Node::Group(Group { kind: GroupKind::Func(name), .. })] = pipeline.stages.as_slice() else {
            return seen;
        };
        shell_keep::call_seen(name, rest, self.shell.errexit)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, kept: Kept, place: Place) {
        let length = pipeline.stages.len();
        for (at, node) in pipeline.stages.iter().enumerate() {
            if at > 0 {
                self.op = Op::Pipe;
            }
            let seen = if kept == Kept::Stage(at) {
                place.exit
            } else if at + 1 == length || self.shell.pipefail {
                place.outer
            } else {
                Seen::Pipe
            };
            self.negated = pipeline.negated;
            let here = Place { outer: seen, exit: if length > 1 { seen } else { place.exit } };
            let before = (length > 1).then(|| self.shell.clone());
            self.node(node, (at as u32, length as u32), here);
            if let Some(shell) = before {
                self.shell = shell;
            }
        }
    }

    fn node(&mut self, node: &Node, pipe: (u32, u32), place: Place) {
        match node {
            Node::Simple(simple) => self.simple(simple, pipe, place),
            Node::Group(group) => self.group(group, pipe, place),
        }
    }

    fn simple(&mut self, simple: &Simple, pipe: (u32, u32), place: Place) {
        let lone = simple.words.is_empty();
        let op = self.op;
        let negated = std::mem::take(&mut self.negated);
        for (at, (_, inner)) in simple.assigns.iter().enumerate() {
            let last = lone && at + 1 == simple.assigns.len();
            self.inner(inner, if last { place.outer } else { Seen::Seq });
        }
        let redirects = simple.redirects.iter().map(|raw| self.redirect(raw)).collect();
        self.out.push(Segment {
            words: simple.words.iter().map(|(word, _)| word.clone()).collect(),
            assigns: simple.assigns.iter().map(|(assign, _)| assign.clone()).collect(),
            redirects,
            op,
            pipe,
            seen: place.outer,
            negated,
            context: self.context,
            depth: self.depth,
            callee: self.callee(&simple.words),
            cwd: self.shell.cwd.clone(),
            span: simple.span.clone(),
        });
        for (_, inner) in &simple.words {
            self.inner(inner, Seen::Seq);
        }
        self.redirected(&simple.redirects);
        self.builtin(simple);
    }

    fn redirected(&mut self, redirects: &[RawRedirect]) {
        let bodies = self.bodies;
        for raw in redirects {
            self.inner(&raw.inner, Seen::Seq);
            if let Some(body) = raw.body.and_then(|at| bodies.get(at)) {
                self.inner(&body.inner, Seen::Seq);
            }
        }
    }

    fn redirect(&self, raw: &RawRedirect) -> Redirect {
        let body = raw.body.and_then(|at| self.bodies.get(at)).map(|body| body.text.clone());
        Redirect { fd: raw.fd, kind: raw.kind, target: raw.target.clone(), body, of_group: false }
    }

    fn callee(&self, words: &[(Word, Vec<Inner>)]) -> Callee {
        words.first().and_then(|(word, _)| self.functions.get(&word.text)).copied().unwrap_or(Callee::Program)
    }

    fn inner(&mut self, inner: &[Inner], seen: Seen) {
        for part in inner {
            let (seen, context) = if part.process { (Seen::Async, Context::Procsub) } else { (seen, Context::Subst) };
            self.op = Op::Start;
            self.child(context, |flow| flow.list(&part.list, Place { outer: seen, exit: seen }));
        }
    }

    /// Runs `walk` as another shell process: its options and folder do not come back.
    fn child(&mut self, context: Context, walk: impl FnOnce(&mut Self)) {
        let shell = self.shell.clone();
        self.nested(context, walk);
        self.shell = shell;
    }

    fn nested(&mut self, context: Context, walk: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.context, context);
        self.depth += 1;
        walk(self);
        self.depth -= 1;
        self.context = outer;
    }

    fn group(&mut self, group: &Group, pipe: (u32, u32), place: Place) {
        let first = self.out.len();
        self.inner(&group.inner, Seen::Seq);
        match &group.kind {
            GroupKind::Brace => self.nested(self.context, |flow| flow.parts(group, place)),
            GroupKind::Subshell => {
                let inside = Place { outer: place.outer, exit: place.outer };
                self.child(Context::Subshell, |flow| flow.parts(group, inside));
            }
            GroupKind::If => self.nested(Context::If, |flow| flow.parts(group, place)),
            GroupKind::Case => self.nested(Context::Case, |flow| flow.parts(group, place)),
            GroupKind::Loop | GroupKind::For => {
                let context = if group.kind == GroupKind::For { Context::For } else { Context::While };
                let outer = if self.shell.errexit { place.exit } else { Seen::Seq };
                self.nested(context, |flow| flow.parts(group, Place { outer, exit: place.exit }));
            }
            GroupKind::Func(name) => {
                let callee = if shell_keep::forwards(group) { Callee::Forwarder } else { Callee::Function };
                self.functions.insert(name.clone(), callee);
                self.child(Context::Func, |flow| flow.parts(group, place));
            }
        }
        self.share_redirects(group, first..self.out.len());
        if let Some(segment) = self.out.get_mut(first) {
            segment.pipe = if pipe.0 > 0 && segment.pipe.1 == 1 { pipe } else { segment.pipe };
        }
        self.redirected(&group.redirects);
    }

    fn parts(&mut self, group: &Group, place: Place) {
        for (role, list) in &group.parts {
            match role {
                Role::Condition => {
                    let errexit = std::mem::replace(&mut self.shell.errexit, false);
                    self.list(list, Place { outer: Seen::Or, exit: place.exit });
                    self.shell.errexit |= errexit;
                }
                Role::Body => self.list(list, place),
            }
            self.op = Op::Semi;
        }
    }

    /// `{ a; b; } > f`: both write to it.
    fn share_redirects(&mut self, group: &Group, range: Range<usize>) {
        let writes = |raw: &&RawRedirect| matches!(raw.kind, RedirectKind::Write | RedirectKind::Append);
        for raw in group.redirects.iter().filter(writes).take(MAX_SHARED) {
            let shared = Redirect { of_group: true, ..self.redirect(raw) };
            for segment in &mut self.out[range.clone()] {
                segment.redirects.push(shared.clone());
            }
        }
    }

    /// `set` and `cd` change what later commands mean.
    fn builtin(&mut self, simple: &Simple) {
        let words: Vec<&str> = simple.words.iter().map(|(word, _)| word.text.as_str()).collect();
        match words.as_slice() {
            ["set", options @ ..] => self.set(options),
            ["cd" | "pushd" | "chdir" | "Set-Location", rest @ ..] => {
                let target = rest.iter().find(|word| !matches!(**word, "--" | "/d" | "-P" | "-L"));
                self.shell.cwd = target.and_then(|target| joined(self.shell.cwd.as_deref(), target));
            }
            _ => {}
        }
    }

    fn set(&mut self, options: &[&str]) {
        for (at, option) in options.iter().enumerate() {
            let on = option.starts_with('-');
            let Some(letters) = option.strip_prefix(['-', '+']) else { continue };
            if letters.contains('e') {
                self.shell.errexit = on;
            }
            if letters.ends_with('o') {
                match options.get(at + 1).copied() {
                    Some("pipefail") => self.shell.pipefail = on,
                    Some("errexit") => self.shell.errexit = on,
                    Some(_) | None => {}
                }
            }
        }
    }
}

fn joined(base: Option<&str>, target: &str) -> Option<Arc<str>> {
    if target == "-" || target.len() + base.map_or(0, str::len) > MAX_FOLDER {
        return None;
    }
    let absolute = target.starts_with(['/', '~', '$', '%', '\\']) || target.get(1..2) == Some(":");
    match base {
        Some(base) if !absolute => Some(format!("{}/{target}", base.trim_end_matches('/')).into()),
        Some(_) | None => Some(target.into()),
    }
}
