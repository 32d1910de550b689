//! Replies spoiled on purpose.

use crate::{http::Piece, script::Wrong};

/// Events of a reply, as they go out under this misdeed.
pub fn spoil(what: &Wrong, events: Vec<String>) -> Vec<Piece> {
    let half = events.len() / 2;
    let bytes = |event: String| Piece::Bytes(event.into_bytes());
    match what {
        Wrong::Slow(time) => events.into_iter().flat_map(|event| [Piece::Pause(*time), bytes(event)]).collect(),
        Wrong::Stalled => events.into_iter().take(half.max(1)).map(bytes).chain([Piece::Stall]).collect(),
        Wrong::Torn => {
            let mut pieces: Vec<Piece> = events.iter().take(half).cloned().map(bytes).collect();
            let next = events.get(half).map(String::as_str).unwrap_or_default();
            pieces.push(bytes(beginning(next).to_owned()));
            pieces.push(Piece::Tear);
            pieces
        }
        Wrong::Malformed => {
            // Frames stay whole, so that a client sees JSON that is none and not a stream that is none.
            let broken = |(at, event): (usize, String)| if at == half { cut_short(&event) } else { event };
            events.into_iter().enumerate().map(broken).map(bytes).collect()
        }
        Wrong::Closed => vec![Piece::Tear],
        Wrong::Status(..) | Wrong::WrongType => events.into_iter().map(bytes).collect(),
    }
}

/// The first half of a text.
pub fn beginning(text: &str) -> &str {
    let half = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..half]
}

fn cut_short(event: &str) -> String {
    const DATA: &str = "data: ";
    let start = event.find(DATA).map_or(0, |at| at + DATA.len());
    let (name, data) = event.split_at(start);
    format!("{name}{}\n\n", beginning(data.trim_end()))
}
