//! Groups: `( )`, `{ }`, `if`, loops, `case`, functions.

use crate::acts::shell::{MAX_DEPTH, Op};
use crate::acts::shell_parse::{NO_COMMAND, Reader, Stop};
use crate::acts::shell_tree::{Group, GroupKind, Inner, Item, List, Node, Pipeline, Role};

impl Reader<'_> {
    fn group(&mut self, kind: GroupKind, parts: Vec<(Role, List)>) -> Node {
        self.group_with(kind, parts, Vec::new())
    }

    fn group_with(&mut self, kind: GroupKind, parts: Vec<(Role, List)>, inner: Vec<Inner>) -> Node {
        let mut redirects = Vec::new();
        self.blanks();
        while let Some(redirect) = self.redirect() {
            redirects.push(redirect);
            self.blanks();
        }
        Node::Group(Group { kind, parts, inner, redirects })
    }

    pub(super) fn subshell(&mut self) -> Node {
        self.pos += 1;
        let list = self.list(Stop::Paren);
        self.expect_byte(b')');
        self.group(GroupKind::Subshell, vec![(Role::Body, list)])
    }

    pub(super) fn brace(&mut self) -> Node {
        self.pos += 1;
        let list = self.list(Stop::Words(&["}"]));
        self.expect_word("}");
        self.group(GroupKind::Brace, vec![(Role::Body, list)])
    }

    pub(super) fn conditional(&mut self) -> Node {
        let mut parts = Vec::new();
        self.pos += 2;
        loop {
            parts.push((Role::Condition, self.list(Stop::Words(&["then", "fi"]))));
            self.expect_word("then");
            parts.push((Role::Body, self.list(Stop::Words(&["elif", "else", "fi"]))));
            match self.bare_word() {
                "elif" => self.pos += 4,
                "else" => {
                    self.pos += 4;
                    parts.push((Role::Body, self.list(Stop::Words(&["fi"]))));
                    break;
                }
                _ => break,
            }
        }
        self.expect_word("fi");
        self.group(GroupKind::If, parts)
    }

    pub(super) fn looped(&mut self) -> Node {
        self.pos += 5;
        let condition = self.list(Stop::Words(&["do", "done"]));
        self.expect_word("do");
        let body = self.list(Stop::Words(&["done"]));
        self.expect_word("done");
        self.group(GroupKind::Loop, vec![(Role::Condition, condition), (Role::Body, body)])
    }

    pub(super) fn for_each(&mut self, keyword: usize) -> Node {
        self.pos += keyword;
        self.blanks();
        let mut inner = Vec::new();
        if let Some(close) = self.arithmetic_end() {
            self.pos = close;
        } else {
            self.word();
            self.blanks_and_newlines();
            if self.bare_word() == "in" {
                self.pos += 2;
                self.blanks();
                while self.peek().is_some_and(|byte| !matches!(byte, b';' | b'\n' | b'&' | b'|' | b')')) {
                    let before = self.pos;
                    inner.append(&mut self.word().1);
                    self.blanks();
                    if self.pos == before {
                        break;
                    }
                }
            }
        }
        self.blanks();
        if self.peek() == Some(b';') {
            self.pos += 1;
        }
        self.blanks_and_newlines();
        let closing: &'static [&'static str] = if self.bare_word() == "{" { &["}"] } else { &["done"] };
        if closing[0] == "}" {
            self.pos += 1;
        } else {
            self.expect_word("do");
        }
        let body = self.list(Stop::Words(closing));
        self.expect_word(closing[0]);
        self.group_with(GroupKind::For, vec![(Role::Body, body)], inner)
    }

    pub(super) fn case(&mut self) -> Node {
        self.pos += 4;
        self.blanks();
        let (_, inner) = self.word();
        self.blanks_and_newlines();
        self.expect_word("in");
        let mut parts = Vec::new();
        loop {
            self.blanks_and_newlines();
            if self.pos >= self.end || self.bare_word() == "esac" {
                break;
            }
            self.case_patterns();
            parts.push((Role::Body, self.list(Stop::Arm)));
            while matches!(self.peek(), Some(b';' | b'&')) {
                self.pos += 1;
            }
        }
        self.expect_word("esac");
        self.group_with(GroupKind::Case, parts, inner)
    }

    fn case_patterns(&mut self) {
        if self.peek() == Some(b'(') {
            self.pos += 1;
        }
        while self.peek().is_some_and(|byte| byte != b')' && byte != b'\n') {
            let before = self.pos;
            self.word();
            self.blanks();
            if self.peek() == Some(b'|') || self.pos == before {
                self.pos += 1;
            }
            self.blanks();
        }
        self.expect_byte(b')');
    }

    pub(super) fn function_word(&mut self) -> Node {
        self.pos += 8;
        self.blanks();
        let name = self.word().0.text;
        self.blanks();
        if self.peek() == Some(b'(') {
            self.pos += 1;
            self.blanks();
            self.expect_byte(b')');
        }
        self.function_body(name)
    }

    pub(super) fn function_body(&mut self, name: String) -> Node {
        self.blanks_and_newlines();
        let mut body = List::default();
        if self.depth >= MAX_DEPTH {
            self.give_up();
        } else if self.pos < self.end {
            self.depth += 1;
            let stages: Vec<Node> = self.command().into_iter().collect();
            self.depth -= 1;
            let chain = vec![(Op::Start, Pipeline { negated: false, stages })];
            body.items.push(Item { chain, end: Op::Semi });
        } else {
            self.lacks(NO_COMMAND);
        }
        Node::Group(Group {
            kind: GroupKind::Func(name),
            parts: vec![(Role::Body, body)],
            inner: Vec::new(),
            redirects: Vec::new(),
        })
    }
}
