//! `evalrun import FILE... --as-run --out DIR`: results that carry a reward become a run.

use super::{
    args::{ImportArgs, OutArgs},
    exit, grade, report, say,
};
use crate::model::{
    fault::{Boundary, Fault},
    id::is_id,
};
use crate::runner::{
    Ended,
    rewarded::{Rewarded, as_run, has_reward, holds_a_run},
    sessions::{Refused, Taken, named_bundles, take, unreadable},
};
use crate::store::{Blobs, Layout, bundles};

/// # Errors
/// When the results do not fit into one run, or it cannot be written.
pub fn import(args: &ImportArgs) -> Result<i32, Fault> {
    if let Some(agent) = args.agent.as_deref().filter(|agent| !is_id(agent)) {
        let message = format!("{agent:?} cannot be an agent's name");
        return Err(wrong("agent", message).hint("small letters, digits, `.`, `_` and `-`, at most 64"));
    }
    let folder = std::path::absolute(&args.folder).unwrap_or_else(|_| args.folder.clone());
    let layout = Layout::at(folder);
    if layout.run().exists() || layout.root.join("sessions.json").exists() {
        return Err(holds_a_run(&layout));
    }
    let place = tempfile::tempdir().map_err(|error| wrong("io", format!("no temporary folder: {error}")))?;
    let blobs = Blobs::at(place.path().to_owned());
    let found = bundles(&args.files);
    let mut refused = unreadable(&found);
    let mut results = Vec::new();
    for (bundle, name) in named_bundles(found.bundles) {
        match take(&bundle, &name, args.format.as_deref(), &blobs)? {
            Err(why) => refused.push(why),
            Ok(taken) if !taken.iter().all(has_reward) => refused.push(without_reward(taken.first())),
            Ok(taken) => {
                let agent = args.agent.clone().unwrap_or_else(|| name.chars().take(64).collect());
                results.extend(taken.into_iter().map(|taken| Rewarded { agent: agent.clone(), taken }));
            }
        }
    }
    grade::refusals(&refused);
    if results.is_empty() {
        say::errors(&["no result with a reward was found; nothing was written".to_owned()]);
        return Ok(exit::REFUSED);
    }
    let record = grade::runtime()?.block_on(as_run(results, &layout, &blobs))?;
    let code = report::finish(&layout, &record, &Ended::default(), &OutArgs::default());
    Ok(if refused.is_empty() { code } else { code.max(exit::REFUSED) })
}

fn without_reward(taken: Option<&Taken>) -> Refused {
    let file = taken.and_then(|taken| taken.files.first().cloned()).unwrap_or_default();
    let importer = taken.map_or("", |taken| taken.importer.doc().name);
    let why = format!(
        "read as {importer}, and has no reward: only results with one can be a run (`evalrun grade` takes others)"
    );
    Refused { file, tried: vec![why] }
}

fn wrong(kind: &str, message: String) -> Fault {
    Fault::new(Boundary::Store, kind, message)
}
