//! Reading what a run left, whole or torn.

use super::create::{fault, once};
use crate::model::{
    fault::{Boundary, Fault},
    trace::{Event, Header, Trace, VERSION},
};
use serde::de::DeserializeOwned;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
};

/// A live log as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveLog {
    pub header: Option<Header>,
    pub events: Vec<Event>,
    /// Lines that are no events, with their number: a torn last line, bytes of somebody else.
    pub set_aside: Vec<(u64, String)>,
}

/// Lines longer than this are set aside unread.
const LONGEST_LINE: usize = 64 << 20;

/// # Errors
/// When the file is missing or is not JSON of the kind asked for.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Fault> {
    let bytes = fs::read(path).map_err(|error| fault("read", path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!("{} is not what evalrun writes there: {error}", path.display());
        Fault::new(Boundary::Store, "format", message).hint("it was changed by hand or by another version")
    })
}

/// Reads a live log: a torn last line is set aside and never hides the rest.
///
/// # Errors
/// Only when the file cannot be read at all.
pub fn read_live(path: &Path) -> Result<LiveLog, Fault> {
    let file = File::open(path).map_err(|error| fault("open", path, &error))?;
    let mut log = LiveLog { header: None, events: Vec::new(), set_aside: Vec::new() };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut line, mut number) = (Vec::new(), 0u64);
    while read_line(&mut reader, &mut line).map_err(|error| fault("read", path, &error))? {
        number += 1;
        take_line(&mut log, number, &line);
    }
    Ok(log)
}

/// Reads a sealed trace; unlike a live log, every line must be an event, numbered from 0.
///
/// # Errors
/// With the line that is wrong.
pub fn read_trace(path: &Path) -> Result<Trace, Fault> {
    let log = read_live(path)?;
    let wrong = |what: String| Fault::new(Boundary::Store, "format", format!("{}: {what}", path.display()));
    if let Some((line, why)) = log.set_aside.first() {
        return Err(wrong(format!("line {line} is not an event: {why}")));
    }
    let header = log.header.ok_or_else(|| wrong("no header line".to_owned()))?;
    if header.trace > VERSION {
        return Err(wrong(format!("format {} is newer than this evalrun reads ({VERSION})", header.trace)));
    }
    match log.events.iter().enumerate().find(|(at, event)| event.id.0 as usize != *at) {
        Some((at, event)) => Err(wrong(format!("event {at} carries the id {}", event.id.0))),
        None => Ok(Trace { header, events: log.events }),
    }
}

/// Writes a sealed trace, once. Says its blake3.
///
/// # Errors
/// When it cannot be written.
pub fn write_trace(path: &Path, trace: &Trace) -> Result<String, Fault> {
    let text = trace_lines(trace).map_err(|error| Fault::new(Boundary::Store, "format", error.to_string()))?;
    once(path, text.as_bytes())?;
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

fn trace_lines(trace: &Trace) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(&trace.header)?;
    text.push('\n');
    for event in &trace.events {
        text.push_str(&event.to_line()?);
        text.push('\n');
    }
    Ok(text)
}

fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(chunk.len(), |at| at + 1);
        if line.len() <= LONGEST_LINE {
            line.extend_from_slice(&chunk[..taken]);
        }
        reader.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

fn take_line(log: &mut LiveLog, number: u64, line: &[u8]) {
    if line.len() > LONGEST_LINE {
        return log.set_aside.push((number, format!("longer than {LONGEST_LINE} bytes")));
    }
    let text = match std::str::from_utf8(line) {
        Ok(text) => text.trim_end(),
        Err(error) => return log.set_aside.push((number, error.to_string())),
    };
    if text.is_empty() {
        return;
    }
    if number == 1 {
        match serde_json::from_str(text) {
            Ok(header) => log.header = Some(header),
            Err(error) => log.set_aside.push((number, error.to_string())),
        }
        return;
    }
    match Event::from_line(text) {
        Ok(event) => log.events.push(event),
        Err(error) => log.set_aside.push((number, error.to_string())),
    }
}
