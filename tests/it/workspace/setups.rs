//! Workspaces made ready once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command as Program;

use evalrun::model::task::{Command, Setup, Source, Workspace};
use evalrun::workspace::{Place, digest, prepare, run_steps};

use super::{Bench, copy_of, put};

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_trials_at_once_set_up_once() {
    for bench in Bench::all() {
        let source = bench.path("source");
        put(&source, "main.py", "print(1)\n");
        // The log stands outside the workspace's hash; inside a sandbox only what is prepared can be written.
        let wanted =
            copy_of(&source, &["mkdir -p .venv/bin && echo $RANDOM$RANDOM$$ > .venv/id", "test \"$COLOUR\" = blue"]);
        let (shop, conditions) = (bench.shop(), bench.conditions());
        let (one, two) = tokio::join!(prepare(&wanted, &shop, &conditions), prepare(&wanted, &shop, &conditions));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one, two);
        let ids: Vec<String> = ["one", "two"]
            .map(|name| {
                let place = Place::fresh(&Place::path(&shop.places, name)).unwrap();
                one.lay(&place).unwrap();
                let status = Program::new("git").args(["status", "--porcelain"]).current_dir(place.work()).output();
                assert_eq!(String::from_utf8_lossy(&status.unwrap().stdout), "");
                read(place.work().join(".venv/id"))
            })
            .to_vec();
        assert_eq!(ids[0], ids[1]);
        put(&source, "main.py", "print(2)\n");
        let three = prepare(&wanted, &shop, &conditions).await.unwrap();
        assert_ne!(one.hash, three.hash);
        assert_ne!(read(three.work().join(".venv/id")), ids[0]);
        let mut left: Vec<_> = fs::read_dir(&shop.cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.retain(|name| !name.to_str().unwrap().ends_with(".lock"));
        assert_eq!(left.len(), 2);
    }
}

#[tokio::test]
async fn what_a_setup_wrote_about_its_place_is_true_in_every_copy() {
    for bench in Bench::all() {
        let source = bench.path("source");
        put(&source, "a", "a\n");
        let setup = "mkdir bin && ln -s \"$PWD/a\" bin/link && printf '#!%s/bin/python\\n' \"$PWD\" > bin/tool && \
                     chmod 555 bin/tool && printf '\\0%s/x\\0' \"$PWD\" > compiled";
        let (shop, conditions) = (bench.shop(), bench.conditions());
        let prepared = prepare(&copy_of(&source, &[setup]), &shop, &conditions).await.unwrap();
        let place = Place::fresh(&Place::path(&shop.places, "trial")).unwrap();
        prepared.lay(&place).unwrap();
        let (work, root) = (place.work(), place.work().to_str().unwrap().to_owned());
        assert_eq!(fs::read_link(work.join("bin/link")).unwrap(), work.join("a"));
        assert_eq!(read(work.join("bin/tool")), format!("#!{root}/bin/python\n"));
        assert_eq!(read(work.join("compiled")), format!("\0{root}/x\0"));
        assert!(fs::metadata(work.join("bin/tool")).unwrap().permissions().readonly());
    }
}

#[tokio::test]
async fn a_setup_that_fails_says_why_and_leaves_nothing_ready() {
    for bench in Bench::all() {
        let source = bench.path("source");
        put(&source, "a", "a\n");
        let (shop, conditions) = (bench.shop(), bench.conditions());
        let failing = copy_of(&source, &["echo first; echo key is hunter2hunter2 >&2; exit 3", "touch never"]);
        let fault = prepare(&failing, &shop, &conditions).await.unwrap_err();
        let said = "the setup `echo first; echo key is [KEY] >&2; exit 3` ended with exit code 3:\nfirst\nkey is [KEY]";
        assert_eq!((fault.kind.as_str(), fault.message.as_str()), ("setup", said));
        let mut slow = copy_of(&source, &[]);
        slow.setup = vec![Setup { run: Command::Argv(vec!["sleep".into(), "1000".into()]), timeout_ms: 100 }];
        let fault = prepare(&slow, &shop, &conditions).await.unwrap_err();
        assert_eq!(fault.message, "the setup `sleep 1000` did not end within 100 ms and printed nothing");
        let ready = fs::read_dir(&shop.cache).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
        assert_eq!(ready, 0);
    }
}

#[tokio::test]
async fn an_empty_workspace_and_steps_of_each_trial() {
    let bench = Bench::new(evalrun::workspace::Walls::None);
    let wanted = Workspace { source: Source::Empty, ..copy_of(Path::new("/nowhere"), &[]) };
    let (shop, conditions) = (bench.shop(), bench.conditions());
    let prepared = prepare(&wanted, &shop, &conditions).await.unwrap();
    let place = Place::fresh(&Place::path(&shop.places, "trial")).unwrap();
    prepared.lay(&place).unwrap();
    let step = Setup {
        run: Command::Shell("echo $EVALRUN_SEED > seed; cd; pwd > \"$OLDPWD/home\"".into()),
        timeout_ms: 60_000,
    };
    run_steps(&[step], &place, &conditions).await.unwrap();
    let told = ["seed", "home"].map(|file| read(place.work().join(file)));
    assert_eq!(told, ["7\n".to_owned(), format!("{}\n", place.home().display())]);
    let missing = prepare(&copy_of(&bench.path("missing"), &[]), &shop, &conditions).await.unwrap_err();
    assert_eq!(missing.kind, "files");
}

#[test]
fn the_digest_sees_content_modes_and_links() {
    let bench = Bench::new(evalrun::workspace::Walls::None);
    let work = bench.path("work");
    put(&work, "a", "a");
    let mut seen = vec![digest(&work).unwrap()];
    let mut look = || seen.push(digest(&work).unwrap());
    super::mode(&work, "a", 0o755);
    look();
    symlink("a", work.join("l")).unwrap();
    look();
    fs::create_dir(work.join("d")).unwrap();
    look();
    put(&work, "a", "b");
    look();
    let again = digest(&work).unwrap();
    assert_eq!(seen.last(), Some(&again));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}
