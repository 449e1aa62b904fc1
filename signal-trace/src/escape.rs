//! Untrusted bytes (names, cgroup paths) as text for people and as strings for JSON.

use std::{borrow::Cow, fmt::Write as _};

use signal_trace_core::escape::escaped;

/// For people: the bytes as they are if they are plain, else escaped and in double quotes, so that
/// a name cannot pass for a part of the line that it stands in.
pub fn for_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(is_plain) => Cow::Borrowed(text),
        _ => Cow::Owned(format!("\"{}\"", escaped(bytes).to_string().replace('"', "\\\""))),
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_./:@+,=%~#".contains(c)
}

/// For JSON: valid UTF-8 stays as it is, an invalid byte becomes `\xNN` (lower-case, 80 to ff).
///
/// A backslash that would read as such an escape itself is written `\x5c`, so nothing is lost:
/// [`from_json`] is the way back. (Names that systemd escaped, as `dev-disk\x2dby`, stay.)
pub fn for_json(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find('\\') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            out.push_str(if read_escape(rest).is_some() { "\\x5c" } else { "\\" });
            rest = &rest[1..];
        }
        out.push_str(rest);
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The bytes that [`for_json`] was given.
pub fn from_json(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let (byte, length) = read_escape(rest).map_or((b'\\', 1), |byte| (byte, 4));
        out.push(byte);
        rest = &rest[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The byte, if `text` starts with an escape as [`for_json`] writes it.
fn read_escape(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    if digits.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok().filter(|byte| *byte >= 0x80 || *byte == b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_quoted_unless_plain() {
        for (bytes, text) in [
            (&b"runc:[2:INIT]"[..], "\"runc:[2:INIT]\""),
            (b"kworker/0:1", "kworker/0:1"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            (b"", "\"\""),
            (b"a b", "\"a b\""),
            (b"a\"b", "\"a\\\"b\""),
            (b"a\\b", "\"a\\\\b\""),
            (b"x[1] (runtime) -> y", "\"x[1] (runtime) -> y\""),
            (b"\x1b[31mred\n", "\"\\x1b[31mred\\n\""),
            (b"bad\xff", "\"bad\\xff\""),
        ] {
            assert_eq!(for_text(bytes), text);
        }
    }

    #[test]
    fn json_keeps_systemd_escapes_and_marks_invalid_bytes() {
        assert_eq!(for_json(br"/system-getty\x2d1.slice"), r"/system-getty\x2d1.slice");
        assert_eq!(for_json(b"bad\xff\\"), "bad\\xff\\");
        assert_eq!(for_json(br"\xff"), r"\x5cxff");
    }

    proptest! {
        #[test]
        fn json_loses_nothing(bytes: Vec<u8>) {
            prop_assert_eq!(from_json(&for_json(&bytes)), bytes);
        }

        #[test]
        fn json_loses_no_backslash(text in "[\\\\x5cf0\u{ff}]{0,12}") {
            prop_assert_eq!(from_json(&for_json(text.as_bytes())), text.as_bytes());
        }

        #[test]
        fn text_holds_no_control_character(bytes: Vec<u8>) {
            prop_assert!(!for_text(&bytes).chars().any(char::is_control));
        }
    }
}
