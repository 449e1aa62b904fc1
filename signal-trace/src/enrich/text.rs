//! Strings from outside, cut to a size that a record can hold.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use signal_trace_core::signal::Signal;

/// A label, a name, an image: no honest one is longer.
const MOST_BYTES: usize = 4096;

/// A string of JSON: cut at [`MOST_BYTES`], and U+FFFD for what is no text (a surrogate alone, bytes
/// that are no UTF-8), so that one odd name does not make a whole answer unreadable.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text(pub String);

impl Text {
    /// `bytes` as far as they fit.
    pub fn of(bytes: &[u8]) -> Self {
        // Three more than fit: a character that is cut in two must not look like one that is wrong.
        let mut text =
            String::from_utf8_lossy(bytes.get(..MOST_BYTES + 3).unwrap_or(bytes)).into_owned();
        let mut end = text.len().min(MOST_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Self(text)
    }

    /// Nothing for the empty string, which engines write for what is not set.
    pub fn given(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// The text of a field that may be missing, null or empty.
pub(super) fn given(text: Option<Text>) -> Option<String> {
    text.and_then(Text::given)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::of(text.as_bytes()))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text::of(bytes))
            }
        }

        // As bytes: serde_json then lets pass what is no UTF-8.
        deserializer.deserialize_bytes(Bytes)
    }
}

/// A signal as engines write it: `SIGTERM`, `TERM`, `RTMIN+3`, `"15"`, or the number 15. What is no
/// signal is none at all: the engine would not have sent it either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignalText(pub Option<Signal>);

impl<'de> Deserialize<'de> for SignalText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = SignalText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a signal")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SignalText, E> {
                Ok(SignalText(Signal::parse(text)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<SignalText, E> {
                Ok(SignalText(u32::try_from(number).ok().and_then(Signal::new)))
            }

            fn visit_unit<E: Error>(self) -> Result<SignalText, E> {
                Ok(SignalText(None))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        serde_json::from_slice::<Text>(json.as_bytes()).expect(json).0
    }

    #[test]
    fn odd_strings_are_read() {
        assert_eq!(text(r#""a\nb\"\u001b[31m""#), "a\nb\"\u{1b}[31m");
        assert_eq!(text(r#""nul\u0000""#), "nul\0");
        assert_eq!(text(r#""\ud83d\ude00""#), "\u{1f600}");
        assert!(text(r#""lone \ud83d surrogate""#).contains('\u{fffd}'));
        let raw = serde_json::from_slice::<Text>(b"\"bad \xff\"").unwrap();
        assert_eq!(raw.0, "bad \u{fffd}");
    }

    #[test]
    fn long_strings_are_cut_between_characters() {
        for (character, length) in [("x", 4096), ("\u{e9}", 4096), ("\u{20ac}", 4095)] {
            let cut = text(&format!("{:?}", character.repeat(5000)));
            assert_eq!(cut.len(), length, "{character}");
            assert_eq!(cut.replace(character, ""), "");
        }
        assert_eq!(text(&format!("{:?}", "y".repeat(4096))).len(), 4096);
    }

    #[test]
    fn signals_are_read_as_engines_write_them() {
        for (json, number) in [
            (r#""SIGTERM""#, Some(15)),
            (r#""TERM""#, Some(15)),
            (r#""15""#, Some(15)),
            ("15", Some(15)),
            (r#""SIGRTMIN+3""#, Some(37)),
            (r#""RTMIN+3""#, Some(37)),
            (r#""rtmax-1""#, Some(63)),
            (r#""SIGNAL""#, None),
            (r#""""#, None),
            ("0", None),
            ("99999999999", None),
            ("null", None),
        ] {
            let read: SignalText = serde_json::from_str(json).expect(json);
            assert_eq!(read.0.map(Signal::number), number, "{json}");
        }
    }
}
