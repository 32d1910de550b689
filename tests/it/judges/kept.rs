//! Kept replies: by content, once each, and nobody is asked twice.

use super::{Bench, Nowhere, OneLine, ask, need, program, runtime};
use evalrun::{
    model::{
        judge::{Kept, NONCE, Seat},
        judge_spec::VoteSpec,
    },
    runner::asking::{About, judge_key, need_key},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn what_was_kept_is_not_asked_again_and_says_the_same() {
    let bench = Bench::program("met");
    let cold = bench.ask(&need("It works.")).unwrap();
    let again = bench.live();
    let warm = ask(&again, &need("It works.")).unwrap();
    assert_eq!((warm.text.as_str(), warm.kept), (cold.text.as_str(), Kept::Cache));
    assert_eq!((again.spent().calls, again.spent().kept), (0, 1));
    assert_eq!(bench.calls().len(), 1);
    // One word more is another question; another seat as well, and a second try.
    bench.ask(&need("It works now.")).unwrap();
    let mut tried = need("It works.");
    tried.again = 1;
    bench.ask(&tried).unwrap();
    assert_eq!(bench.calls().len(), 3);
}

#[test]
fn a_question_is_known_by_all_that_decides_its_reply_and_by_nothing_else() {
    let (mut keys, base) = (Vec::new(), need("It works."));
    keys.push(need_key(&base));
    assert_eq!(keys[0], need_key(&base));
    let changes: [&dyn Fn(&mut evalrun::model::judge::JudgeNeed); 7] = [
        &|need| need.seat = Seat::Vote(1),
        &|need| need.seat = Seat::TieBreaker,
        &|need| need.again = 1,
        &|need| need.prompt.user.push('.'),
        &|need| need.prompt.system.push('.'),
        &|need| need.prompt.most += 1,
        &|need| need.prompt.schema["type"] = "array".into(),
    ];
    for change in changes {
        let mut other = base.clone();
        change(&mut other);
        keys.push(need_key(&other));
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 8);
    let vote = |change: &dyn Fn(&mut VoteSpec)| {
        let mut vote = super::model("openai", "a");
        change(&mut vote);
        judge_key(&vote)
    };
    let plain = vote(&|_| {});
    assert_ne!(plain, vote(&|vote| vote.seed = Some(1)));
    assert_ne!(plain, vote(&|vote| vote.settings = serde_json::json!({"temperature": 0})));
    assert_ne!(plain, vote(&|vote| vote.model = Some("b".to_owned())));
    // How it is reached decides nothing.
    assert_eq!(plain, vote(&|vote| vote.key_env = Some("OTHER_KEY".to_owned())));
    assert_eq!(plain, vote(&|vote| vote.retries = Some(9)));
}

/// A judge that is a program is known by its bytes, wherever it lies.
#[test]
fn a_changed_program_is_another_judge_and_a_moved_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name).join("judge.py");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        judge_key(&VoteSpec { command: vec!["python3".to_owned(), path.display().to_string()], ..VoteSpec::default() })
    };
    let (here, there, changed) = (put("a", "print(1)"), put("b", "print(1)"), put("a", "print(2)"));
    assert_eq!(here, there);
    assert_ne!(here, changed);
}

#[test]
fn the_same_question_at_once_is_asked_once() {
    let bench = Bench::program("met");
    let (asking, need) = (bench.live(), need("It works."));
    let replies = runtime().block_on(async {
        let about = About { item: "limit/careful/1", scene: &OneLine };
        tokio::join!(asking.ask(&need, about), asking.ask(&need, about), asking.ask(&need, about))
    });
    assert_eq!(replies.0.unwrap().text, replies.2.unwrap().text);
    assert_eq!((bench.calls().len(), asking.spent().calls, asking.spent().kept), (1, 1, 2));
}

#[test]
fn offline_nobody_is_asked() {
    let bench = Bench::program("met");
    let offline = bench.asking(true, Box::new(Nowhere));
    let fault = ask(&offline, &need("It works.")).unwrap_err();
    assert_eq!(fault.kind, "not_recorded");
    assert_eq!(fault.message, "no reply is recorded for this question");
    assert_eq!(bench.calls().len(), 0);
    let live = bench.ask(&need("It works.")).unwrap();
    assert_eq!(ask(&offline, &need("It works.")).unwrap().text, live.text);
}

#[test]
fn a_recording_is_the_cache_read_only_whoever_answered() {
    let mut bench = Bench::program("not_met");
    let live = bench.ask(&need("It works.")).unwrap();
    let recorded =
        VoteSpec { provider: "recorded".to_owned(), folder: Some(bench.path("cache")), ..VoteSpec::default() };
    bench.judge.votes = vec![recorded];
    let reply = bench.ask(&need("It works.")).unwrap();
    assert_eq!((reply.text, reply.by.as_str(), reply.kept), (live.text, "command", Kept::Recorded));
    let fault = bench.ask(&need("It worked.")).unwrap_err();
    assert_eq!((fault.kind.as_str(), bench.calls().len()), ("not_recorded", 1));
    // A second judge's reply to the same question: nobody can say which is meant.
    bench.judge.votes = vec![program("met", &bench.log())];
    bench.ask(&need("It works.")).unwrap();
    bench.judge.votes = vec![VoteSpec { provider: "recorded".to_owned(), ..VoteSpec::default() }];
    assert_eq!(bench.ask(&need("It works.")).unwrap_err().kind, "several");
}

#[test]
fn what_is_damaged_is_told_and_neither_believed_nor_written_over() {
    let bench = Bench::program("met");
    bench.ask(&need("It works.")).unwrap();
    let path = only_file(&bench.path("cache"));
    let good = fs::read_to_string(&path).unwrap();
    let damages = [
        good[..good.len() / 2].to_owned(),
        String::new(),
        "null".to_owned(),
        good.replacen("\"version\": 1", "\"version\": 2", 1),
        good.replacen("\"key\": \"", "\"key\": \"0", 1),
        format!("{good}{}", " ".repeat(9 << 20)),
    ];
    for damage in damages {
        fs::write(&path, &damage).unwrap();
        let fault = bench.ask(&need("It works.")).unwrap_err();
        assert_eq!(fault.kind, "damaged", "{}", &damage[..damage.len().min(80)]);
        assert!(fault.hint.is_some());
        assert_eq!(fs::read_to_string(&path).unwrap(), damage);
    }
    assert_eq!(bench.calls().len(), 1);
}

/// The prompt that goes out carries a fresh nonce, and never the placeholder.
#[test]
fn the_nonce_is_drawn_for_each_call() {
    let letterbox = super::Letterbox::answering(&serde_json::json!({"choices": [{"message": {"content": "{}"}}]}));
    let mut vote = super::model("openai", "a");
    vote.base_url = Some("http://127.0.0.1:1/v1".to_owned());
    let bench = Bench::of(vec![vote]);
    for text in ["one", "two"] {
        ask(&bench.asking(false, Box::new(letterbox.clone())), &need(text)).unwrap();
    }
    let nonces: Vec<String> = letterbox
        .sent()
        .iter()
        .map(|message| {
            let body = String::from_utf8(message.body.clone()).unwrap();
            assert!(!body.contains(NONCE) && !body.contains("\\u0002"), "{body}");
            let at = body.find("<record ").unwrap() + "<record ".len();
            let nonce = body[at..].split('>').next().unwrap().to_owned();
            assert_eq!(body.matches(&nonce).count(), 3, "{body}");
            nonce
        })
        .collect();
    assert!(nonces[0].len() >= 16 && nonces[0] != nonces[1], "{nonces:?}");
}

fn only_file(folder: &Path) -> PathBuf {
    let inside: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(inside.len(), 1, "{inside:?}");
    if inside[0].is_dir() { only_file(&inside[0]) } else { inside[0].clone() }
}
