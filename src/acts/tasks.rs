//! Names of tasks, goals and scripts: `npm run test:unit`, `mvn clean verify`, `./run_tests.sh`.

use crate::acts::classify::{self, Call};
use crate::acts::goals;
use crate::acts::line::{Found, Site, push};
use crate::acts::names;
use crate::acts::table::{Scheme, Table, What};
use crate::model::act::{Act, Deed};

/// What a task is for, by its name: the first word in it that says so.
pub(super) fn by_name(name: &str, table: &Table) -> Act {
    if let Some(act) = table.task_word(name).or_else(|| checker(name, table)) {
        return act;
    }
    let is_file = name.contains('.') || name.contains('/') && !name.contains(':');
    if is_file && let Some(act) = of_script(name, table) {
        return act;
    }
    let parts = parts(name);
    if let Some(act) = parts.iter().find_map(|part| table.task_word(part)) {
        return act;
    }
    parts.iter().find_map(|part| checker(part, table)).unwrap_or(Act::Run)
}

/// One task. Without a name the tool lists what it has.
pub(super) fn named(call: &Call, name: Option<&str>, site: &Site) -> Found {
    let Some(name) = name else { return call.found(Act::List) };
    let found = call.found(by_name(name, site.table));
    if found.act == Act::Lint && rewrites(name) { found.sub("fix") } else { found }
}

/// `fmt`, `lint:fix`: the task changes files.
pub(super) fn rewrites(name: &str) -> bool {
    let parts = parts(name);
    let has = |words: &[&str]| parts.iter().any(|part| words.contains(&part.as_str()));
    has(&["fmt", "format", "fix", "write", "apply"]) && !has(&["check", "verify", "ci", "lint"]) || has(&["fix"])
}

/// A task named after a program that checks: `eslint`, `lint:rubocop`.
fn checker(part: &str, table: &Table) -> Option<Act> {
    let What::Act(act) = table.program(part)?.verdict.what else { return None };
    act.is_check().then_some(act)
}

/// `test:unit`, `lint-fix`, `runTests`
pub(super) fn parts(name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut lower_before = false;
    for c in name.chars().take(MAX_NAME) {
        let starts = c.is_ascii_uppercase() && lower_before;
        if (starts || !c.is_alphanumeric()) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if c.is_alphanumeric() {
            part.extend(c.to_lowercase());
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

const MAX_NAME: usize = 200;

const TEST_PARTS: &[&str] = &[
    "test",
    "tests",
    "spec",
    "specs",
    "e2e",
    "unittest",
    "unittests",
    "selftest",
    "runtests",
    "runtest",
    "testsuite",
    "testall",
    "smoke",
];

/// First words of scripts that prepare something for tests instead of running them.
const PREPARES: &[&str] =
    &["create", "make", "generate", "gen", "seed", "setup", "build", "load", "prepare", "clean", "copy", "download"];

/// What a script or binary of the project is, where its name tells.
pub(super) fn of_script(path: &str, table: &Table) -> Option<Act> {
    let base = names::base(path);
    if ["/vitest/", "/jest/", "/mocha/", "/playwright/", "/jest-cli/", "/cypress/"]
        .iter()
        .any(|part| path.contains(part))
    {
        return Some(Act::Test);
    }
    let parts = parts(strip_extension(base));
    let (first, last) = (parts.first()?.as_str(), parts.last()?.as_str());
    let named = |part: &str| TEST_PARTS.contains(&part);
    let after_run =
        parts.windows(2).any(|pair| matches!(pair[0].as_str(), "run" | "exec" | "all" | "do") && named(&pair[1]));
    if named(last) || named(first) || after_run {
        return (!PREPARES.contains(&first)).then_some(Act::Test);
    }
    if matches!(first, "run" | "all" | "main" | "runner" | "index") && parts.len() == 1 && in_test_folder(path) {
        return Some(Act::Test);
    }
    if base.ends_with("Test") || base.ends_with("Tests") || base.ends_with("Spec") || base.ends_with(".test") {
        return Some(Act::Test);
    }
    let said = |words: &[&str]| words.contains(&first) && parts.len() <= 2 || words.contains(&last) && parts.len() <= 3;
    // `check.sh` runs the project's checks; `check.py` is any program that looks at something.
    let of_shell = !base.contains('.') || base.ends_with(".sh") || base.ends_with(".ps1");
    if said(&["lint", "format", "fmt", "typecheck"])
        || of_shell && matches!(parts.as_slice(), [only] if only == "check" || only == "checks")
    {
        return Some(Act::Lint);
    }
    if said(&["build", "compile"]) {
        return Some(Act::Build);
    }
    let stem = base.split('.').next().unwrap_or(base);
    let installed = path.contains("node_modules/") || path.contains("vendor/bin/");
    if installed { checker(stem, table) } else { None }
}

/// `tests/run.sh`
fn in_test_folder(path: &str) -> bool {
    let folder = path.rsplit(['/', '\\']).nth(1).unwrap_or("");
    matches!(folder, "test" | "tests" | "spec" | "e2e" | "__tests__")
}

fn strip_extension(base: &str) -> &str {
    match base.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() <= 4 => stem,
        Some(_) | None => base,
    }
}

/// Several goals in one call: the weightiest names it.
pub(super) fn goals(call: &Call, scheme: Scheme, site: &Site) -> (Act, Option<&'static str>) {
    goals::weightiest(call, scheme, site)
}

/// `python manage.py test`, `django-admin startproject`
pub(super) fn manage(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let verb = call.args.operand(call.argv, 0).unwrap_or("");
    let act = match verb {
        "test" => Act::Test,
        "check" | "validate_templates" => Act::Lint,
        "makemigrations" if call.has(&["--check", "--dry-run"]) => Act::Lint,
        "makemigrations" | "startapp" | "startproject" | "makemessages" => Act::Edit,
        "collectstatic" | "compilemessages" | "compress" => Act::Build,
        "showmigrations" | "diffsettings" | "version" | "help" | "show_urls" | "sqlmigrate" => Act::Other,
        _ => Act::Run,
    };
    push(call.found(act), site, out);
    true
}

/// Laravel's artisan and Symfony's console.
pub(super) fn artisan(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.words > 0 {
        return false;
    }
    let verb = call.args.operand(call.argv, 0).unwrap_or("list");
    let act = match verb {
        _ if verb.starts_with("make:") => Act::Edit,
        _ if verb.starts_with("lint:") => Act::Lint,
        _ if verb.starts_with("test") => Act::Test,
        _ if verb.starts_with("debug:") => Act::Other,
        "list" => Act::List,
        _ => Act::Run,
    };
    push(call.found(act), site, out);
    true
}

/// A word that composer does not know is a script of the project.
pub(super) fn composer(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.words > 0 {
        return false;
    }
    let act = call.args.operand(call.argv, 0).map_or(Act::Other, |name| by_name(name, site.table));
    push(call.found(act), site, out);
    true
}

/// tox and nox: `-e lint`, `-s tests`; without a choice they run the tests.
pub(super) fn sessions(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.verdict.what != What::Act(Act::Test) {
        return false;
    }
    let chosen = call.argv.iter().enumerate().filter_map(|(at, word)| match *word {
        "-e" | "-s" | "--session" | "--sessions" | "-m" => call.argv.get(at + 1).copied(),
        _ => word.strip_prefix("-e").or_else(|| word.strip_prefix("--session=")).filter(|rest| !rest.is_empty()),
    });
    let acts = chosen.flat_map(|names| names.split(',')).map(|name| {
        let interpreter = name.starts_with("py") && name.chars().nth(2).is_none_or(|c| c.is_ascii_digit() || c == 'p');
        if interpreter && !name.contains("lint") { Act::Test } else { by_name(name, site.table) }
    });
    let act = acts.max_by_key(|act| goals::weight(*act)).unwrap_or(Act::Test);
    push(call.found(act), site, out);
    true
}

/// `clojure -M:test`, `clj -X:build`
pub(super) fn clojure(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let alias = call.argv.iter().find_map(|word| word.strip_prefix('-').and_then(|rest| rest.split_once(':')));
    let act = match alias {
        _ if call.has(&["-P", "-Spath", "-Stree"]) => Act::Other,
        Some((_, names)) => by_name(names, site.table),
        None => Act::Run,
    };
    push(call.found(act), site, out);
    true
}

/// `cmake --build build --target test`
pub(super) fn cmake(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let argv = call.argv;
    let after =
        |names: &[&str]| argv.iter().position(|word| names.contains(word)).and_then(|at| argv.get(at + 1)).copied();
    let act = if argv.contains(&"-E") {
        match after(&["-E"]).unwrap_or("") {
            "copy" | "copy_directory" | "make_directory" | "remove" | "remove_directory" | "rename" | "touch"
            | "rm" => Act::Edit,
            _ => Act::Other,
        }
    } else if argv.contains(&"--install") {
        Act::Run
    } else if argv.contains(&"--list-presets") || argv.contains(&"-LA") {
        Act::List
    } else if argv.contains(&"--workflow") {
        Act::Build
    } else {
        match after(&["--target", "-t"]) {
            Some("clean") => Act::Other,
            Some("check") => Act::Test,
            Some(target) => match by_name(target, site.table) {
                Act::Run if target.starts_with("run") => Act::Run,
                Act::Run => Act::Build,
                act => act,
            },
            None => Act::Build,
        }
    };
    push(call.found(act), site, out);
    true
}

/// `cargo watch -x test` runs what it names.
pub(super) fn cargo(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    if call.args.operand(call.argv, 0) != Some("watch") {
        return false;
    }
    let flag = call.argv.iter().position(|word| matches!(*word, "-x" | "--exec"));
    let Some(line) = flag.and_then(|at| call.argv.get(at + 1)) else { return false };
    let mut argv = vec![call.argv[0]];
    argv.extend(line.split_whitespace());
    classify::call(&argv, &site.deeper(), out);
    true
}
