//! Foreign text: always valid UTF-8, at most 64 KiB of it inline, the rest in a blob.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes kept inline in an event.
pub const INLINE: usize = 64 << 10;

/// A text from outside. Written as a plain string when it is whole and came as valid UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The whole text, or its first and last half around a line that says how much is left out.
    pub inline: String,
    /// blake3 of the whole text in the trial's `blobs/`.
    pub blob: Option<String>,
    /// Bytes of the whole text where it is not whole here.
    pub bytes: u64,
    /// It was not valid UTF-8: bytes were replaced by U+FFFD.
    pub lossy: bool,
}

impl Text {
    /// A text that is kept whole, whatever its length; use `cut` for foreign text of unknown size.
    pub fn whole(text: impl Into<String>) -> Text {
        Text { inline: text.into(), ..Text::default() }
    }

    /// Keeps at most `INLINE` bytes: the first and the last half, cut at character borders.
    pub fn cut(text: &str) -> Text {
        if text.len() <= INLINE {
            return Text::whole(text);
        }
        let head = floor(text, INLINE / 2);
        let tail = ceil(text, text.len() - INLINE / 2);
        let left_out = tail - head;
        let inline = format!("{}\n[... {left_out} bytes left out here ...]\n{}", &text[..head], &text[tail..]);
        Text { inline, blob: None, bytes: text.len() as u64, lossy: false }
    }

    pub fn as_str(&self) -> &str {
        &self.inline
    }

    pub fn is_empty(&self) -> bool {
        self.inline.is_empty()
    }

    /// Whether everything the source gave is inline.
    pub fn is_whole(&self) -> bool {
        self.bytes == 0
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::cut(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        if text.len() <= INLINE { Text::whole(text) } else { Text::cut(&text) }
    }
}

#[derive(Serialize, Deserialize)]
struct Parts {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    lossy: bool,
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if self.blob.is_none() && self.bytes == 0 && !self.lossy {
            return out.serialize_str(&self.inline);
        }
        Parts { text: self.inline.clone(), blob: self.blob.clone(), bytes: self.bytes, lossy: self.lossy }
            .serialize(out)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        from.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> serde::de::Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a text, or {text, blob, bytes, lossy}")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::whole(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text::whole(text))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
        let parts = Parts::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(Text { inline: parts.text, blob: parts.blob, bytes: parts.bytes, lossy: parts.lossy })
    }
}
