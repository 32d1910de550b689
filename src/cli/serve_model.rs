//! `evalrun serve-model SCRIPT`: a scripted model for any agent that can be pointed at a server, until Ctrl-C.

use super::{args::ServeModelArgs, exit, say};
use crate::{
    script::{Misdeed, Script},
    serve::{Log, Playing, ScriptedModel, environment},
};
use std::{path::Path, sync::Arc};
use tokio::signal::unix::{SignalKind, signal};

pub fn serve_model(args: &ServeModelArgs) -> i32 {
    let (script, misdeeds) = match (script(&args.script), misdeeds(&args.faults)) {
        (Ok(script), Ok(misdeeds)) => (script, misdeeds),
        (script, misdeeds) => {
            let mistakes = script.err().into_iter().chain(misdeeds.err()).flatten();
            say::errors(&mistakes.collect::<Vec<String>>());
            return exit::REFUSED;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(format!("no runtime: {error}"), exit::BROKEN),
    };
    runtime.block_on(serve(args, script, misdeeds))
}

async fn serve(args: &ServeModelArgs, script: Script, misdeeds: Vec<Misdeed>) -> i32 {
    let log = match &args.log {
        Some(path) => match Log::to(path, Arc::new(str::to_owned)).await {
            Ok(log) => log,
            Err(error) => return refuse(format!("{}: cannot be written: {error}", path.display()), exit::REFUSED),
        },
        None => Log::none(),
    };
    let workspace = args.workspace.as_deref().and_then(|path| std::path::absolute(path).ok());
    let workspace = workspace.map(|path| path.to_string_lossy().into_owned());
    // Signals are listened to before anybody is told that they may be sent.
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return refuse("signals cannot be heard here".to_owned(), exit::BROKEN);
    };
    let candidate = script.candidate.clone();
    let model = match ScriptedModel::start(args.port, Playing { script, misdeeds, workspace, log }).await {
        Ok(model) => model,
        Err(error) => {
            let hint = "\nhint: leave `--port` away, and a free one is taken";
            return refuse(format!("port {} of 127.0.0.1 cannot be had: {error}{hint}", args.port), exit::REFUSED);
        }
    };
    let base = model.base_url();
    say::out(&format!("{base}\n"));
    for (name, value) in environment(&base) {
        say::out(&format!("export {name}={value}\n"));
    }
    say::note(&format!("playing `{candidate}` as a model; Ctrl-C ends it"));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    model.stop().await;
    exit::DONE
}

fn script(path: &Path) -> Result<Script, Vec<String>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name}: cannot be read: {error}")])?;
    Script::from_yaml(&text, &name)
}

fn misdeeds(texts: &[String]) -> Result<Vec<Misdeed>, Vec<String>> {
    let (good, bad): (Vec<_>, Vec<_>) = texts.iter().map(|text| Misdeed::parse(text)).partition(Result::is_ok);
    let bad: Vec<String> = bad.into_iter().filter_map(Result::err).collect();
    if bad.is_empty() { Ok(good.into_iter().flatten().collect()) } else { Err(bad) }
}

fn refuse(why: String, code: i32) -> i32 {
    say::errors(&[why]);
    code
}
