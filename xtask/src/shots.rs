//! Pictures of the pages, for eyes: the first page and a trial's page, wide and narrow, light and dark.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Widths in CSS pixels, and how much of a page is shown.
const WIDTHS: [u32; 2] = [1280, 400];
const HEIGHT: u32 = 5000;

pub fn shots(args: &[&str]) -> Result<(), String> {
    let (mut run, mut out) = (None, PathBuf::from("target/shots"));
    for pair in args.chunks(2) {
        match pair {
            ["--run", folder] => run = Some(PathBuf::from(folder)),
            ["--out", folder] => out = PathBuf::from(folder),
            _ => return Err("write: cargo xtask shots [--run RUN] [--out DIR]".to_owned()),
        }
    }
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let run = match run {
        Some(run) => run,
        None => quickstart(&out)?,
    };
    let run = fs::canonicalize(&run).map_err(|error| format!("{}: {error}", run.display()))?;
    for (name, page) in [("report", run.join("report.html")), ("trial", first_trial(&run)?)] {
        for width in WIDTHS {
            for scheme in ["light", "dark"] {
                let picture = out.join(format!("{name}-{width}-{scheme}.png"));
                shoot(&page, (width, scheme), &picture)?;
                println!("{}", picture.display());
            }
        }
    }
    Ok(())
}

/// The quickstart, run into a folder of its own.
fn quickstart(out: &Path) -> Result<PathBuf, String> {
    let run = out.join(format!("run-{}", std::process::id()));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--quiet", "--", "evals/quickstart.yaml", "--out"]).arg(&run);
    let status = command.status().map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(run) } else { Err(format!("the quickstart ended with {status}")) }
}

fn first_trial(run: &Path) -> Result<PathBuf, String> {
    let folder = run.join("report/trials");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut pages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    pages.sort();
    pages.into_iter().next().ok_or_else(|| format!("{}: no page", folder.display()))
}

/// Inside a frame: a window is never as narrow as a telephone.
fn shoot(page: &Path, (width, scheme): (u32, &str), picture: &Path) -> Result<(), String> {
    let frame = picture.with_extension("html");
    let text = format!(
        "<!doctype html><meta name=color-scheme content='light dark'><body style='margin:0'><iframe src='file://{}' width={width} height={HEIGHT} style='border:0'></iframe>",
        page.display()
    );
    fs::write(&frame, text).map_err(|error| format!("{}: {error}", frame.display()))?;
    let profile = picture.with_extension("profile");
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
        ])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=5000",
            "--run-all-compositor-stages-before-draw",
        ])
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(scheme == "light")))
        .arg(format!("--window-size={},{HEIGHT}", width.max(500)))
        .arg(format!("--user-data-dir={}", absolute(&profile).display()))
        .arg(format!("--screenshot={}", absolute(picture).display()))
        .arg(format!("file://{}", absolute(&frame).display()));
    let output = command.output().map_err(|error| format!("chromium: {error}"))?;
    // What the browser leaves is of no use; that it cannot be removed harms nothing.
    let _ = fs::remove_dir_all(&profile);
    let _ = fs::remove_file(&frame);
    if output.status.success() && picture.is_file() {
        return Ok(());
    }
    Err(format!("{}: {}", picture.display(), String::from_utf8_lossy(&output.stderr)))
}
