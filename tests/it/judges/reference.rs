//! The verdicts that a reader gave on two trajectories of the quickstart, played again as a recorded judge: no key, no network, nobody asked.

use super::super::bed::Bed;
use std::fmt::Write;

#[test]
fn recorded_verdicts_answer_what_the_quickstart_asks() {
    let root = env!("CARGO_MANIFEST_DIR");
    let (suite, judge) =
        (format!("{root}/evals/quickstart.yaml"), format!("{root}/fixtures/verdicts/quickstart/judge.yaml"));
    let bed = Bed::new();
    let only = ["--task", "shoebox", "--agent", "careful", "--agent", "hasty", "--sandbox", "none"];
    let ran = bed.run(&[&[suite.as_str(), "--judge", &judge, "--out", "run"], &only[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let results = bed.results("run");
    let mut told = String::new();
    for trial in results["trials"].as_array().unwrap() {
        for score in trial["scores"].as_array().unwrap().iter().filter(|score| score["judged"].is_object()) {
            let name = format!("{} {}/{}", trial["id"], score["dimension"], score["criterion"]).replace('"', "");
            assert_ne!(
                score["outcome"], "broken",
                "{name}: {}; fixtures/verdicts/README.md says how to record again",
                score["why"]
            );
            let vote = &score["judged"]["votes"][0];
            assert_eq!((&vote["by"], &vote["kept"]), (&"hand".into(), &"recorded".into()), "{name}");
            for quote in vote["quotes"].as_array().into_iter().flatten() {
                assert_eq!(quote["valid"], true, "{name}: {quote}");
            }
            let value = score["value"]
                .as_f64()
                .map_or_else(|| score["outcome"].as_str().unwrap().to_owned(), |value| value.to_string());
            writeln!(told, "{name}: {value}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
}
