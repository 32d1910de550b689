//! The house's rules, held by reading the sources: who may name whom, how long files and functions may be, which rooms touch the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use syn::{spanned::Spanned, visit::Visit};

/// Who may name whom. A room may always name itself.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("plan", &["model"]),
    ("interview", &["model"]),
    ("script", &["model"]),
    ("acts", &["model"]),
    ("code", &["model"]),
    ("metrics", &["model", "interview", "acts", "code"]),
    ("stats", &["model"]),
    ("compare", &["model", "stats"]),
    ("calibrate", &["model", "stats"]),
    ("table", &["model", "stats"]),
    ("gate", &["model", "stats"]),
    ("graders", &["model", "interview", "acts", "metrics", "stats", "judging"]),
    ("judging", &["model", "interview", "acts", "metrics"]),
    ("importers", &["model", "acts"]),
    ("reporters", &["model", "acts", "metrics", "stats", "compare", "table", "graders"]),
    ("suite", &["model"]),
    ("process", &["model"]),
    ("workspace", &["model", "process"]),
    ("http", &["model"]),
    ("serve", &["model", "script", "http"]),
    ("judges", &["model", "process", "http"]),
    ("agents", &["model", "process", "script", "http", "importers"]),
    ("store", &["model"]),
    (
        "runner",
        &[
            "judging",
            "judges",
            "http",
            "serve",
            "model",
            "plan",
            "interview",
            "script",
            "acts",
            "metrics",
            "stats",
            "compare",
            "gate",
            "graders",
            "importers",
            "reporters",
            "suite",
            "process",
            "workspace",
            "agents",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "judging",
            "judges",
            "http",
            "serve",
            "model",
            "plan",
            "interview",
            "script",
            "acts",
            "metrics",
            "stats",
            "compare",
            "calibrate",
            "table",
            "gate",
            "graders",
            "importers",
            "reporters",
            "suite",
            "process",
            "workspace",
            "agents",
            "store",
            "runner",
        ],
    ),
];

/// Rooms that may touch files, clocks, processes and the environment.
const RIM: &[&str] = &["process", "workspace", "http", "serve", "judges", "agents", "store", "runner", "cli"];

/// The one file of a pure room that may.
const RIM_FILES: &[&str] = &["src/suite/files.rs"];

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 60;
const MOST_PARAMETERS: usize = 4;

#[test]
fn rooms_name_only_whom_they_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(room, names)| (*room, names.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (path, file) in sources("src") {
        let Some(room) = room_of(&path) else { continue };
        let may = allowed.get(room.as_str()).unwrap_or_else(|| panic!("room {room} is not in the table of arrows"));
        let mut names = Names { room: room.clone(), depth: depth_of(&path), found: BTreeSet::new() };
        names.visit_file(&file);
        for name in names.found {
            if name != room && !may.contains(name.as_str()) && allowed.contains_key(name.as_str()) {
                wrong.push(format!("{}: {room} names {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_and_functions_stay_short() {
    let mut wrong = Vec::new();
    for (path, file) in sources("src").into_iter().chain(sources("xtask/src")).chain(sources("fuzz/src")) {
        let lines = production_lines(&path, &file);
        if lines > LONGEST_FILE {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        let mut functions = Functions { path: path.clone(), wrong: Vec::new() };
        functions.visit_file(&file);
        wrong.extend(functions.wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_rim_is_allowed_to_touch_the_outside() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let allowed: Vec<&str> = text
        .split("#[allow(clippy::disallowed_methods)]\npub mod ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .collect();
    let (allowed, rim): (BTreeSet<&str>, BTreeSet<&str>) =
        (allowed.into_iter().collect(), RIM.iter().copied().collect());
    assert_eq!(allowed, rim);
    for (path, _) in sources("src") {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let room = room_of(&path).unwrap_or_default();
        let named = path.to_str().unwrap();
        let says = text.contains("allow(clippy::disallowed_methods)") && named != "src/lib.rs" && !in_tests(&text);
        if says && !RIM.contains(&room.as_str()) {
            assert!(RIM_FILES.contains(&named), "{named} allows itself what only the rim may do");
        }
    }
}

#[test]
fn names_avoid_the_banned_words() {
    const BANNED: &[&str] = &["manager", "helper", "util", "utils", "handler", "common", "misc"];
    for (path, _) in sources("src") {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(!BANNED.contains(&stem.as_str()), "{}", path.display());
    }
}

fn in_tests(text: &str) -> bool {
    let allow = text.find("allow(clippy::disallowed_methods)").unwrap_or(0);
    text.find("#[cfg(test)]").is_some_and(|tests| tests < allow)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<(PathBuf, syn::File)> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, syn::File)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            found.push((path.strip_prefix(root()).unwrap().to_owned(), file));
        }
    }
}

/// `src/store/read.rs` and `src/plan.rs` stand in the rooms `store` and `plan`; lib.rs and main.rs in none.
fn room_of(path: &Path) -> Option<String> {
    let rest = path.strip_prefix("src").ok()?;
    let first = rest.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    (first != "lib" && first != "main").then_some(first)
}

/// How many `super::` lead to the crate's root.
fn depth_of(path: &Path) -> usize {
    let parts = path.components().count() - 1;
    if path.file_name().is_some_and(|name| name == "mod.rs") { parts - 1 } else { parts }
}

struct Names {
    room: String,
    depth: usize,
    found: BTreeSet<String>,
}

impl Names {
    fn note(&mut self, path: &[String]) {
        match path.first().map(String::as_str) {
            Some("crate") => self.found.extend(path.get(1).cloned()),
            Some("super") => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let name = if ups >= self.depth { path.get(ups).cloned() } else { Some(self.room.clone()) };
                self.found.extend(name);
            }
            _ => {}
        }
    }

    fn tree(&mut self, tree: &syn::UseTree, mut before: Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(item, before.clone())),
            syn::UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.note(&before);
            }
            syn::UseTree::Rename(name) => {
                before.push(name.ident.to_string());
                self.note(&before);
            }
            syn::UseTree::Glob(_) => self.note(&before),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&parts);
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, Vec::new());
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_tests(&item.attrs) {
            self.depth += 1;
            syn::visit::visit_item_mod(self, item);
            self.depth -= 1;
        }
    }
}

fn is_tests(attrs: &[syn::Attribute]) -> bool {
    attrs
        .iter()
        .any(|attr| attr.path().is_ident("cfg") && attr.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test"))
}

fn production_lines(path: &Path, file: &syn::File) -> usize {
    let all = fs::read_to_string(root().join(path)).unwrap().lines().count();
    let tests: usize = file
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(item) if is_tests(&item.attrs) => {
                Some(item.span().end().line - item.span().start().line + 1)
            }
            _ => None,
        })
        .sum();
    all - tests
}

struct Functions {
    path: PathBuf,
    wrong: Vec<String>,
}

impl Functions {
    fn look(&mut self, sig: &syn::Signature, lines: usize) {
        let parameters = sig.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        let place = format!("{}: fn {}", self.path.display(), sig.ident);
        if lines > LONGEST_FUNCTION {
            self.wrong.push(format!("{place} has {lines} lines"));
        }
        if parameters > MOST_PARAMETERS {
            self.wrong.push(format!("{place} has {parameters} parameters"));
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look(&item.sig, item.span().end().line - item.sig.span().start().line + 1);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.sig, item.span().end().line - item.sig.span().start().line + 1);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_tests(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }
}
