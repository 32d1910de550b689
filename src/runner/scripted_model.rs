//! A scripted model for the length of one trial: `model_script` of the agent's block.

use crate::{
    agents::Seat,
    model::{
        fault::{Boundary, Fault},
        suite::AgentSpec,
    },
    process::Jail,
    script::Script,
    serve::{Log, Playing, ScriptedModel, environment},
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The log of the model's requests, in the attempt's folder.
pub const LOG: &str = "model.jsonl";

/// Starts the model that the agent's block asks for and points the seat at it; `None` where it asks for none.
///
/// # Errors
/// When the script cannot be read or nothing can listen. The agent has done nothing wrong then.
pub async fn start(seat: &mut Seat, attempt: &Path) -> Result<Option<ScriptedModel>, Fault> {
    let Some(path) = path(&seat.spec) else { return Ok(None) };
    if let Jail::Bwrap { network: false, .. } = seat.jail {
        return Err(unreachable());
    }
    let script = super::recorder::on_blocking(move || load(&path)).await?;
    let redactor = Arc::clone(&seat.redactor);
    let log = Log::to(&attempt.join(LOG), Arc::new(move |text| redactor.redact(text).into_owned())).await;
    let log = log.map_err(|error| Fault::new(Boundary::Store, "io", format!("cannot write {LOG}: {error}")))?;
    let workspace = Some(seat.workspace.to_string_lossy().into_owned());
    let model = ScriptedModel::start(0, Playing { script, misdeeds: Vec::new(), workspace, log }).await;
    let model = model.map_err(|error| {
        Fault::new(Boundary::Provider, "scripted_model", format!("the scripted model cannot listen: {error}"))
    })?;
    let base = model.base_url();
    seat.env.extend(environment(&base).into_iter().map(|(name, value)| (name.to_owned(), value)));
    seat.model_at = Some(base);
    Ok(Some(model))
}

/// What is wrong with the script that an agent's block names.
pub fn mistakes(spec: &AgentSpec) -> Vec<String> {
    path(spec).and_then(|path| read(&path).err()).unwrap_or_default()
}

fn path(spec: &AgentSpec) -> Option<PathBuf> {
    spec.rest.get("model_script").and_then(Value::as_str).map(PathBuf::from)
}

fn unreachable() -> Fault {
    Fault::new(Boundary::Sandbox, "network", "a scripted model cannot be reached from a sandbox without a network")
        .hint("give the workspace `network: open` for this agent's runs, or run with --sandbox none")
}

fn load(path: &Path) -> Result<Script, Fault> {
    read(path).map_err(|mistakes| {
        Fault::new(Boundary::Workspace, "script", mistakes.join("; "))
            .hint("`evalrun check` lists the mistakes of a suite")
    })
}

fn read(path: &Path) -> Result<Script, Vec<String>> {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let text = std::fs::read_to_string(path).map_err(|error| vec![format!("{name}: cannot be read: {error}")])?;
    Script::from_yaml(&text, &name)
}
