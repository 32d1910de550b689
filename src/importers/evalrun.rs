//! Our own traces: a sealed `trace.jsonl`, or the `live.jsonl` of a trial that was cut short.
//!
//! The first line is the header, each further line an event. A torn last line is kept as `unknown` and warned of; it never hides
//! the rest.

use super::{
    first_lines,
    lines::{Line, Lines},
    scribe::{Fate, Scribe, Stamp},
};
use crate::model::{
    fault::{Boundary, Fault},
    id::EventId,
    import::{Claim, Importer, ImporterDoc, Member, Sink},
    trace::{Body, Event, Header, VERSION},
};
use std::collections::HashMap;

pub(super) struct EvalRun;

static DOC: ImporterDoc = ImporterDoc {
    name: "evalrun",
    about: "evalrun's own traces, sealed or still live",
    found_at: ".evalrun/<run>/trials/<task>/<agent>/<n>/<k>/trace.jsonl, live.jsonl",
    carries_nothing: &["header"],
    merges: &[],
};

impl Importer for EvalRun {
    fn doc(&self) -> &'static ImporterDoc {
        &DOC
    }

    fn claim(&self, bundle: &[Member<'_>]) -> Claim {
        let is_ours = |member: &Member<'_>| {
            let first = first_lines(member).into_iter().next().unwrap_or_default();
            serde_json::from_str::<Header>(&first).is_ok()
        };
        match bundle {
            [] => Claim::No("no file"),
            all if all.iter().all(is_ours) => Claim::Sure("the first line is the header of an evalrun trace"),
            _ => Claim::No("the first line is not the header of an evalrun trace"),
        }
    }

    fn import(&self, bundle: &[Member<'_>], sink: &mut dyn Sink) -> Result<(), Fault> {
        bundle.iter().try_for_each(|member| member_of_ours(member, sink))
    }
}

fn member_of_ours(member: &Member<'_>, sink: &mut dyn Sink) -> Result<(), Fault> {
    let mut lines = Lines::of(member.source);
    let wrong = |what: String| Fault::new(Boundary::Store, "format", format!("{}: {what}", member.name));
    if !lines.advance()? {
        return Err(wrong("the file is empty".to_owned()));
    }
    let header: Header = serde_json::from_str(&lines.line().text)
        .map_err(|error| wrong(format!("the first line is no header of a trace: {error}")))?;
    if header.trace > VERSION {
        let hint = "use the evalrun that wrote it, or a newer one";
        return Err(wrong(format!("format {} is newer than what is read here ({VERSION})", header.trace)).hint(hint));
    }
    sink.begin(header)?;
    sink.nothing("header");
    let mut scribe = Scribe::of(sink, None);
    let mut ids = HashMap::new();
    while lines.advance()? {
        let line = lines.line();
        scribe.warn_of(&line);
        let fate = event(&mut scribe, &line, &mut ids);
        scribe.settle(fate);
    }
    Ok(())
}

fn event(scribe: &mut Scribe<'_>, line: &Line<'_>, ids: &mut HashMap<EventId, EventId>) -> Fate {
    let mut event = match Event::from_line(&line.text) {
        Ok(event) => event,
        Err(error) => {
            let stamp = Stamp { from: format!("line:{}", line.number), lossy: line.lossy, ..Stamp::default() };
            return scribe.malformed(&stamp, line, &format!("not an event: {error}"));
        }
    };
    let old = event.id;
    event.from.get_or_insert_with(|| format!("live:{}", line.number));
    if let Body::ToolResult(result) = &mut event.body {
        result.call = result.call.and_then(|call| ids.get(&call).copied());
    } else if let Body::FileChange(change) = &mut event.body {
        change.call = change.call.and_then(|call| ids.get(&call).copied());
    }
    scribe.turn = event.turn;
    ids.insert(old, scribe.sink.event(event));
    Fate::Kept
}
