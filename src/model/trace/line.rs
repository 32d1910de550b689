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
