//! Server-sent events taken apart as their bytes come.
//!
//! ```
//! use evalrun::http::Events;
//! let mut events = Events::new(1 << 20);
//! assert_eq!(events.push(b"event: ping\ndata: {\"a\":").unwrap(), []);
//! let whole = events.push(b" 1}\n\n").unwrap();
//! assert_eq!((whole[0].name.as_str(), whole[0].data.as_str()), ("ping", "{\"a\": 1}"));
//! ```

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Empty where the stream names none.
    pub name: String,
    /// Its data lines, joined by line ends.
    pub data: String,
}

/// Events on their way.
#[derive(Clone, Debug)]
pub struct Events {
    line: Vec<u8>,
    open: Event,
    has_data: bool,
    /// The last byte was a carriage return, which may be half of a line end.
    after_return: bool,
    most: usize,
}

impl Events {
    /// No event may be larger than `most` bytes.
    pub fn new(most: usize) -> Events {
        Events { line: Vec::new(), open: Event::default(), has_data: false, after_return: false, most }
    }

    /// Takes bytes and gives the events that are whole with them.
    ///
    /// # Errors
    /// When an event is too large; says how large one may be.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, usize> {
        let mut whole = Vec::new();
        for &byte in bytes {
            let half = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if half => {}
                b'\n' | b'\r' => whole.extend(self.line_ended()),
                byte => self.line.push(byte),
            }
            if self.line.len() + self.open.data.len() + self.open.name.len() > self.most {
                return Err(self.most);
            }
        }
        Ok(whole)
    }

    fn line_ended(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.open);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.open.name),
            "data" => {
                if self.has_data {
                    self.open.data.push('\n');
                }
                self.has_data = true;
                self.open.data.push_str(value);
            }
            // Comments, ids and retry times are nothing to a caller here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Vec<Event> {
        Events::new(1 << 20).push(bytes).unwrap()
    }

    #[test]
    fn events_are_read_whatever_ends_their_lines() {
        let event = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
        for end in ["\n", "\r\n", "\r"] {
            let text =
                [": hello", "event: a", "data: 1", "data:2", "id: 7", "", "data", "", "event: none", "", "data: open"];
            assert_eq!(all(text.join(end).as_bytes()), [event("a", "1\n2"), event("", "")], "{end:?}");
        }
    }

    #[test]
    fn an_event_without_end_is_bounded() {
        assert_eq!(Events::new(100).push(&[b'x'; 101]), Err(100));
        assert_eq!(Events::new(100).push("data: x\n".repeat(60).as_bytes()), Err(100));
    }

    proptest! {
        #[test]
        fn how_bytes_come_changes_nothing(bytes in "[a:\r\n d]{0,60}", cut in 0usize..60) {
            let bytes = bytes.replace('d', "data:").into_bytes();
            let cut = cut.min(bytes.len());
            let mut events = Events::new(1 << 20);
            let mut parts = events.push(&bytes[..cut]).unwrap();
            parts.extend(events.push(&bytes[cut..]).unwrap());
            prop_assert_eq!(parts, all(&bytes));
        }
    }
}
