//! Reports of large runs: what is written grows with the run, the first page does not, and nothing leads nowhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

#[path = "../../xtask/src/gen_run.rs"]
mod gen_run;

use super::bed::Bed;
use gen_run::{Wanted, gen_run};
use std::{collections::BTreeSet, fs, path::Path};

/// A made-up run with its reports, and how many bytes `results.json` has.
fn reported(bed: &Bed, trials: usize, more: &[&str]) -> u64 {
    let name = format!("run-{trials}");
    if !bed.path(&name).exists() {
        let out = bed.path(&name);
        gen_run(&Wanted { trials: &trials.to_string(), criteria: "10", out: out.to_str().unwrap() }).unwrap();
    }
    let ran = bed.run(&[&["report", name.as_str()], more].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    fs::metadata(bed.path(&name).join("results.json")).unwrap().len()
}

fn pages(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder.join("report/trials")).unwrap();
    entries.map(|entry| format!("report/trials/{}", entry.unwrap().file_name().to_str().unwrap())).collect()
}

/// Where the first page leads.
fn led_to(folder: &Path) -> (BTreeSet<String>, usize) {
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let pages = links.filter(|link| link.starts_with("report/")).map(|link| link.split('#').next().unwrap().to_owned());
    (pages.collect(), html.len())
}

#[test]
fn a_report_grows_with_its_run_and_its_first_page_does_not() {
    let bed = Bed::new();
    let (small, large) = (reported(&bed, 120, &[]), reported(&bed, 1_200, &[]));
    let times = large as f64 / small as f64;
    assert!((9.0..11.0).contains(&times), "ten times the trials are {times:.2} times the bytes of results.json");
    let folder = bed.path("run-120");
    let (links, _) = led_to(&folder);
    assert_eq!((pages(&folder).len(), &links), (120, &pages(&folder)), "up to 1,000 trials each has a page");
    let folder = bed.path("run-1200");
    let (links, bytes) = led_to(&folder);
    assert_eq!(links, pages(&folder), "what the first page leads to is there, and nothing else is written");
    assert!(!links.is_empty() && links.len() < 600, "{} pages", links.len());
    assert!(bytes < 1_000_000, "report.html has {bytes} bytes");
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("evalrun report RUN --every-page"), "who wants the others is told how");
    reported(&bed, 1_200, &["--every-page"]);
    assert_eq!((led_to(&folder).0.len(), pages(&folder).len()), (1_200, 1_200));
}

/// `--json` and the file are the same bytes, made score by score: one line each.
#[test]
fn results_are_streamed_alike() {
    let bed = Bed::new();
    reported(&bed, 40, &[]);
    let file = fs::read_to_string(bed.path("run-40/results.json")).unwrap();
    assert_eq!(bed.run(&["report", "run-40", "--json"]).out, file);
    assert_eq!(file.lines().filter(|line| line.contains("\"criterion\"")).count(), 400);
    let value: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(value["trials"].as_array().unwrap().len(), 40);
}
