//! What a tool call did, whatever the tool was called.
//!
//! `rg foo`, `grep -rn foo .`, a `Grep` tool and `git grep` are all a *search*; `cat`, `sed -n '1,80p'` and a `Read` tool a
//! *read*; `apply_patch`, `sed -i`, `cat > f <<EOF` and an `Edit` tool an *edit*. One tool call becomes zero or more
//! [`Deed`](crate::model::act::Deed)s, each with its paths and with how its exit status was seen: `pytest -q | tail -5` is a
//! *test* whose failure nobody could have seen in the exit code.
//!
//! ```text
//! line --shell--> segments --wrappers--> the real program --programs.yaml--> act, paths
//! tool name + input --tools.yaml--> act, paths, or a line
//! ```
//!
//! The rules of labelling are in `docs/acts.md`. Programs and tools are data; a suite can add its own.

mod args;
mod classify;
mod files;
mod goals;
mod inline;
mod interpreters;
mod line;
mod names;
mod patch_text;
pub mod shell;
mod shell_flow;
mod shell_groups;
mod shell_keep;
mod shell_parse;
mod shell_redirect;
mod shell_tree;
mod shell_windows;
mod shell_words;
mod special;
mod table;
mod tasks;
mod texts;
mod tools;
mod vcs;
mod wrappers;

pub use line::deeds_of_line;
pub use table::Table;
pub use tools::deeds_of_call;
