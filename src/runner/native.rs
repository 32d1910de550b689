//! The agent's own session files of a trial, read back and joined into what came live.
//!
//! They lie where the agent could write, so whatever they hold is only ever a note or an addition: `importers::join` says which.

use super::recorder::on_blocking;
use crate::importers::{
    Collector, Imported,
    join::{Live, join},
    recognise,
};
use crate::model::{
    fault::Fault,
    import::Member,
    trace::{Event, Header},
};
use crate::store::{Blobs, Bundle, bundles};
use std::path::PathBuf;

/// Where a trial's copies of the agent's own files are, and where long texts of them go.
pub struct Native {
    pub folder: PathBuf,
    pub blobs: Blobs,
}

/// Header and events as they are sealed, and what a reader should know.
pub type Told = (Header, Vec<Event>, Vec<String>);

impl Native {
    /// The live log with what the files add; as it was where there are none or they cannot be used.
    ///
    /// # Errors
    /// Only when the work cannot be done at all.
    pub async fn joined(self, live: Live) -> Result<Told, Fault> {
        on_blocking(move || Ok(self.told(live))).await
    }

    fn told(&self, live: Live) -> Told {
        if !self.folder.is_dir() {
            return (live.header, live.events, Vec::new());
        }
        let mut notes = Vec::new();
        let found = bundles(std::slice::from_ref(&self.folder));
        let refused = found.refused.iter().map(|(file, why)| format!("{}: {why}", file.display()));
        notes.extend(refused.map(alone));
        let mut sessions = Vec::new();
        for bundle in &found.bundles {
            match self.read(bundle) {
                Ok(read) => sessions.extend(read),
                Err(why) => notes.push(alone(why)),
            }
        }
        let session = live.header.session.as_deref();
        let own = sessions.iter().position(|one| session.is_some() && one.trace.header.session.as_deref() == session);
        let Some(at) = own.or_else(|| (!sessions.is_empty()).then_some(0)) else {
            return (live.header, live.events, notes);
        };
        match join(live, &sessions[at]) {
            Ok(joined) => {
                notes.extend(joined.notes);
                (joined.header, joined.events, notes)
            }
            Err(back) => {
                let (live, why) = *back;
                notes.push(alone(why));
                (live.header, live.events, notes)
            }
        }
    }

    fn read(&self, bundle: &Bundle) -> Result<Vec<Imported>, String> {
        let open = bundle.open().map_err(|fault| fault.message)?;
        let members: Vec<Member<'_>> = open.members();
        let importer = recognise(&members).map_err(|_| "they are of no format that is known".to_owned())?;
        let blobs = self.blobs.clone();
        let mut collector = Collector::keeping(Box::new(move |text: &str| blobs.keep_long(text).ok()));
        importer.import(&members, &mut collector).map_err(|fault| fault.message)?;
        Ok(collector.finish())
    }
}

fn alone(why: impl std::fmt::Display) -> String {
    format!("the agent's own session files were not used: {why}")
}
