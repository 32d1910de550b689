//! Lines that were not written to be read: as far as they can be read there are segments, and the rest is one act with a reason.

use std::fs;

use evalrun::{
    acts::{Table, deeds_of_call, deeds_of_line, shell},
    model::act::{Act, Deed},
};
use proptest::prelude::*;
use serde_json::json;

use super::real_commands;

fn deeds(line: &str) -> Vec<Deed> {
    deeds_of_line(line, Table::shipped())
}

/// Acts and programs, the unread rest by its reason.
fn told(line: &str) -> Vec<String> {
    deeds(line)
        .iter()
        .map(|deed| match &deed.why {
            Some(why) => format!("{} ({why})", deed.act.word()),
            None => format!("{} {}", deed.act.word(), deed.program),
        })
        .collect()
}

#[test]
fn what_can_be_read_is_read_and_the_rest_has_a_reason() {
    let quote = "other (a quote is never closed)";
    let bracket = "other (a bracket is never closed)";
    let cases: &[(&str, &[&str])] = &[
        ("pytest -q && git commit -m 'it\\'s done'", &["test pytest", "vcs git", quote]),
        ("cargo test; echo \"half", &["test cargo", quote]),
        ("rg foo src | head; cat a.txt `ls", &["search rg", "read cat", "list ls", quote]),
        ("rm -rf build && (cd x && make", &["edit rm", "build make", bracket]),
        ("cat a $(head -1 b", &["read cat", "read head", bracket]),
        ("cat > f <<'EOF'\nnever closed", &["edit cat", "other (a heredoc is never closed)"]),
        ("npm test &&", &["test npm", "other (a command is missing)"]),
        ("if pytest; then echo ok", &["test pytest", "other (a group is never closed)"]),
        ("go vet ./...\r\ngo test ./...\r\n", &["lint go", "test go"]),
        ("for f in *; do\r\n  cat \"$f\"\r\ndone\r\n", &["read cat"]),
        ("cat a\u{0}b; ls", &["read cat", "list ls"]),
        ("bash -c 'pytest -q \"x'", &["test pytest", quote]),
        ("ls \\", &["list ls", "other (it ends in the middle of a word)"]),
        (") ; ls", &["list ls", "other (a closing word or sign stands where nothing was opened)"]),
        ("Get-Content 'a", &["read Get-Content", quote]),
    ];
    for (line, expected) in cases {
        assert_eq!(told(line), *expected, "{line:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_read_around() {
    let bytes = [&b"cat "[..], &[0xff, 0xfe, 0xc3], b".txt && pytest -q; grep \xf0x src"].concat();
    let line = String::from_utf8_lossy(&bytes);
    assert_eq!(told(&line), ["read cat", "test pytest", "search grep"]);
    assert_eq!(deeds(&line)[0].paths_read, ["\u{fffd}\u{fffd}\u{fffd}.txt"]);
    let call = deeds_of_call("Bash", &json!({"command": line}), Table::shipped());
    assert_eq!(call, deeds(&line));
}

/// Deep nesting is not followed: what stands before it is read, and one act says so.
#[test]
fn deep_nesting_is_one_unread_act() {
    for depth in [200, 5_000] {
        for (open, close) in [("$(", ")"), ("( ", " )"), ("{ ", "; }"), ("`", ""), ("<(", ")"), ("${x:-", "}")] {
            for closed in [true, false] {
                let closing = if closed { close.repeat(depth) } else { String::new() };
                let line = format!("cargo test && {}{closing}", open.repeat(depth));
                let unread = deeds(&line).iter().filter(|deed| deed.act == Act::Other && deed.why.is_some()).count();
                assert_eq!(told(&line)[0], "test cargo", "{open}{depth}");
                assert!(unread == 1 || open == "`", "{open}{depth}: {unread}");
            }
        }
    }
    let wide = format!("ls; {}", "(".repeat(30));
    assert_eq!(told(&wide), ["list ls", "other (a bracket is never closed)"]);
    let substituted = |depth: usize| told(&format!("echo {}pytest{}", "$(".repeat(depth), ")".repeat(depth)));
    assert_eq!(substituted(200).last().unwrap(), "other (it is nested too deep)");
    assert_eq!(substituted(2), ["run $(...)", "test pytest"]);
    assert_eq!(substituted(20).last().unwrap(), "test pytest");
}

/// A name, and a text of about so many bytes.
type Shape = (&'static str, fn(usize) -> String);

/// Shapes that are one word or never end, measured up to 1 MB.
const LONG: &[Shape] = &[
    ("a long line", |size| repeated("cat a.txt && rg foo src | head; ", size)),
    ("one word", |size| format!("cat {}", "a".repeat(size))),
    ("words", |size| format!("rm {}", repeated("a/b.txt ", size))),
    ("an open quote", |size| format!("cat '{}", repeated("it is; && | > ", size))),
    ("quotes", |size| format!("cat {}", repeated("\"$x\"'y' ", size))),
    ("odd quotes", |size| repeated("\"'\"' ", size)),
    ("open substitutions", |size| repeated("$(a ", size)),
    ("open brackets", |size| "(".repeat(size)),
    ("backslashes", |size| format!("cat {}", "\\".repeat(size))),
    ("redirects", |size| repeated("> a < b ", size)),
    ("open heredocs", |size| repeated("<<A ", size) + "\n" + &repeated("x\n", size / 8)),
    ("a heredoc", |size| format!("python - <<'EOF'\n{}EOF\n", repeated("open('a', 'w').write(x)\n", size))),
];

/// Shapes of many commands, which cost more, measured up to 256 KB.
const WIDE: &[Shape] = &[
    ("commands", |size| repeated("cat a.txt && rg foo src | head; ", size)),
    ("substitutions", |size| format!("cat {}", repeated("$(ls a) `pwd` ", size))),
    ("backticks", |size| repeated("`\\`", size)),
    ("arithmetic", |size| repeated("$((1 + ", size)),
    ("heredocs", |size| repeated("cat <<A\nx $(ls)\nA\n", size)),
    ("pipes", |size| repeated("a | ", size)),
    ("conditions", |size| repeated("rc=$?; [ $rc -ne 0 ] || ", size)),
    ("groups", |size| repeated("{ a; b; } > c; ", size)),
    ("folders", |size| repeated("cd a && ls; ", size)),
    ("functions", |size| repeated("f() { a; }; f; ", size)),
    ("cases", |size| repeated("case x in a) b;; esac; ", size)),
    ("assignments", |size| repeated("A=1 B=$(c) ", size)),
    ("wrappers", |size| repeated("sudo env A=1 timeout 5 ", size)),
    ("scripts", |size| repeated("bash -c 'ls; bash -c \"cat a\"'; ", size)),
    ("finds", |size| repeated("find . -name a -exec cat {} \\; ; ", size)),
    ("PowerShell", |size| format!("Get-Content a; {}", repeated("$x = Get-Content 'b' | Select-Object c; ", size))),
    ("no text", |size| repeated("\u{fffd}\u{0}\r\n", size)),
    ("comments", |size| repeated("ls # 'a\n", size)),
];

fn repeated(piece: &str, size: usize) -> String {
    piece.repeat(size / piece.len() + 1)
}

/// ns that this thread was on a processor.
fn busy() -> u64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    told.split_whitespace().next().unwrap().parse().unwrap()
}

fn cost(line: &str) -> u64 {
    let start = busy();
    std::hint::black_box(deeds(line).len());
    busy() - start
}

/// Four times the line may take four times the processor time, with a threefold slack.
fn is_linear(shapes: &[Shape], size: usize) {
    let mut slow = Vec::new();
    for (name, shape) in shapes {
        let (before, after) = (cost(&shape(size)), cost(&shape(size * 4)));
        println!("{name:<20} {:>8} us {:>8} us", before / 1_000, after / 1_000);
        if after > before * 12 + 5_000_000 {
            slow.push(format!("{name}: {before} ns, {after} ns"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn long_lines_are_read_in_linear_time() {
    is_linear(LONG, 256 << 10);
}

#[test]
fn lines_of_many_commands_are_read_in_linear_time() {
    is_linear(WIDE, 64 << 10);
}

/// One change of a text that is nearly right: cut, doubled, mixed, or with a sign put in.
#[derive(Clone, Debug)]
enum Change {
    Cut,
    Drop(usize),
    Double(usize),
    Put(&'static str),
    Join(usize),
}

fn changes() -> impl Strategy<Value = Change> {
    let signs = &[
        "'", "\"", "`", "$(", ")", "(", "{", "}", "\\", "<<EOF\n", "\n", "\r\n", ";", "&", "|", "&&", ">", "<", "\0",
        "\u{fffd}", "$((", "${",
    ];
    prop_oneof![
        Just(Change::Cut),
        (1_usize..20).prop_map(Change::Drop),
        (1_usize..200).prop_map(Change::Double),
        prop::sample::select(&signs[..]).prop_map(Change::Put),
        any::<usize>().prop_map(Change::Join),
    ]
}

fn changed(text: &str, change: &Change, at: usize) -> String {
    let commands = real_commands();
    let mut at = at % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let (before, after) = text.split_at(at);
    match change {
        Change::Cut => before.to_owned(),
        Change::Drop(count) => before.chars().chain(after.chars().skip(*count)).collect(),
        Change::Double(count) => {
            let part: String = after.chars().take(*count).collect();
            format!("{before}{part}{after}")
        }
        Change::Put(sign) => format!("{before}{sign}{after}"),
        Change::Join(other) => format!("{before}{}{after}", commands[other % commands.len()]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A real command, changed a few times: it is read inside its bounds, always the same, with at most one unread act, which is
    /// there exactly where the reader says so.
    #[test]
    fn mutations_of_real_commands_are_read(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((changes(), any::<usize>()), 1..6),
    ) {
        let commands = real_commands();
        let line = edits.iter().fold(pick.get(&commands).clone(), |line, (change, at)| changed(&line, change, *at));
        let script = shell::read(&line);
        for segment in &script.segments {
            prop_assert!(segment.span.start <= segment.span.end && segment.span.end <= line.len());
        }
        let found = deeds(&line);
        prop_assert_eq!(&found, &deeds(&line));
        let unread = found.iter().filter(|deed| deed.why.is_some()).count();
        prop_assert!(unread <= 1);
        prop_assert!(unread == 1 || script.unread.is_none());
        for deed in found.iter().filter(|deed| deed.why.is_some()) {
            prop_assert!(deed.act == Act::Other && deed.sub.as_deref() == Some("unread"));
        }
    }
}
