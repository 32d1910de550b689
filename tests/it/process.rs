//! Real programs under real supervisors: whatever they do, their output is bounded and nothing of them stays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evalrun::process::env::base_env;
use evalrun::process::redact::Redactor;
use evalrun::process::{
    Cancel, Exit, Jail, Kept, Output, Spec, Stdin, open, run, supervise, sweep, usable_sandboxes, use_supervisor,
};

/// Leaves behind what it can: a session of its own, double forks, holders of its pipes, one that ignores signals.
const LEAVES_CHILDREN: &str = "
    setsid sleep 1000 &
    (setsid sh -c 'sleep 1000 & exec sleep 1000' &)
    (sh -c 'trap \"\" TERM INT HUP; sleep 1000; sleep 1000' &)
    (setsid setsid sh -c '(sleep 1000 &) ; sleep 1000' >/dev/null 2>&1 </dev/null &)
    echo done";

#[tokio::test]
async fn an_exit_is_what_it_was() {
    let cases = [
        ("exit 0", Exit::Code(0)),
        ("exit 7", Exit::Code(7)),
        ("kill -9 $$", Exit::Signal(9)),
        ("kill -TERM $$", Exit::Signal(15)),
        ("sh -c 'kill -9 $$'; exit 3", Exit::Code(3)),
    ];
    for (script, exit) in cases {
        assert_eq!(shell(script).await.exit, exit, "{script}");
    }
}

#[tokio::test]
async fn both_streams_come_apart_and_byte_for_byte() {
    let output = shell("printf 'a\\000\\377b'; printf 'err\\n' >&2").await;
    assert_eq!((output.stdout, output.stderr), (Kept::whole(b"a\0\xffb"), Kept::whole(b"err\n")));
}

#[tokio::test]
async fn input_is_nothing_or_the_bytes_or_closed() {
    assert_eq!(shell("cat").await.stdout, Kept::whole(b""));
    let big = vec![b'x'; 3 << 20];
    let read = finish(Spec { stdin: Stdin::Bytes(big.clone()), ..sh("cat") }).await;
    assert_eq!(read.stdout.bytes(), big);
    let unread = finish(Spec { stdin: Stdin::Bytes(big), ..sh("exec 0<&-; exit 4") }).await;
    assert_eq!(unread.exit, Exit::Code(4));
    let piped = finish(Spec { stdin: Stdin::Piped, ..sh("cat; echo end") }).await;
    assert_eq!(piped.stdout, Kept::whole(b"end\n"));
}

#[tokio::test]
async fn the_environment_is_the_given_one_and_the_marker() {
    let mut spec = Spec::new(["env"], "/");
    spec.env.insert("A".to_owned(), "1 \n2".to_owned());
    spec.marker = "m".to_owned();
    let path = spec.env["PATH"].clone();
    let output = finish(spec).await;
    assert_eq!(output.stdout.text().0, format!("A=1 \n2\nEVALRUN_TRIAL=m\nPATH={path}\n"));
}

#[tokio::test]
async fn what_cannot_start_is_a_fault_that_says_why() {
    for jail in jails(&[]) {
        let missing = Spec { sandbox: jail.clone(), ..Spec::new(["no-such-program"], "/") };
        let fault = run(missing, &Cancel::new()).await.unwrap_err();
        assert_eq!((fault.kind.as_str(), fault.message.contains("no-such-program")), ("spawn", true), "{fault:?}");
    }
    let fault = run(Spec::new(["true"], "/no/such/folder"), &Cancel::new()).await.unwrap_err();
    assert_eq!(fault.message, "cannot run `true` in /no/such/folder: no such folder");
    let fault = run(Spec::new(Vec::<String>::new(), "/"), &Cancel::new()).await.unwrap_err();
    assert_eq!(fault.message, "the command is empty");
}

#[tokio::test]
async fn nothing_is_left_when_the_program_ends() {
    for jail in jails(&[]) {
        let spec = Spec { sandbox: jail, ..sh(LEAVES_CHILDREN) };
        let marker = spec.marker.clone();
        let output = finish(spec).await;
        assert_eq!((output.exit, output.stdout), (Exit::Code(0), Kept::whole(b"done\n")));
        assert_eq!(sweep::marked(&marker), [0; 0]);
    }
}

#[tokio::test]
async fn nothing_is_left_at_the_limit() {
    for jail in jails(&[]) {
        let script = format!("{LEAVES_CHILDREN}; trap '' TERM; while :; do sleep 1000; done");
        let limit = Some(Duration::from_millis(300));
        let spec = Spec { sandbox: jail, timeout: limit, ..sh(&script) };
        let marker = spec.marker.clone();
        let output = finish(spec).await;
        assert_eq!(output.exit, Exit::TimedOut);
        assert_eq!(sweep::marked(&marker), [0; 0]);
    }
}

/// Each process of this lives for one fork; every other one also leaves its group.
const FORKS_ON: &str = "
import os, sys
if os.fork(): sys.exit(0)
os.closerange(0, 3)
while True:
    if len(sys.argv) > 1: os.setsid()
    if os.fork(): os._exit(0)";

#[tokio::test]
async fn a_process_that_forks_on_and_on_is_caught() {
    if !is_installed("python3") {
        println!("skipped: python3 is not installed");
        return;
    }
    for jail in jails(&[]) {
        for more in [&[] as &[&str], &["leave the group"]] {
            let argv = ["python3", "-c", FORKS_ON].iter().chain(more).copied();
            let spec = Spec { sandbox: jail.clone(), marker: marker(), ..Spec::new(argv, "/") };
            let marker = spec.marker.clone();
            assert_eq!(finish(spec).await.exit, Exit::Code(0));
            assert_eq!(sweep::marked(&marker), [0; 0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_after_a_cancel() {
    for jail in jails(&[]) {
        let spec = Spec { sandbox: jail, ..sh(&format!("{LEAVES_CHILDREN}; sleep 1000")) };
        let marker = spec.marker.clone();
        let cancel = Cancel::new();
        let (run_cancel, part) = (cancel.clone(), cancel.child());
        let running = tokio::spawn(async move { run(spec, &run_cancel.child()).await });
        until("the program runs", || sweep::marked(&marker).len() > 4).await;
        assert!(!part.is_cancelled());
        cancel.cancel();
        assert!(part.is_cancelled());
        assert_eq!(running.await.unwrap().unwrap().exit, Exit::Cancelled);
        assert_eq!(sweep::marked(&marker), [0; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_run_that_was_dropped() {
    let spec = sh(&format!("{LEAVES_CHILDREN}; sleep 1000"));
    let marker = spec.marker.clone();
    let running = tokio::spawn(async move { run(spec, &Cancel::new()).await });
    until("the program runs", || sweep::marked(&marker).len() > 4).await;
    running.abort();
    until("nothing is left", || sweep::marked(&marker).is_empty()).await;
}

#[tokio::test]
async fn nothing_is_left_after_kill_9_of_evalrun() {
    for jail in ["none", "bwrap"].into_iter().take(jails(&[]).len()) {
        let marker = marker();
        let mut owner = this_test("owner_to_be_killed");
        let mut owner = owner.env("OWNER_MARKER", &marker).env("OWNER_JAIL", jail).spawn().unwrap();
        until("the program runs", || sweep::marked(&marker).len() > 4).await;
        owner.kill().unwrap();
        owner.wait().unwrap();
        until("nothing is left", || sweep::marked(&marker).is_empty()).await;
    }
}

/// Run by the test above, in a process of its own.
#[tokio::test]
#[ignore = "run by nothing_is_left_after_kill_9_of_evalrun"]
async fn owner_to_be_killed() {
    let Ok(marker) = std::env::var("OWNER_MARKER") else { return };
    let jail = if std::env::var("OWNER_JAIL").unwrap() == "bwrap" { Jail::shut() } else { Jail::None };
    finish(Spec { marker, sandbox: jail, ..sh(&format!("{LEAVES_CHILDREN}; sleep 1000")) }).await;
}

#[tokio::test]
async fn a_killed_supervisor_is_a_fault_and_leaves_nothing() {
    let spec = sh(&format!("{LEAVES_CHILDREN}; kill -9 $PPID; sleep 1000"));
    let marker = spec.marker.clone();
    let fault = run(spec, &Cancel::new()).await.unwrap_err();
    assert_eq!((fault.kind.as_str(), fault.retryable), ("supervisor", false));
    assert_eq!(sweep::marked(&marker), [0; 0]);
}

#[tokio::test]
async fn a_stopped_supervisor_is_woken() {
    let limit = Some(Duration::from_millis(300));
    let spec = Spec { timeout: limit, ..sh(&format!("{LEAVES_CHILDREN}; kill -STOP $PPID; sleep 1000")) };
    let marker = spec.marker.clone();
    assert_eq!(finish(spec).await.exit, Exit::TimedOut);
    assert_eq!(sweep::marked(&marker), [0; 0]);

    let mut child = open(sh(&format!("{LEAVES_CHILDREN}; kill -STOP $PPID; echo stopped; sleep 1000"))).await.unwrap();
    child.next_line().await.unwrap();
    assert_eq!(child.next_line().await.unwrap().text().0, "stopped");
    assert_eq!(child.kill().await.unwrap().exit, Exit::Cancelled);
}

#[tokio::test]
async fn what_is_cancelled_before_it_starts_does_not_start() {
    let cancel = Cancel::new();
    cancel.cancel();
    let output = run(Spec::new(["no-such-program"], "/"), &cancel).await.unwrap();
    let nothing = Kept::default();
    assert_eq!(output, Output { exit: Exit::Cancelled, stdout: nothing.clone(), stderr: nothing, duration_ms: 0 });
}

#[tokio::test]
async fn a_supervisor_survives_what_can_be_blocked() {
    let script = "read go; kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID; echo alive";
    let mut child = open(Spec { stdin: Stdin::Piped, ..sh(script) }).await.unwrap();
    child.write_line("go").await.unwrap();
    assert_eq!(child.next_line().await.unwrap().text().0, "alive");
    assert_eq!(child.wait().await.unwrap().exit, Exit::Code(0));
}

#[tokio::test]
async fn a_program_inherits_no_open_file() {
    for jail in jails(&[]) {
        let output = finish(Spec { sandbox: jail, ..Spec::new(["ls", "/proc/self/fd"], "/") }).await;
        assert_eq!(output.stdout, Kept::whole(b"0\n1\n2\n3\n"), "3 is the folder that ls reads");
    }
}

#[tokio::test]
async fn a_gigabyte_is_counted_and_not_held() {
    let output = this_test("a_gigabyte_alone").env("GIGABYTE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    print!("{said}");
}

/// Run by the test above: the peak of a process with other tests in it says nothing.
#[tokio::test]
#[ignore = "run by a_gigabyte_is_counted_and_not_held"]
async fn a_gigabyte_alone() {
    if std::env::var("GIGABYTE").is_err() {
        return;
    }
    let before = peak_kib();
    let script = "head -c 1073741824 /dev/zero; head -c 33554432 /dev/zero >&2";
    let output = finish(Spec { cap: 16 << 20, ..sh(script) }).await;
    let held = |kept: &Kept| (kept.head.len(), kept.tail.len(), kept.dropped);
    assert_eq!(held(&output.stdout), (8 << 20, 8 << 20, (1 << 30) - (16 << 20)));
    assert_eq!(held(&output.stderr), (8 << 20, 8 << 20, 16 << 20));
    let grown = peak_kib() - before;
    println!("peak memory grew by {grown} KiB");
    assert!(grown < 100 << 10, "peak memory grew by {grown} KiB");
}

#[tokio::test]
async fn a_secret_in_any_output_is_replaced_by_its_name() {
    let secret = "hunter-2-hunter-2";
    let redactor = Redactor::new(&[("API_KEY".to_owned(), secret.to_owned())]).unwrap();
    let mut spec = sh("echo $API_KEY; printf \"u:$API_KEY\" | base64; echo 1>&2 $API_KEY");
    spec.env.insert("API_KEY".to_owned(), secret.to_owned());
    let output = finish(spec).await;
    assert_eq!(output.stderr.redacted(&redactor), Kept::whole(b"[API_KEY]\n"));
    let (text, _) = output.stdout.redacted(&redactor).text();
    assert_eq!(text.matches("[API_KEY]").count(), 2, "{text}");
}

#[tokio::test]
async fn an_open_program_is_spoken_to_in_lines() {
    let mut child =
        open(Spec { stdin: Stdin::Piped, cap: 64, ..sh("echo ready >&2; cat; printf 'no newline'") }).await.unwrap();
    child.write_line("one").await.unwrap();
    assert_eq!(child.next_line().await.unwrap().text().0, "one");
    child.write_line(&"x".repeat(100)).await.unwrap();
    let long = child.next_line().await.unwrap();
    assert_eq!((long.bytes.len(), long.cut), (64, 36));
    child.close_stdin().await;
    assert_eq!(child.next_line().await.unwrap().text().0, "no newline");
    assert_eq!(child.next_line().await, None);
    let output = child.wait().await.unwrap();
    assert_eq!((output.exit, output.stderr), (Exit::Code(0), Kept::whole(b"ready\n")));
    assert_eq!(output.stdout, Kept::default());
    assert_eq!(child.write_line("late").await.unwrap_err().kind, "stdin_closed");
}

#[tokio::test]
async fn an_open_program_that_talks_while_it_is_spoken_to_does_not_stand_still() {
    let mut child = open(Spec { stdin: Stdin::Piped, ..sh("cat") }).await.unwrap();
    let line = "y".repeat(1 << 20);
    child.write_line(&line).await.unwrap();
    child.write_line(&line).await.unwrap();
    for _ in 0..2 {
        assert_eq!(child.next_line().await.unwrap().bytes.len(), line.len());
    }
}

#[tokio::test]
async fn waiting_for_the_end_writes_and_reads_what_is_still_due() {
    let big = "z".repeat(3 << 20);
    let stdin = Stdin::Bytes(big.clone().into_bytes());
    let output = open(Spec { stdin, ..sh("cat; echo; printf end") }).await.unwrap().wait().await.unwrap();
    assert_eq!(output.stdout.text(), (format!("{big}\nend"), false));
}

#[tokio::test]
async fn a_program_that_closes_its_output_still_gets_its_input() {
    let stdin = Stdin::Bytes(vec![b'z'; 3 << 20]);
    let script = "exec 1>&-; [ $(wc -c) = 3145728 ] && exit 6";
    let output = open(Spec { stdin, ..sh(script) }).await.unwrap().wait().await.unwrap();
    assert_eq!(output.exit, Exit::Code(6));
}

#[tokio::test]
async fn a_line_that_was_waited_for_in_vain_is_not_lost() {
    let mut child = open(Spec { stdin: Stdin::Piped, ..sh("cat") }).await.unwrap();
    for n in 0..50 {
        let line = format!("line {n}");
        child.write_line(&line).await.unwrap();
        let got = loop {
            tokio::select! {
                biased;
                got = child.next_line() => break got,
                () = tokio::task::yield_now() => {}
            }
        };
        assert_eq!(got.unwrap().text().0, line);
    }
}

#[tokio::test]
async fn an_open_program_ends_by_itself_when_asked_and_otherwise_by_force() {
    for jail in jails(&[]) {
        let script = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done";
        let mut polite = open(Spec { sandbox: jail, ..sh(script) }).await.unwrap();
        assert_eq!(polite.next_line().await.unwrap().text().0, "up");
        polite.terminate();
        let output = polite.wait().await.unwrap();
        assert_eq!((output.exit, output.stdout), (Exit::Code(5), Kept::whole(b"bye\n")));
    }

    let spec = sh(&format!("trap '' INT TERM; {LEAVES_CHILDREN}; while :; do sleep 1000; done"));
    let marker = spec.marker.clone();
    let mut stubborn = open(spec).await.unwrap();
    assert_eq!(stubborn.next_line().await.unwrap().text().0, "done");
    stubborn.interrupt();
    assert_eq!(stubborn.kill().await.unwrap().exit, Exit::Cancelled);
    assert_eq!(sweep::marked(&marker), [0; 0]);
}

#[tokio::test]
async fn a_dropped_child_leaves_nothing() {
    let spec = sh(&format!("{LEAVES_CHILDREN}; sleep 1000"));
    let marker = spec.marker.clone();
    let mut child = open(spec).await.unwrap();
    assert_eq!(child.next_line().await.unwrap().text().0, "done");
    drop(child);
    until("nothing is left", || sweep::marked(&marker).is_empty()).await;
}

#[tokio::test]
async fn in_bwrap_only_the_listed_folders_can_be_written_to() {
    let Some(room) = Room::new() else { return };
    let script = "
        echo a > room/new && echo wrote work
        echo a 2>/dev/null > ../other/new || echo refused other
        echo a 2>/dev/null > /usr/new || echo refused usr
        ls /tmp | wc -l
        echo a > /tmp/$EVALRUN_TRIAL && echo wrote tmp
        cat ../other/hidden 2>/dev/null || echo refused hidden
        ls ../other/folder | wc -l
        cat shown/f
        echo a 2>/dev/null > shown/f || echo refused shown
        cat swapped/f
        ps_count=$(ls -d /proc/[0-9]* | wc -l); [ $ps_count -lt 10 ] && echo few processes
        grep -c : /proc/net/dev";
    let jail = Jail::Bwrap {
        writable: vec![room.at("trial/room")],
        binds: vec![(room.at("copy"), room.at("trial/swapped"))],
        readonly_binds: vec![(room.at("copy"), room.at("trial/shown"))],
        hide: vec![room.at("other/hidden"), room.at("other/folder"), room.at("no/such")],
        network: false,
    };
    let spec = Spec { sandbox: jail, cwd: room.at("trial"), ..sh(script) };
    let private = Path::new("/tmp").join(&spec.marker);
    let output = finish(spec).await;
    let expected =
        "wrote work\nrefused other\nrefused usr\n0\nwrote tmp\n0\ncopied\nrefused shown\ncopied\nfew processes\n1\n";
    assert_eq!(output.stdout.text().0.replace("\n\n", "\n"), expected, "{}", output.stderr.text().0);
    assert!(room.at("trial/room/new").exists() && !private.exists());
}

#[tokio::test]
async fn a_sandbox_that_does_not_start_is_a_fault_and_a_program_that_says_so_is_not() {
    if jails(&[]).len() < 2 {
        return;
    }
    let missing = Jail::Bwrap {
        writable: vec![PathBuf::from("/no/such/folder")],
        binds: vec![],
        readonly_binds: vec![],
        hide: vec![],
        network: true,
    };
    let fault = run(Spec { sandbox: missing, ..sh("true") }, &Cancel::new()).await.unwrap_err();
    assert_eq!(fault.kind, "sandbox", "{fault:?}");
    assert!(fault.message.contains("/no/such/folder"), "{fault:?}");
    let output = finish(Spec { sandbox: Jail::shut(), ..sh("echo 'bwrap: cannot' >&2; exit 1") }).await;
    assert_eq!(output.exit, Exit::Code(1));
}

#[tokio::test]
async fn python_and_cargo_work_with_a_home_of_their_own() {
    let room = tempfile::tempdir().unwrap();
    let (home, tmp, work) = (room.path().join("home"), room.path().join("tmp"), room.path().join("work"));
    for folder in [&home, &tmp, &work.join("src")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(
        work.join("Cargo.toml"),
        "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
    )
    .unwrap();
    fs::write(work.join("src/lib.rs"), "#[test]\nfn two() { assert_eq!(1 + 1, 2); }\n").unwrap();
    let env = base_env(&home, &tmp, 7, "own-home");
    let allowed = |name: &String| !name.contains("TOKEN") && !name.contains("KEY") && !name.contains("SECRET");
    assert!(env.keys().all(allowed), "{env:?}");
    let print = "import os,tempfile; print(os.environ['HOME'], tempfile.gettempdir(), os.environ['EVALRUN_SEED'])";
    let expected = format!("{} {} 7\n", home.display(), tmp.display());
    for jail in jails(&[room.path()]) {
        for (argv, wanted) in
            [(vec!["python3", "-c", print], expected.as_str()), (vec!["cargo", "test", "--offline"], "1 passed")]
        {
            if !is_installed(argv[0]) {
                println!("skipped: {} is not installed", argv[0]);
                continue;
            }
            let spec = Spec { env: env.clone(), sandbox: jail.clone(), ..Spec::new(argv, &work) };
            let output = finish(spec).await;
            let (said, _) = output.stdout.text();
            assert_eq!(output.exit, Exit::Code(0), "{said}{}", output.stderr.text().0);
            assert!(said.contains(wanted), "{said}");
        }
    }
}

#[test]
fn the_hidden_verb_says_what_it_is_when_typed() {
    assert_eq!(supervise::main(&[]), 70);
    assert_eq!(supervise::VERB, "__supervise");
}

/// Folders for a sandbox to show and to hide, outside of /tmp, which is always private.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Option<Room> {
        if jails(&[]).len() < 2 {
            return None;
        }
        let room = Room(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        for folder in ["trial/room", "trial/shown", "trial/swapped", "other/folder/inner", "copy"] {
            fs::create_dir_all(room.at(folder)).unwrap();
        }
        fs::write(room.at("other/hidden"), "hidden\n").unwrap();
        fs::write(room.at("copy/f"), "copied\n").unwrap();
        Some(room)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }
}

/// No sandbox, and bwrap where it works. On a build server it must work.
fn jails(writable: &[&Path]) -> Vec<Jail> {
    let mut jails = vec![Jail::None];
    match usable_sandboxes().iter().find(|sandbox| sandbox.name == "bwrap").and_then(|bwrap| bwrap.problem.clone()) {
        None => jails.push(Jail::Bwrap {
            writable: writable.iter().map(|path| path.to_path_buf()).collect(),
            binds: vec![],
            readonly_binds: vec![],
            hide: vec![],
            network: false,
        }),
        Some(problem) => {
            assert!(std::env::var_os("CI").is_none(), "bwrap must work where CI is set: {problem}");
            eprintln!("skipped: bwrap does not work here: {problem}");
        }
    }
    jails
}

async fn shell(script: &str) -> Output {
    finish(sh(script)).await
}

async fn finish(spec: Spec) -> Output {
    use_supervisor(env!("CARGO_BIN_EXE_evalrun"));
    run(spec, &Cancel::new()).await.unwrap()
}

fn sh(script: &str) -> Spec {
    use_supervisor(env!("CARGO_BIN_EXE_evalrun"));
    Spec { marker: marker(), ..Spec::new(["sh", "-c", script], "/") }
}

fn marker() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One test of this binary in a process of its own.
fn this_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("process::{name}"), "--ignored", "--nocapture"]).stdin(Stdio::null());
    command
}

/// Looks again and again until it is so; the bound is that of the issue, 5 s, with room for a busy machine.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let fields: BTreeMap<&str, &str> = status.lines().filter_map(|line| line.split_once(':')).collect();
    fields["VmHWM"].trim().trim_end_matches(" kB").parse().unwrap()
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}
