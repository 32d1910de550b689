//! What is fuzzed, and what must hold for any bytes at all. `tests/it/fuzz.rs` replays the kept inputs through the same functions.

use evalrun::{
    acts::{Table, deeds_of_line, shell},
    importers::{Collector, Imported, named},
    interview::questions::questions,
    metrics,
    model::{
        import::{Member, Source},
        trace::Trace,
    },
    script::Script,
};
use std::ops::Range;

pub struct Target {
    pub name: &'static str,
    /// Words that mean something to the reader.
    pub words: &'static [&'static str],
    /// Files and folders of the repository to start from; those of `fixtures/fuzz/<name>` are always taken.
    pub seeds: &'static [&'static str],
    /// Seeds are the file's lines, not the file.
    pub by_line: bool,
    /// Bytes of the longest input.
    pub most: usize,
    /// Panics where something that must hold does not.
    pub run: fn(&[u8]),
}

pub static TARGETS: &[Target] = &[
    Target {
        name: "shell",
        words: &[
            "&&",
            "||",
            "|",
            ";",
            "&",
            "\n",
            "$(",
            ")",
            "`",
            "<(",
            ">(",
            "((",
            "))",
            "[[",
            "]]",
            "{ ",
            "; }",
            "<<EOF\n",
            "\nEOF\n",
            "<<-",
            "<<<",
            ">",
            ">>",
            "2>&1",
            "&>",
            ">|",
            "'",
            "\"",
            "\\",
            "$'",
            "${",
            "}",
            "#",
            "if ",
            "; then ",
            "; else ",
            "; fi",
            "for i in ",
            "; do ",
            "; done",
            "while ",
            "case x in ",
            ") ",
            ";; ",
            "esac",
            "f() { ",
            "function f ",
            "! ",
            "time ",
            "cd /a && ",
            "bash -lc '",
            "env A=b ",
            "timeout 5 ",
            "sudo ",
            "xargs ",
            "python - <<'EOF'\n",
            "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: a\n",
            "sed -n '1,5p' ",
            "rg -n ",
            "cat > ",
            "tee ",
            "git diff",
            "npm run ",
            "pytest -q",
            "powershell -Command \"",
            "cmd /c ",
            "Get-Content ",
            "%A%",
            "^",
            "é",
            "\u{2028}",
        ],
        seeds: &["fixtures/shell/golden.jsonl"],
        by_line: true,
        most: 4096,
        run: shell,
    },
    Target {
        name: "trace",
        words: TRACE,
        seeds: &["fixtures/traces/evalrun"],
        by_line: false,
        most: 16 << 10,
        run: trace,
    },
    Target {
        name: "codex_rollout",
        words: CODEX,
        seeds: &["fixtures/traces/codex_rollout", "fixtures/traces/hostile"],
        by_line: false,
        most: 48 << 10,
        run: |bytes| importer("codex_rollout", bytes),
    },
    Target {
        name: "claude_session",
        words: CLAUDE,
        seeds: &["fixtures/traces/claude_session", "fixtures/traces/hostile"],
        by_line: false,
        most: 32 << 10,
        run: |bytes| importer("claude_session", bytes),
    },
    Target {
        name: "swe_together",
        words: SWE,
        seeds: &["fixtures/traces/swe_together", "fixtures/traces/hostile"],
        by_line: false,
        most: 64 << 10,
        run: |bytes| importer("swe_together", bytes),
    },
    Target {
        name: "questions",
        words: &[
            "?",
            ". ",
            "Should I ",
            "would you like me to ",
            "let me know ",
            "please confirm ",
            "```\n",
            "`",
            "> ",
            "- ",
            "1. ",
            "# ",
            "\n\n",
            "**",
            ":",
            "| ",
            "e.g. ",
            "...",
            "?!",
            "if you want, I can ",
            "go ahead",
            "or ",
            "\u{201c}",
            "\u{201d}",
            "\u{2014}",
            "é",
            "\u{3002}",
            "http://a.b?c",
            "(",
            ")",
        ],
        seeds: &["fixtures/questions/phrases.txt"],
        by_line: true,
        most: 4096,
        run: asking,
    },
    Target {
        name: "suite",
        words: &[
            "version: 1\n",
            "suite: ",
            "tasks:\n",
            "- id: ",
            "  say: ",
            "interview:",
            "facts:",
            "ask:",
            "stages:",
            "checks:",
            "graders:",
            "agents:",
            "limits:",
            "workspace: {copy: ",
            "- ",
            "&a ",
            "*a",
            "<<: ",
            "|\n",
            ">\n",
            "{",
            "}",
            "[",
            "]",
            ": ",
            "'",
            "\"",
            "? ",
            "!!str ",
            "---\n",
            "\t",
        ],
        seeds: &["fixtures/suites/tiny.yaml", "fixtures/suites/mistakes", "evals/quickstart.yaml", "fixtures/agents"],
        by_line: false,
        most: 8192,
        run: suite,
    },
];

const TRACE: &[&str] = &[
    "\n{\"id\":1,\"turn\":1,\"kind\":\"",
    "\"body\":{",
    "\"tool_call\"",
    "\"tool_result\"",
    "\"agent_message\"",
    "\"user_message\"",
    "\"plan\"",
    "\"usage\"",
    "\"file_change\"",
    "\"snapshot\"",
    "\"stage\"",
    "\"check\"",
    "\"question\"",
    "\"superseded\":true",
    "\"by\":\"a\"",
    "\"at\":",
    "\"call\":",
    "\"exit\":",
    "\"batch\":",
    "\"text\":",
    "\"steps\":[",
    "\"status\":\"failed\"",
    "\"output\":",
    "\"lossy\":true",
    "\"blob\":\"a\"",
    "\"bytes\":",
    "\\ud800",
    "\u{feff}",
];
const CODEX: &[&str] = &[
    "\n{\"timestamp\":\"2026-01-01T00:00:00Z\",\"type\":\"",
    "\"session_meta\"",
    "\"event_msg\"",
    "\"response_item\"",
    "\"turn_context\"",
    "\"compacted\"",
    "\"payload\":{\"type\":\"",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "local_shell_call",
    "web_search_call",
    "reasoning",
    "message",
    "token_count",
    "exec_command_end",
    "patch_apply_end",
    "update_plan",
    "apply_patch",
    "user_message",
    "agent_message",
    "turn_aborted",
    "task_started",
    "\"call_id\":\"a\"",
    "\"arguments\":\"{\\\"cmd\\\":\\\"ls\\\"}\"",
    "\"output\":",
    "\"role\":\"user\"",
    "\"content\":[",
    "input_text",
    "output_text",
    "\\ud83d",
];
const CLAUDE: &[&str] = &[
    "\n{\"type\":\"",
    "\"assistant\"",
    "\"user\"",
    "\"system\"",
    "\"summary\"",
    "\"uuid\":\"a\"",
    "\"parentUuid\":\"a\"",
    "\"parentUuid\":null",
    "\"sessionId\":\"s\"",
    "\"isSidechain\":true",
    "\"message\":{",
    "\"content\":[{\"type\":\"",
    "tool_use",
    "tool_result",
    "\"tool_use_id\":\"a\"",
    "thinking",
    "\"text\":",
    "\"name\":\"Bash\"",
    "\"name\":\"TodoWrite\"",
    "\"name\":\"Edit\"",
    "\"name\":\"Task\"",
    "\"input\":{\"command\":\"ls\"}",
    "\"toolUseResult\":{",
    "\"structuredPatch\":[",
    "\"usage\":{",
    "\"isCompactSummary\":true",
    "compact_boundary",
    "\"isMeta\":true",
    "<command-name>",
    "<local-command-stdout>",
    "\"timestamp\":\"2026-01-01T00:00:00Z\"",
    "\\ud83d",
];
const SWE: &[&str] = &[
    "\"messages\":[",
    "\"role\":\"",
    "user",
    "assistant",
    "tool",
    "\"content\":",
    "\"parts\":[",
    "\"tool_calls\":[",
    "\"tool_use\"",
    "\"input\":{",
    "\"output\":",
    "\"agent\":\"",
    "\"session\":",
    "\"timestamp\":",
    "\"type\":\"",
    "\"name\":\"Bash\"",
    "\"thinking\"",
    "\"text\":",
    "\"model\":",
    "\"usage\":",
    "\\ud83d",
    "{",
    "}",
    "[",
    "]",
];

/// Every span lies inside the line, and nothing grows faster than the line.
fn shell(bytes: &[u8]) {
    let line = &*String::from_utf8_lossy(bytes);
    let script = shell::read(line);
    let inside = |span: &Range<usize>| assert!(line.get(span.clone()).is_some(), "{span:?} is not in the line");
    let mut kept = 0;
    for segment in &script.segments {
        inside(&segment.span);
        for word in segment.words.iter().chain(segment.redirects.iter().map(|redirect| &redirect.target)) {
            inside(&word.span);
            kept += word.text.len();
        }
    }
    // A word inside nested substitutions stands in each of them.
    let most = (shell::MAX_DEPTH as usize + 2) * (line.len() + 16);
    assert!(script.segments.len() <= line.len() + 1, "{} segments of {} bytes", script.segments.len(), line.len());
    assert!(kept <= most, "{kept} bytes of words from {} bytes", line.len());
    let deeds = deeds_of_line(line, Table::shipped());
    // A script inside a script is read again, eight levels deep.
    assert!(deeds.len() <= 256 * (line.len() + 8), "{} acts of {} bytes", deeds.len(), line.len());
}

fn asking(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let found = questions(text, "en");
    assert!(found.len() <= text.len(), "more questions than bytes");
    assert!(
        found.iter().map(|asked| asked.sentence.len()).sum::<usize>() <= 2 * text.len() + 16,
        "questions longer than the text"
    );
    assert!(questions(text, "none").is_empty());
}

/// A suite in a folder of its own, and the same text as a scripted candidate: errors are findings, never panics.
fn suite(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suite.yaml");
    std::fs::write(&path, bytes).unwrap();
    let loaded = evalrun::suite::load(&path, &evalrun::cli::names::names());
    assert!(loaded.suite.is_some() || !loaded.findings.is_empty(), "refused without a word");
    if let Err(mistakes) = Script::from_yaml(&String::from_utf8_lossy(bytes), "candidate") {
        assert!(!mistakes.is_empty(), "refused without a word");
    }
}

struct Bytes<'b>(&'b [u8]);

impl Source for Bytes<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }
}

/// What was imported, and whether the importer took the bytes.
fn imported(format: &str, bytes: &[u8]) -> (Vec<Imported>, bool) {
    let source = Bytes(bytes);
    let members = [Member { name: "input", source: &source }];
    let importer = named(format).expect("the format exists");
    let _ = importer.claim(&members);
    let mut sink = Collector::new();
    let read = importer.import(&members, &mut sink);
    (sink.finish(), read.is_ok())
}

/// Every record is accounted for, and the trace survives its own format with the same numbers.
fn importer(format: &str, bytes: &[u8]) {
    let (all, read) = imported(format, bytes);
    for one in &all {
        let told = one.kept + one.nothing.values().sum::<u64>() + one.merged.values().sum::<u64>();
        assert_eq!(told, one.records, "records that nobody accounts for");
        let (again, ok) = imported("evalrun", sealed(&one.trace).as_bytes());
        assert!(ok && again.len() == 1, "a sealed trace is not read again");
        assert_eq!(measured(&again[0].trace), measured(&one.trace), "other numbers after one round");
    }
    if read && format != "swe_together" {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;
        assert_eq!(all.iter().map(|one| one.records).sum::<u64>(), lines, "lines that became no record");
    }
}

/// Cut anywhere, a trace is the beginning of itself: only the line that was torn reads otherwise.
fn trace(bytes: &[u8]) {
    importer("evalrun", bytes);
    let (all, read) = imported("evalrun", bytes);
    let at = bytes.iter().fold(bytes.len(), |sum, byte| sum.wrapping_mul(31) ^ usize::from(*byte)) % (bytes.len() + 1);
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    let header = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| start + end);
    let (cut, cut_read) = imported("evalrun", &bytes[..at]);
    if !read || at < header {
        return;
    }
    assert!(cut_read, "a prefix with the header is not read");
    let whole = cut[0].trace.events.len().saturating_sub(1);
    let same = |trace: &Trace| sealed(&Trace { header: trace.header.clone(), events: trace.events[..whole].to_vec() });
    assert_eq!(same(&cut[0].trace), same(&all[0].trace), "a prefix reads otherwise");
}

fn sealed(trace: &Trace) -> String {
    let mut text = serde_json::to_string(&trace.header).expect("a header is JSON") + "\n";
    for event in &trace.events {
        text += &event.to_line().expect("an event is JSON");
        text.push('\n');
    }
    text
}

fn measured(trace: &Trace) -> Vec<(&'static str, String)> {
    let facts = metrics::read(trace, metrics::Given::default(), Table::shipped());
    metrics::measure(&facts).into_iter().map(|(id, measured)| (id, format!("{measured:?}"))).collect()
}
