//! Code: what a text defines, which of it are tests, and what they assert.
//!
//! `outline` reads a text, or any piece of one, and never fails: it is a lexer that knows comments, strings, brackets and indentation, with a
//! walker for each language over its tokens. It resolves no names and knows no types. A grammar could stand behind the same function.
//!
//! ```text
//! def test_total():                  ->  item   test `test_total`, lines 1..3
//!     assert total([1, 2]) == 3      ->  check  exact, of `total ( [ 1 , 2 ] )` and `3`, in `test_total`
//! ```
//!
//! Python, JavaScript and TypeScript, Rust, Go and Java are known; other languages have no outline. Texts are read up to 2 MiB, in one walk;
//! items within items are told 32 deep.

mod checks;
mod go;
mod guards;
mod java;
mod lex;
mod marks;
mod outliner;
mod python;
mod rust;
mod script;
mod strength;
mod tokens;
mod words;

pub use strength::Form;

use std::ops::Range;

/// A language with an outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Python,
    /// JavaScript and TypeScript.
    Script,
    Rust,
    Go,
    Java,
}

impl Language {
    /// By the ending of a path.
    pub fn of(path: &str) -> Option<Language> {
        let (_, ending) = path.rsplit_once('.')?;
        match ending {
            "py" | "pyi" => Some(Language::Python),
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" => Some(Language::Script),
            "rs" => Some(Language::Rust),
            "go" => Some(Language::Go),
            "java" => Some(Language::Java),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    Function,
    Method,
    /// A class, or what an `impl` adds to a type.
    Class,
    Type,
    Constant,
    Module,
    Test,
    /// What holds tests: `describe`, a test class, a module of tests.
    Suite,
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub kind: ItemKind,
    pub name: String,
    /// The item it stands in, by its place in `Outline::items`.
    pub scope: Option<usize>,
    /// May be named from another file.
    pub public: bool,
    /// 1-based, the end excluded; decorators and attributes are part of it.
    pub lines: Range<u32>,
    /// Bytes of what stands before the body.
    pub head: Range<usize>,
    /// Bytes.
    pub body: Range<usize>,
    /// A test or a suite that this marks as not to be run: `@pytest.mark.skip`, `#[ignore]`, `it.only`.
    pub skip: Option<String>,
    /// Rows of a table that it is run with; 0 for a plain one.
    pub cases: usize,
    /// Hashes of the normal text: comments, blanks and quotes do not change them.
    pub head_key: u64,
    pub body_key: u64,
}

/// One assertion.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The innermost function or test it stands in.
    pub owner: Option<usize>,
    /// Tokens with a blank between.
    pub text: String,
    pub form: Form,
    /// What is compared, expected values among them.
    pub operands: Vec<String>,
    /// How far off it may be; of two that differ only in this, the larger is the weaker one.
    pub slack: Option<f64>,
    /// It stands in a `try` whose handler lets a failure pass.
    pub swallowed: bool,
    pub line: u32,
}

/// What keeps assertions from being reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// `pytest.skip()`, `t.Skip()`, a build tag.
    Skip,
    /// A bare return at the top of a test's body.
    Return,
    /// `sys.exit(0)`.
    Exit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub kind: MarkKind,
    pub owner: Option<usize>,
    pub text: String,
    pub line: u32,
}

/// What a text defines and asserts, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    pub items: Vec<Item>,
    pub checks: Vec<Check>,
    pub marks: Vec<Mark>,
    /// Bytes of comments.
    pub comments: Vec<Range<usize>>,
}

/// Bytes of a text that are read.
const MOST: usize = 2 << 20;

/// Outlines a text or a piece of one. Linear in its length.
pub fn outline(language: Language, text: &str) -> Outline {
    let code = read(language, text);
    let drafts = drafts(&code);
    marks::fill(&code, drafts)
}

/// The items alone, for half the work.
pub fn items(language: Language, text: &str) -> Vec<Item> {
    drafts(&read(language, text)).into_iter().map(|draft| draft.item).collect()
}

fn read(language: Language, text: &str) -> tokens::Code<'_> {
    let end = (0..=MOST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    tokens::Code::read(language, &text[..end])
}

fn drafts(code: &tokens::Code<'_>) -> Vec<outliner::Draft> {
    match code.language {
        Language::Python => python::walk(code),
        Language::Script => script::walk(code),
        Language::Rust => rust::walk(code),
        Language::Go => go::walk(code),
        Language::Java => java::walk(code),
    }
}

/// Whether a text names a word: not as part of a longer one.
pub fn names(text: &str, word: &str) -> bool {
    let joins = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(joins);
        let after = text[at + word.len()..].chars().next().is_some_and(joins);
        !before && !after
    })
}
