//! Reading an event's line in one pass, for the lines that we wrote ourselves: nearly all there are.
//!
//! `Line` reads any line, at the price of two passes: its body is found first and read second, since what cannot be read is kept as it stands. Here the
//! body is read where it stands. Whatever is not as expected (a body before its kind, a kind of a later version, a field twice) is an error, and the
//! caller turns to `Line`.

use super::{Body, Event, EventId};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use std::fmt;

/// An event whose fields stand in the order in which they are written.
pub(super) struct Straight(pub Event);

impl<'de> Deserialize<'de> for Straight {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Straight, D::Error> {
        from.deserialize_map(Fields).map(Straight)
    }
}

struct Fields;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Id,
    Turn,
    Stage,
    By,
    At,
    Time,
    From,
    Superseded,
    Kind,
    Body,
    #[serde(other)]
    Other,
}

/// What was read so far.
#[derive(Default)]
struct Read<'de> {
    id: Option<EventId>,
    turn: Option<u32>,
    stage: Option<String>,
    lane: Option<String>,
    at: Option<Option<u64>>,
    time: Option<Option<String>>,
    from: Option<Option<String>>,
    superseded: Option<bool>,
    kind: Option<&'de str>,
    body: Option<Body>,
}

impl<'de> Visitor<'de> for Fields {
    type Value = Event;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event, A::Error> {
        let mut read = Read::default();
        while let Some(field) = map.next_key()? {
            match field {
                Field::Id => once(&mut read.id, &mut map)?,
                Field::Turn => once(&mut read.turn, &mut map)?,
                Field::Stage => once(&mut read.stage, &mut map)?,
                Field::By => once(&mut read.lane, &mut map)?,
                Field::At => once(&mut read.at, &mut map)?,
                Field::Time => once(&mut read.time, &mut map)?,
                Field::From => once(&mut read.from, &mut map)?,
                Field::Superseded => once(&mut read.superseded, &mut map)?,
                Field::Kind => once(&mut read.kind, &mut map)?,
                Field::Body => {
                    let kind = read.kind.filter(|_| read.body.is_none());
                    let Some(kind) = kind else { return Err(A::Error::custom("no kind before the body")) };
                    read.body = Some(map.next_value_seed(OfKind(kind))?);
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        read.event().ok_or_else(|| A::Error::custom("a field is missing"))
    }
}

fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(field: &mut Option<T>, map: &mut A) -> Result<(), A::Error> {
    if field.is_some() {
        return Err(A::Error::custom("a field stands twice"));
    }
    *field = Some(map.next_value()?);
    Ok(())
}

impl Read<'_> {
    fn event(self) -> Option<Event> {
        Some(Event {
            id: self.id?,
            turn: self.turn?,
            stage: self.stage.unwrap_or_default(),
            lane: self.lane.unwrap_or_default(),
            at: self.at.flatten(),
            time: self.time.flatten(),
            from: self.from.flatten(),
            superseded: self.superseded.unwrap_or_default(),
            body: self.body?,
        })
    }
}

struct OfKind<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for OfKind<'_> {
    type Value = Body;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Body, D::Error> {
        Body::known(self.0, from).unwrap_or_else(|| Err(D::Error::custom("a kind of a later version")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = r#"{"id":3,"turn":2,"stage":"brief","by":"a/b","at":7,"time":"t","from":"f","superseded":true,"kind":"agent_message","body":{"text":"a\u00e9\n","phase":"final"}}"#;

    /// Whatever a line is, it is what it is when its body is read in a second pass.
    fn assert_same(line: &str) {
        let (one, two) = (Event::from_line(line), Event::from_any_line(line));
        assert_eq!(one.is_err(), two.is_err(), "{line}");
        if let (Ok(one), Ok(two)) = (one, two) {
            assert_eq!(one, two, "{line}");
        }
    }

    #[test]
    fn our_own_lines_are_read_in_one_pass() {
        let Straight(event) = serde_json::from_str(LINE).unwrap();
        assert_eq!(event, Event::from_any_line(LINE).unwrap());
        assert_eq!((event.id, event.lane.as_str(), event.superseded), (EventId(3), "a/b", true));
    }

    #[test]
    fn odd_lines_are_what_they_were() {
        let deep = format!(
            r#"{{"id":0,"turn":0,"kind":"tool_call","body":{{"name":"x","input":{}{}}}}}"#,
            "[".repeat(126),
            "]".repeat(126)
        );
        let lines = [
            r#"{"id":0,"turn":0,"body":{"text":"x"},"kind":"user_message"}"#,
            r#"{"id":0,"turn":0,"kind":"user_message","body":{"text":5}}"#,
            r#"{"id":0,"turn":0,"kind":"of_tomorrow","body":{"text": 5}}"#,
            r#"{"id":0,"turn":0,"kind":"user_m\u0065ssage","body":{"text":"x"}}"#,
            r#"{"id":0,"turn":0,"kind":"user_message","kind":"error","body":{"text":"x"}}"#,
            r#"{"id":0,"turn":0,"kind":"user_message","body":{"text":"x"},"body":{"text":"y"}}"#,
            r#"{"id":0,"turn":0,"kind":"user_message","body":{"text":"x"},"more":[1]}"#,
            r#"{"id":0,"turn":0,"at":null,"stage":null,"kind":"user_message","body":{"text":"x"}}"#,
            r#"{"turn":0,"kind":"user_message","body":{"text":"x"}}"#,
            r#"[3,2,"","",null,null,null,false,"user_message",{"text":"x"}]"#,
            &deep,
            "",
            "null",
        ];
        lines.iter().for_each(|line| assert_same(line));
    }

    proptest! {
        #[test]
        fn spoiled_lines_are_what_they_were(at in 0..LINE.len(), with in "[ -~]{0,3}", cut in 0..4usize) {
            let end = (at + cut).min(LINE.len());
            assert_same(&format!("{}{with}{}", &LINE[..at], &LINE[end..]));
        }
    }
}
