//! Keeps imported traces in memory, with an account of every record.

use crate::model::{
    fault::Fault,
    id::EventId,
    import::Sink,
    trace::{Body, Event, Header, INLINE, Text, Trace, change_strings},
};
use std::collections::BTreeMap;

/// One imported trace, and what became of the records it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    pub trace: Trace,
    /// Records that could not be read as what they claim to be, by line.
    pub warnings: Vec<(u64, String)>,
    /// Records that carry nothing for a trace, by kind.
    pub nothing: BTreeMap<&'static str, u64>,
    /// Records that repeat another one, by kind.
    pub merged: BTreeMap<&'static str, u64>,
    /// Records that became events.
    pub kept: u64,
    /// Records in all: `kept`, `merged` and `nothing` together.
    pub records: u64,
    /// The source's own ids of its calls.
    pub calls: BTreeMap<EventId, String>,
}

/// Takes a text that is too long to stand in an event, before it is cut, and says the name it is kept under.
pub type KeepLong<'k> = dyn FnMut(&str) -> Option<String> + 'k;

/// A sink in memory. Gives the ids, cuts long texts and counts records.
#[derive(Default)]
pub struct Collector<'k> {
    done: Vec<Imported>,
    long: Option<Box<KeepLong<'k>>>,
    /// Told before any trace began; belongs to the first.
    early: Vec<(u64, String)>,
}

impl<'k> Collector<'k> {
    pub fn new() -> Collector<'k> {
        Collector::default()
    }

    /// A collector that hands every text over 64 KiB to `long` before it is cut.
    pub fn keeping(long: Box<KeepLong<'k>>) -> Collector<'k> {
        Collector { long: Some(long), ..Collector::default() }
    }

    pub fn finish(self) -> Vec<Imported> {
        self.done
    }

    fn cut(&mut self, text: &mut Text) {
        if text.inline.len() <= INLINE {
            return;
        }
        let blob = self.long.as_mut().and_then(|keep| keep(&text.inline));
        *text = Text { blob, lossy: text.lossy, ..Text::cut(&text.inline) };
    }
}

impl Sink for Collector<'_> {
    fn begin(&mut self, header: Header) -> Result<(), Fault> {
        self.done.push(Imported {
            trace: Trace { header, events: Vec::new() },
            warnings: std::mem::take(&mut self.early),
            nothing: BTreeMap::new(),
            merged: BTreeMap::new(),
            kept: 0,
            records: 0,
            calls: BTreeMap::new(),
        });
        Ok(())
    }

    fn event(&mut self, mut event: Event) -> EventId {
        for text in event.body.texts_mut() {
            self.cut(text);
        }
        if let Body::ToolCall(call) = &mut event.body {
            change_strings(&mut call.input, &|text| (text.len() > INLINE).then(|| Text::cut(text).inline));
        }
        let Some(last) = self.done.last_mut() else { return EventId(0) };
        let id = EventId(u32::try_from(last.trace.events.len()).unwrap_or(u32::MAX));
        event.id = id;
        last.trace.events.push(event);
        id
    }

    fn called(&mut self, event: EventId, id: &str) {
        if let Some(last) = self.done.last_mut() {
            last.calls.insert(event, id.to_owned());
        }
    }

    fn kept(&mut self) {
        if let Some(last) = self.done.last_mut() {
            last.kept += 1;
            last.records += 1;
        }
    }

    fn merged(&mut self, kind: &'static str) {
        if let Some(last) = self.done.last_mut() {
            *last.merged.entry(kind).or_default() += 1;
            last.records += 1;
        }
    }

    fn warn(&mut self, line: u64, what: String) {
        match self.done.last_mut() {
            Some(last) => last.warnings.push((line, what)),
            None => self.early.push((line, what)),
        }
    }

    fn nothing(&mut self, kind: &'static str) {
        if let Some(last) = self.done.last_mut() {
            *last.nothing.entry(kind).or_default() += 1;
            last.records += 1;
        }
    }
}
