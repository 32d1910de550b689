//! The traits between a foreign session and our trace.

use super::{
    fault::Fault,
    id::EventId,
    trace::{Event, Header},
};

/// Bytes that can be read at any place.
pub trait Source: Sync {
    fn len(&self) -> u64;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Reads into `into` from `at`; fewer bytes than asked for only at the end.
    ///
    /// # Errors
    /// What the file system says.
    fn read_at(&self, at: u64, into: &mut [u8]) -> std::io::Result<usize>;
}

/// One file of a bundle.
pub struct Member<'a> {
    pub name: &'a str,
    pub source: &'a dyn Source,
}

/// Whether an importer takes a bundle, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    No(&'static str),
    Weak(&'static str),
    Sure(&'static str),
}

/// Where an importer writes. A bundle may hold several traces: each `begin` starts one.
///
/// Every record of a source is told exactly once, as `kept`, `merged` or `nothing`, so that a test can count that none was lost.
pub trait Sink {
    /// # Errors
    /// When the trace cannot be kept.
    fn begin(&mut self, header: Header) -> Result<(), Fault>;
    /// Takes an event (its id is given here) and says its id.
    fn event(&mut self, event: Event) -> EventId;
    /// The source's own id of a call, by which a live log of the same session knows it.
    fn called(&mut self, _event: EventId, _id: &str) {}
    /// A record that became one or more events.
    fn kept(&mut self);
    /// A record that says again what an event of another record says: which kind of record, and whose echo it is.
    fn merged(&mut self, kind: &'static str);
    /// A record that could not be read as what it claims to be: counted, with its line (1-based).
    fn warn(&mut self, line: u64, what: String);
    /// A record that carries nothing for the trace, by the kind that the importer's doc lists.
    fn nothing(&mut self, kind: &'static str);
}

/// What an importer says of itself, for `evalrun list importers`.
pub struct ImporterDoc {
    pub name: &'static str,
    pub about: &'static str,
    /// Where such files are found.
    pub found_at: &'static str,
    /// Kinds of records that carry nothing for the trace.
    pub carries_nothing: &'static [&'static str],
    /// Kinds of records that repeat what another record says, and are joined with it.
    pub merges: &'static [&'static str],
}

pub trait Importer: Sync {
    fn doc(&self) -> &'static ImporterDoc;
    fn claim(&self, bundle: &[Member<'_>]) -> Claim;
    /// # Errors
    /// When the bundle as a whole cannot be read; single bad records are warnings.
    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault>;
}
