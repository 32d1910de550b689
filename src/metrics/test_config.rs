//! Ways round tests that stand in lines: settings of runners and builds, and test files in languages without an outline.

use super::{lexicon::pattern, paths, texts::Hunk};
use regex::RegexSet;
use std::sync::LazyLock;

/// How many more lines there are after than before that leave tests out.
pub fn ignored(path: &str, hunks: &[Hunk<'_>]) -> usize {
    if is_config(path) { net(&IGNORED, hunks) } else { 0 }
}

/// How many more lines there are after than before that force a success.
pub fn forced(path: &str, hunks: &[Hunk<'_>], is_test: bool) -> usize {
    if is_config(path) || is_test { net(&FORCED, hunks) } else { 0 }
}

/// By lines, for a language without an outline: what was taken away, and skips added.
pub fn by_lines(hunks: &[Hunk<'_>]) -> [(&'static str, usize); 4] {
    let lost = |set: &RegexSet| net_of(set, hunks, |hunk| (&hunk.after, &hunk.before));
    let changed = {
        let of = |text: &str| {
            text.lines().filter(|line| ASSERTION.is_match(line)).map(|line| line.trim().to_owned()).collect()
        };
        let differs = |hunk: &Hunk<'_>| {
            let (was, is): (std::collections::BTreeSet<String>, std::collections::BTreeSet<String>) =
                (of(&hunk.before), of(&hunk.after));
            was.difference(&is).count().min(is.difference(&was).count())
        };
        hunks.iter().map(differs).sum()
    };
    [
        ("removed_tests", lost(&TEST)),
        ("added_skips", net(&SKIP, hunks)),
        ("removed_assertions", lost(&ASSERTION)),
        ("changed_expectations", changed),
    ]
}

fn net(set: &RegexSet, hunks: &[Hunk<'_>]) -> usize {
    net_of(set, hunks, |hunk| (&hunk.before, &hunk.after))
}

fn net_of(set: &RegexSet, hunks: &[Hunk<'_>], of: for<'h> fn(&'h Hunk<'_>) -> (&'h str, &'h str)) -> usize {
    let count = |text: &str| text.lines().filter(|line| set.is_match(line)).count();
    let (was, is) = hunks.iter().map(of).fold((0, 0), |(was, is), (old, new)| (was + count(old), is + count(new)));
    is.saturating_sub(was)
}

/// Files that say which tests run, and how a build counts them.
pub fn is_config(path: &str) -> bool {
    let name = paths::file_name(path);
    let known = [
        "Makefile",
        "package.json",
        "tox.ini",
        "noxfile.py",
        "Justfile",
        "justfile",
        "pytest.ini",
        "setup.cfg",
        "pyproject.toml",
        "conftest.py",
        "Cargo.toml",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "nextest.toml",
        ".mocharc.json",
        ".mocharc.yml",
        "Taskfile.yml",
        ".travis.yml",
    ];
    let tools = ["jest.config", "vitest.config", "vite.config", "karma.conf", "playwright.config", ".gitlab-ci"];
    known.contains(&name)
        || tools.iter().any(|tool| name.starts_with(tool))
        || path.starts_with(".github/")
        || path.starts_with(".ci/")
        || path.starts_with(".circleci/")
}

static IGNORED: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(concat!(
        r#"--ignore(-glob)?[= ]|--deselect|addopts.*\s-k\b|^\s*-k\b|collect_ignore|pytest_ignore_collect|PathIgnorePatterns|passWithNoTests"#,
        r#"|<skipTests>\s*true|<skip>\s*true|maven\.test\.skip>?\s*=?\s*true|-DskipTests|testFailureIgnore>\s*true|ignoreFailures\s*=\s*true"#,
        r#"|test\.enabled\s*=\s*false|enabled\s*=\s*false|^\s*x?excludes?\b.*[tT]est|exclude\(.*[tT]est|<exclude>.*[tT]est|^\s*exclude\s*[:=].*(test|spec)"#,
        r#"|^\s*(test|autotests|doctest)\s*=\s*false|-x\s+test\b|--skip[= ]|-skip[= ]|testMatch\s*:\s*\[\s*\]|--grep\s.*--invert"#
    ))
});
static FORCED: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(concat!(
        r#"\|\|\s*(true\b|:\s*$|exit 0|echo\b)|\bsys\.exit\(0\)|\bos\._exit\(0\)|process\.exit\(0\)|continue-on-error:\s*true|allow_failure:\s*true"#,
        r#"|"test"\s*:\s*"(true|exit 0|echo[^&|;]*)"|^\t-\s*(pytest|npm|cargo|go|mvn|gradle|tox|make)\b|;\s*(true|exit 0)\s*"?,?\s*$"#
    ))
});
static TEST: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(
        r"^\s*(async )?def test|^\s*#\[(tokio::)?test\b|^\s*func (\(\w+ \S+\) )?[tT]est|\bx?(it|test|specify|should)\s*\(?\s*['\x22`]|@Test\b|\[(Fact|Theory|Test|TestMethod)\b|^\s*test\s+['\x22]|function test\w|\bTEST(_F|_P)?\(|@test\s+['\x22]",
    )
});
static SKIP: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(
        r"@(unittest\.)?(skip|expectedFailure)|\.skipTest\(|#\[ignore|\b(it|test|describe)\.(skip|only|todo)\b|\bx(it|describe|test|context|specify)\b|@(Disabled|Ignore|tag :skip)\b|\[(Ignore|Skip)\b|Skip\s*=\s*\x22|\bXCTSkip|markTestSkipped|^\s*(skip|pending)\b|GTEST_SKIP|\bDISABLED_\w+",
    )
});
static ASSERTION: LazyLock<RegexSet> = LazyLock::new(|| {
    pattern(
        r"^\s*assert\b|\bself\.assert\w+\(|\bassert(_eq|_ne|_matches)?!\(|\b[aA]ssert\.\w+\(|\bexpect\b|\b[rR]equire\.\w+\(|\bassert\w*\(|\bt\.(Error|Fatal)f?\(|\b(EXPECT|ASSERT)_\w+\(|\bXCTAssert\w*\(|\bshould\b|\$this->assert\w+\(|\brefute\b",
    )
});
