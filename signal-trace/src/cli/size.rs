//! Sizes as people write them: `64MiB`, `1GiB`, or a number of bytes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// That many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

/// The largest first, so that [`ByteSize`] shows itself in the largest that fits.
const BINARY: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const DECIMAL: [(&str, u64); 4] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];

const HOW: &str = "write a size as 64MiB, 1GiB, 500MB or a number of bytes";

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let factor = if unit.is_empty() { Some(1) } else { factor(unit) };
        let (Ok(number), Some(factor)) = (number.parse::<u64>(), factor) else {
            return Err(format!("{HOW}{}", hint(number, unit)));
        };
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("{HOW}: this one is too large"))
    }
}

fn factor(unit: &str) -> Option<u64> {
    let mut units = BINARY.iter().chain(&DECIMAL);
    units.find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)
}

/// For the short forms of other programs, which mean powers of 1000 here and of 1024 there.
fn hint(number: &str, unit: &str) -> String {
    let letter = unit.strip_suffix('i').unwrap_or(unit).to_ascii_uppercase();
    match (number, &*letter) {
        ("", _) | (_, "") => String::new(),
        (number, "K" | "M" | "G" | "T") => format!(" (did you mean {number}{letter}iB?)"),
        _ => String::new(),
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact =
            |(_, factor): &&(&str, u64)| self.0 >= *factor && self.0.is_multiple_of(*factor);
        let (unit, factor) = BINARY.iter().find(exact).copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrBytes)
    }
}

struct TextOrBytes;

impl de::Visitor<'_> for TextOrBytes {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size as \"64MiB\", or a number of bytes")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        u64::try_from(bytes).map(ByteSize).map_err(|_| E::custom("a size cannot be negative"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_documented() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("64MiB", 64 << 20),
            ("64 mib", 64 << 20),
            (" 1GiB ", 1 << 30),
            ("500MB", 500_000_000),
            ("2kB", 2000),
            ("7B", 7),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GiB", "1 apple", "99999999999999999999", "99999999TiB"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.starts_with("write a size as 64MiB, 1GiB"), "{text}: {error}");
        }
        for text in ["64M", "64m", "64Mi"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert!(error.ends_with("(did you mean 64MiB?)"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes_are_shown_as_they_can_be_read() {
        for (bytes, text) in
            [(0, "0B"), (1, "1B"), (1500, "1500B"), (1 << 20, "1MiB"), (3 << 29, "1536MiB")]
        {
            assert_eq!(ByteSize(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
        }
    }

    #[test]
    fn a_file_may_hold_text_or_a_number() {
        #[derive(Debug, Deserialize)]
        struct File {
            size: ByteSize,
        }
        let read = |text: &str| toml::from_str::<File>(text).map(|file| file.size);
        assert_eq!(read("size = 4096").unwrap(), ByteSize(4096));
        assert_eq!(read("size = \"1GiB\"").unwrap(), ByteSize(1 << 30));
        for (text, word) in
            [("size = -1", "negative"), ("size = \"x\"", "64MiB"), ("size = true", "a size as")]
        {
            let error = read(text).unwrap_err();
            assert!(error.message().contains(word), "{error}");
            assert!(error.span().is_some(), "it tells where");
        }
    }
}
