//! `results.json`: the same bytes for the same results. Its schema is committed as `schema/results.schema.json`.

use super::{Outbox, Report, Reporter};
use crate::model::{fault::Fault, results::Results};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io;

pub(super) const JSON: Reporter =
    Reporter { name: "json", about: "every number with its citations, for programs", file: "results.json", render };

fn render(report: &Report<'_>, out: &mut dyn Outbox) -> Result<(), Fault> {
    out.file(JSON.file, &mut |file| stream(report.results, file))
}

/// Score by score: the text of a large run is larger than the run.
///
/// # Errors
/// What the other side says.
pub fn stream(results: &Results, file: &mut dyn io::Write) -> io::Result<()> {
    results.serialize(&mut serde_json::Serializer::with_formatter(&mut *file, Lines::default()))?;
    file.write_all(b"\n")
}

/// Depth from which a value stands on one line: a score of a trial is one. Deeper indentation makes the file half as long again and no easier to read.
const ONE_LINE: usize = 5;

/// Indented down to single scores.
#[derive(Default)]
struct Lines {
    depth: usize,
    wide: PrettyFormatter<'static>,
    narrow: CompactFormatter,
}

/// Hands one call on to the formatter of this depth.
macro_rules! hand_on {
    ($self:ident, $depth:expr, $call:ident($($arg:expr),*)) => {
        if $depth < ONE_LINE { $self.wide.$call($($arg),*) } else { $self.narrow.$call($($arg),*) }
    };
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        hand_on!(self, self.depth, begin_array(writer))
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        hand_on!(self, self.depth + 1, end_array(writer))
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        hand_on!(self, self.depth, begin_array_value(writer, first))
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        hand_on!(self, self.depth, end_array_value(writer))
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        hand_on!(self, self.depth, begin_object(writer))
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        hand_on!(self, self.depth + 1, end_object(writer))
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        hand_on!(self, self.depth, begin_object_key(writer, first))
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        hand_on!(self, self.depth, begin_object_value(writer))
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        hand_on!(self, self.depth, end_object_value(writer))
    }
}
