//! What a tool call did, whatever the tool was called.

pub mod shell;
mod shell_flow;
mod shell_groups;
mod shell_keep;
mod shell_parse;
mod shell_redirect;
mod shell_tree;
mod shell_windows;
mod shell_words;
