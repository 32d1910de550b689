//! The pages in a real browser: nothing from data runs, nothing is fetched, nothing overflows.
//!
//! Without `chromium` on PATH these are skipped, unless CI is set.

use super::hostile::{HOSTILE, spoiled, spoiled_of};
use super::specimen::Specimen;
use evalrun::compare::{Panel, compare};
use evalrun::model::results::Results;
use evalrun::reporters::{compared_page, named};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Reports its own width to the page around it.
const PROBE: &str = "<script>addEventListener('load',()=>{
  const width=document.documentElement.clientWidth;
  const inBox=(at)=>{for(let up=at.parentElement;up;up=up.parentElement){if(getComputedStyle(up).overflowX!=='visible')return true}return false};
  const wide=[...document.querySelectorAll('body *')].filter(at=>at.getBoundingClientRect().right>width+1&&!inBox(at))[0];
  parent.postMessage([location.pathname.split('/').pop(),width,document.documentElement.scrollWidth,wide?wide.outerHTML.slice(0,200):''],'*')
})</script>";

#[test]
fn hostile_pages_run_and_fetch_nothing() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, page) in hostile_pages().into_iter().chain(compared_pages()) {
        let path = folder.path().join(format!("{name}.html"));
        fs::write(&path, &page).unwrap();
        let seen = visit(&browser, &path);
        assert!(!seen.dom.contains("<title>owned</title>"), "{name}: a script from data ran");
        assert!(
            seen.dom.contains("</html>") && seen.dom.len() > page.len() / 2,
            "{name}: not shown whole: {}",
            seen.log
        );
        assert!(!complains(&seen.log), "{name}: {}", seen.log);
    }
}

/// The test above would see what it looks for.
#[test]
fn the_browser_complains_of_what_the_policy_forbids() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_, page) = hostile_pages().remove(0);
    let path = folder.path().join("bad.html");
    fs::write(
        &path,
        page.replace(
            "</body>",
            "<img src=\"https://example.org/x.png\"><script>document.title='owned'</script></body>",
        ),
    )
    .unwrap();
    let seen = visit(&browser, &path);
    assert!(complains(&seen.log), "{}", seen.log);
    assert!(!seen.dom.contains("<title>owned</title>"), "the policy lets a foreign script run");
}

#[test]
fn pages_fit_a_desk_and_a_telephone() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut frames = String::new();
    let mut count = 0;
    for (name, page) in pages(&Specimen::load()).into_iter().chain(compared_pages()).chain(hostile_pages()) {
        let (head, rest) = page.split_once("<meta http-equiv").unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        fs::write(folder.path().join(format!("{name}.html")), format!("{head}{rest}{PROBE}")).unwrap();
        for width in [1280, 400] {
            frames.push_str(&format!("<iframe src=\"{name}.html\" width=\"{width}\" height=\"800\"></iframe>"));
            count += 1;
        }
    }
    let outer = format!(
        "<!doctype html><pre id=said></pre><script>addEventListener('message',it=>{{said.append(JSON.stringify(it.data)+'\\n')}})</script>{frames}"
    );
    fs::write(folder.path().join("outer.html"), outer).unwrap();
    let seen = visit(&browser, &folder.path().join("outer.html"));
    let said =
        seen.dom.split("<pre id=\"said\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let lines: Vec<(String, u32, u32, String)> = said
        .lines()
        .map(|line| {
            serde_json::from_str(&line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")).unwrap()
        })
        .collect();
    assert_eq!(lines.len(), count, "{said}\n{}", seen.log);
    let wide: Vec<_> = lines.iter().filter(|(_, width, scroll, wide)| scroll > width || !wide.is_empty()).collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

/// Filters hide by kind and act; a link to a hidden event or a folded verdict shows it.
#[test]
fn filters_and_links_work() {
    let Some(browser) = browser() else { return };
    const TRY: &str = "<script>addEventListener('load',()=>{
      const seen=(what)=>[...document.querySelectorAll(what)].filter(at=>at.checkVisibility({contentVisibilityAuto:false})).length;
      const set=(filter,value,on)=>{const box=[...document.querySelectorAll('input')].find(at=>at.dataset.filter===filter&&at.value===value);
        box.checked=on;box.dispatchEvent(new Event('change'))};
      const said=[];
      said.push(seen('.ev'),seen('.k-usage'));
      set('kind','usage',false);said.push(seen('.ev'),seen('.k-usage'));
      set('kind','usage',true);set('act','read',false);said.push(seen('[data-a=read]'),seen('[data-a=test]'));
      for(const box of document.querySelectorAll('[data-filter=act]'))set('act',box.value,true);
      set('cited','on',true);said.push(seen('#log > .chunk > .ev'),document.querySelectorAll('#log > .chunk > .ev[data-c]').length);
      document.querySelector('#v3').closest('details').open=false;
      addEventListener('hashchange',()=>{said.push(seen(location.hash));if(location.hash==='#e0')location.hash='#v3';else document.title=said.join(' ')});
      said.push(seen('#e0'));location.hash='#e0'
    })</script>";
    let folder = tempfile::tempdir().unwrap();
    let (_, page) = pages(&Specimen::load()).remove(1);
    let (head, rest) = page.split_once("<meta http-equiv").unwrap();
    let path = folder.path().join("trial.html");
    fs::write(&path, format!("{head}{}{TRY}", rest.split_once('>').unwrap().1)).unwrap();
    let seen = visit(&browser, &path);
    let title = seen.dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or_default();
    assert_eq!(title, "51 1 50 0 0 2 8 6 0 1 1", "{}", seen.log);
}

struct Seen {
    dom: String,
    log: String,
}

fn visit(browser: &Path, page: &Path) -> Seen {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .arg("120")
        .arg(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=10000",
            "--window-size=1400,900",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    Seen {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn complains(log: &str) -> bool {
    log.lines().any(|line| line.contains("CONSOLE") || line.contains("Content Security Policy"))
}

fn browser() -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("chromium"))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "chromium is not on PATH, and CI must not skip this");
        println!("skipped: chromium is not on PATH");
    }
    found
}

fn pages(specimen: &Specimen) -> Vec<(String, String)> {
    let written = named("html").unwrap().files(&specimen.report()).unwrap();
    let page = |at: usize, name: &str| (name.to_owned(), String::from_utf8(written[at].bytes.clone()).unwrap());
    vec![page(0, "report"), page(1, "trial")]
}

/// The first page of three agents: plain, and with hostile text in every field.
fn compared_pages() -> Vec<(String, String)> {
    let text = HOSTILE.concat();
    let spoiled = spoiled_of(Specimen::of_three(), |was| format!("{was}{text}"));
    let page = |name: &str, specimen: &Specimen| (name.to_owned(), pages(specimen).remove(0).1);
    let alone = |results: &Results| {
        let runs = std::slice::from_ref(results);
        let panel = Panel::of(runs, &[]).unwrap();
        String::from_utf8(compared_page(&compare(panel.clone(), runs), &panel, &|_| None).unwrap()).unwrap()
    };
    let pages = vec![page("three", &Specimen::of_three()), page("hostile-three", &spoiled)];
    let own = [("compared", alone(&Specimen::of_three().results)), ("hostile-compared", alone(&spoiled.results))];
    pages.into_iter().chain(own.map(|(name, page)| (name.to_owned(), page))).collect()
}

fn hostile_pages() -> Vec<(String, String)> {
    let text = HOSTILE.concat();
    let found = pages(&spoiled(|was| format!("{was}{text}"))).into_iter();
    found.map(|(name, page)| (format!("hostile-{name}"), page)).collect()
}
