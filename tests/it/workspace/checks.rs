//! Checks on copies of snapshots, with and without a sandbox.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use evalrun::model::task::{Check, CheckWhat, Command, ScoreAt, Workspace};
use evalrun::model::trace::CheckStatus;
use evalrun::workspace::{
    CheckResult, Ignore, Manifest, Place, Prepared, Scene, Store, held_against, prepare, run_check,
};

use super::{Bench, copy_of, manifest, put};

/// A trial whose workspace is laid out.
struct Trial {
    bench: Bench,
    place: Place,
    prepared: Prepared,
    before: Manifest,
}

impl Trial {
    async fn new(bench: Bench, fill: impl Fn(&PathBuf), setup: &[&str]) -> Trial {
        let source = bench.path("source");
        fs::create_dir(&source).unwrap();
        fill(&source);
        let wanted = Workspace { ignore: vec!["*.keep".to_owned()], ..copy_of(&source, setup) };
        let prepared = prepare(&wanted, &bench.shop(), &bench.conditions()).await.unwrap();
        let place = Place::fresh(&Place::path(&bench.shop().places, "trial")).unwrap();
        prepared.lay(&place).unwrap();
        let before = manifest(&place.work(), &bench.path("store"));
        Trial { bench, place, prepared, before }
    }

    async fn check(&self, check: &Check) -> CheckResult {
        let ignore = Ignore::new(&["*.keep".to_owned()]).unwrap();
        let store = Store::open(&self.bench.path("store")).unwrap();
        let now = super::Camera::new(store.clone(), ignore.clone(), super::Limits::default())
            .take(&self.place.work(), &self.bench.redactor)
            .unwrap()
            .manifest;
        let scene = Scene {
            place: &self.place,
            store: &store,
            ignore: &ignore,
            prepared: &self.prepared,
            before: &self.before,
            now: &now,
        };
        let result = run_check(check, &scene, &self.bench.conditions()).await;
        assert!(!self.place.root().join("aside").exists());
        assert_eq!(fs::read_dir(self.place.checks()).unwrap().count(), 0);
        result
    }

    async fn runs(&self, line: &str) -> CheckResult {
        self.check(&check(CheckWhat::Run { run: Command::Shell(line.to_owned()), score: None })).await
    }
}

fn check(what: CheckWhat) -> Check {
    Check {
        name: "it".to_owned(),
        what,
        with: None,
        timeout_ms: 60_000,
        keep_green: false,
        until: None,
        weight: 1.0,
        pass_at: 0.5,
    }
}

fn told(result: &CheckResult) -> (CheckStatus, &str) {
    (result.status, &result.why)
}

#[tokio::test]
async fn a_check_sees_the_snapshot_at_the_path_of_the_workspace_and_changes_nothing() {
    for bench in Bench::all() {
        let trial = Trial::new(bench, |at| put(at, "app.py", "x = 1\n"), &[]).await;
        let work = trial.place.work();
        put(&work, "app.py", "x = 2\n");
        let result =
            trial.runs("pwd; cat app.py; echo y > app.py; touch new; echo home $HOME; ls .git >/dev/null").await;
        let expected = format!("{}\nx = 2\nhome {}/checks/it/home\n", work.display(), trial.place.root().display());
        assert_eq!((result.output.as_str(), told(&result)), (expected.as_str(), (CheckStatus::Passed, "")));
        assert_eq!(fs::read_to_string(work.join("app.py")).unwrap(), "x = 2\n");
        assert!(!work.join("new").exists());
    }
}

#[tokio::test]
async fn hidden_files_are_there_for_the_check_alone() {
    for bench in Bench::all() {
        let hidden = bench.path("hidden");
        put(&hidden, "h/test.sh", "grep -q 2 app.py\n");
        put(&hidden, "conftest", "hidden\n");
        let trial = Trial::new(bench, |at| put(at, "app.py", "x = 2\n"), &[]).await;
        // What the agent put where hidden files go is replaced, and a link there leads nowhere.
        put(&trial.place.work(), "conftest", "the agent's\n");
        symlink("/tmp", trial.place.work().join("h")).unwrap();
        let run = Command::Shell("sh h/test.sh && cat conftest".to_owned());
        let with = Check { with: Some(hidden), ..check(CheckWhat::Run { run, score: None }) };
        let result = trial.check(&with).await;
        assert_eq!((told(&result), result.output.as_str()), ((CheckStatus::Passed, ""), "hidden\n"));
        assert!(trial.runs("test -e h/test.sh").await.status == CheckStatus::Failed);
    }
}

#[tokio::test]
async fn ignored_folders_come_from_the_setup_and_the_history_from_the_agent() {
    for bench in Bench::all() {
        let setup = "mkdir -p node_modules/a lib/node_modules gone/node_modules && echo \"$PWD\" > node_modules/a/path && touch x.keep";
        let trial = Trial::new(bench, |at| put(at, "lib/app.js", "1\n"), &[setup]).await;
        let work = trial.place.work();
        put(&work, "node_modules/a/path", "tampered\n");
        put(&work, "node_modules/planted", "x\n");
        fs::remove_dir_all(work.join("gone")).unwrap();
        put(&work, "gone", "a file now\n");
        put(&work, ".git/note", "of the agent\n");
        let line = "ls -d node_modules/* lib/* *.keep gone; cat node_modules/a/path .git/note; git status --porcelain | head -3";
        let result = trial.runs(line).await;
        let expected = format!(
            "gone\nlib/app.js\nlib/node_modules\nnode_modules/a\nx.keep\n{}\nof the agent\n?? gone\n",
            work.display()
        );
        assert_eq!(result.output, expected);
    }
}

#[tokio::test]
async fn how_a_check_ends_is_said() {
    for bench in Bench::all() {
        let trial = Trial::new(bench, |at| put(at, "a", "a\n"), &[]).await;
        assert_eq!(told(&trial.runs("exit 3").await), (CheckStatus::Failed, "exit code 3"));
        let hangs = Check {
            timeout_ms: 300,
            ..check(CheckWhat::Run { run: Command::Shell("echo on; sleep 1000".into()), score: None })
        };
        let result = trial.check(&hangs).await;
        assert_eq!(
            (told(&result), result.output.as_str()),
            ((CheckStatus::Timeout, "did not end within 300 ms"), "on\n")
        );
        let missing = check(CheckWhat::Run { run: Command::Argv(vec!["no-such-program".into()]), score: None });
        let result = trial.check(&missing).await;
        assert_eq!((result.status, result.why.contains("no-such-program")), (CheckStatus::Broken, true), "{result:?}");
        let unknown = trial.runs("no-such-program").await;
        assert_eq!((unknown.status, unknown.exit), (CheckStatus::Failed, Some(127)));
        assert_eq!(held_against(&unknown, unknown.clone(), false).status, CheckStatus::Broken);
        let secret = trial.runs("echo hunter2hunter2; echo hunter2hunter2 > f; cat f >&2").await;
        assert_eq!(secret.output, "[KEY]\n[KEY]\n");
        assert_eq!(trial.runs("cat a").await.output, "a\n");
    }
}

#[tokio::test]
async fn a_flood_is_cut_and_counted() {
    let trial = Trial::new(Bench::new(super::Walls::None), |at| put(at, "a", "a\n"), &[]).await;
    let result = trial.runs("head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end").await;
    assert_eq!(result.status, CheckStatus::Passed);
    assert!(result.output.len() < 600_000 && result.output.ends_with("x\nend\n"), "{}", result.output.len());
    assert!(result.output.contains("bytes dropped"));
}

#[tokio::test]
async fn per_test_results_are_read_from_the_report() {
    for bench in Bench::all() {
        let trial = Trial::new(bench, |at| put(at, "a", "a\n"), &[]).await;
        let tests = |line: &str| check(CheckWhat::Tests { run: Command::Shell(line.to_owned()) });
        let good = "<t><testcase classname=\"c\" name=\"a\"/><testcase name=\"b\"/></t>";
        let bad = "<t><testcase classname=\"c\" name=\"a\"/><testcase name=\"b\"><failure/></testcase></t>";
        let write = |text: &str, end: &str| tests(&format!("echo '{text}' > $REPORT; {end}"));
        let leak =
            trial.check(&write("<t><testcase name=\"hunter2hunter2\"><failure/></testcase></t>", "exit 1")).await;
        assert_eq!(
            (leak.tests.keys().next().unwrap().as_str(), leak.why.as_str()),
            ("[KEY]", "1 of 1 tests fail: `[KEY]`")
        );
        let result = trial.check(&write(bad, "exit 1")).await;
        assert_eq!(told(&result), (CheckStatus::Failed, "1 of 2 tests fail: `b`"));
        let names: Vec<(&str, CheckStatus)> =
            result.tests.iter().map(|(name, status)| (name.as_str(), *status)).collect();
        assert_eq!(names, [("b", CheckStatus::Failed), ("c::a", CheckStatus::Passed)]);
        assert_eq!(told(&trial.check(&write(good, "true")).await), (CheckStatus::Passed, ""));
        // A tool that hides a failure behind exit code 0, one that fails beside its tests, and ones that wrote nothing.
        assert_eq!(trial.check(&write(bad, "true")).await.status, CheckStatus::Failed);
        assert_eq!(told(&trial.check(&write(good, "exit 4")).await), (CheckStatus::Failed, "exit code 4"));
        let none = [trial.check(&tests("true")).await, trial.check(&tests("exit 2")).await];
        assert_eq!(
            none.each_ref().map(told),
            [
                (CheckStatus::Broken, "it ended well, but no test result stands in $REPORT"),
                (CheckStatus::Failed, "exit code 2, and no test result stands in $REPORT"),
            ]
        );
    }
}

#[tokio::test]
async fn a_check_may_score() {
    for bench in Bench::all() {
        let trial = Trial::new(bench, |at| put(at, "a", "a\n"), &[]).await;
        let score = |line: &str, json: &str, at: &str| {
            let score = ScoreAt { json: json.to_owned(), at: at.to_owned(), best: 60.0, worst: 400.0 };
            check(CheckWhat::Run { run: Command::Shell(line.to_owned()), score: Some(score) })
        };
        let result = trial.check(&score("echo '{\"ms\": [230]}' > out.json", "out.json", "/ms/0")).await;
        assert_eq!((result.status, result.score), (CheckStatus::Passed, Some(0.5)));
        assert_eq!(result.why, "230 where 60 is best and 400 is worst");
        let slow = trial.check(&score("echo '{\"ms\": 390}' > out.json", "out.json", "/ms")).await;
        assert_eq!(slow.status, CheckStatus::Failed);
        let failed = trial.check(&score("echo '{\"ms\": 60}' > out.json; exit 1", "out.json", "/ms")).await;
        assert_eq!((failed.status, failed.score), (CheckStatus::Failed, None));
        let mut broken = Vec::new();
        for (line, json, at) in [
            ("true", "out.json", "/ms"),
            ("echo '{}' > out.json", "out.json", "/ms"),
            ("echo '{\"ms\": \"fast\"}' > out.json", "out.json", "/ms"),
            ("echo '{' > out.json", "out.json", "/ms"),
            ("true", "../../../../etc/hostname", ""),
            ("ln -s /proc/self/status out.json", "out.json", ""),
            ("ln -s /etc dir", "dir/hostname", ""),
        ] {
            let result = trial.check(&score(line, json, at)).await;
            broken.push((result.status, result.why));
        }
        insta::assert_debug_snapshot!("scores_that_are_none", broken);
    }
}

#[tokio::test]
async fn checks_on_manifests_need_no_program() {
    let trial = Trial::new(Bench::new(super::Walls::None), |at| put(at, "go.mod", "m\n"), &[]).await;
    let unchanged = check(CheckWhat::Unchanged { globs: vec!["go.mod".to_owned()] });
    assert_eq!(told(&trial.check(&unchanged).await), (CheckStatus::Passed, "1 path is unchanged"));
    put(&trial.place.work(), "go.mod", "n\n");
    assert_eq!(told(&trial.check(&unchanged).await), (CheckStatus::Failed, "`go.mod` was changed"));
    let bad = check(CheckWhat::SameContent { globs: vec!["[".to_owned()] });
    assert_eq!(trial.check(&bad).await.status, CheckStatus::Broken);
}

#[tokio::test]
async fn a_workspace_that_the_agent_removed_or_replaced_is_a_state_like_any_other() {
    let trial = Trial::new(Bench::new(super::Walls::None), |at| put(at, "a", "a\n"), &[]).await;
    let work = trial.place.work();
    fs::remove_dir_all(&work).unwrap();
    let result = trial.runs("ls -A; test -e a").await;
    assert_eq!((result.status, result.output.as_str()), (CheckStatus::Failed, ""));
    fs::remove_dir_all(&work).unwrap();
    // A folder of the test's own: what stands behind such a link must never be one of the machine's.
    let elsewhere = trial.bench.path("elsewhere");
    put(&elsewhere, "hostname", "here\n");
    symlink(&elsewhere, &work).unwrap();
    let taken = manifest(&work, &trial.bench.path("store"));
    assert_eq!((taken.entries.len(), taken.notes), (0, vec!["the workspace itself is no folder any more".to_owned()]));
    assert_eq!(trial.runs("test -e hostname").await.status, CheckStatus::Failed);
    assert_eq!(fs::read_link(&work).unwrap(), elsewhere);
    assert!(elsewhere.join("hostname").exists());
}

#[tokio::test]
async fn a_workspace_left_aside_by_a_crash_is_put_back() {
    let trial = Trial::new(Bench::new(super::Walls::None), |at| put(at, "a", "a\n"), &[]).await;
    let (root, work) = (trial.place.root().to_owned(), trial.place.work());
    // Killed between the two renames, and while the copy stood there.
    for copy_stands in [false, true] {
        fs::rename(&work, root.join("aside")).unwrap();
        if copy_stands {
            put(&work, "hidden", "of the check\n");
        }
        Place::open(&root).unwrap();
        assert!(work.join("a").is_file() && !work.join("hidden").exists() && !root.join("aside").exists());
    }
}

#[tokio::test]
async fn a_check_that_is_dropped_gives_the_workspace_back() {
    let trial = Trial::new(Bench::new(super::Walls::None), |at| put(at, "a", "mine\n"), &[]).await;
    let line = "echo other > a; echo ready > \"$HOME/ready\"; sleep 1000";
    let ready = trial.place.root().join("checks/it/home/ready");
    let mut run = Box::pin(trial.runs(line));
    loop {
        tokio::select! {
            result = &mut run => panic!("it ended: {result:?}"),
            () = tokio::time::sleep(std::time::Duration::from_millis(5)) => if ready.exists() { break },
        }
    }
    assert_eq!(fs::read_to_string(trial.place.work().join("a")).unwrap(), "other\n");
    drop(run);
    assert_eq!(fs::read_to_string(trial.place.work().join("a")).unwrap(), "mine\n");
}

#[test]
fn checks_can_run_in_tasks_of_their_own() {
    fn is_send<T: Send>(
        _: impl FnOnce(&'static Check, &'static Scene<'static>, &'static super::Conditions<'static>) -> T,
    ) {
    }
    is_send(|check, scene, conditions| run_check(check, scene, conditions));
}
