//! Untrusted names as text: any process can call itself anything, terminal escapes included.

use core::fmt::{self, Write as _};

/// Displays bytes with everything but printable text escaped: control characters, line breaks,
/// backslashes, bidirectional overrides and invalid UTF-8 (`\xNN`). Never fails, loses nothing.
pub fn escaped(bytes: &[u8]) -> Escaped<'_> {
    Escaped(bytes)
}

/// See [`escaped`].
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    '\r' => f.write_str("\\r")?,
                    c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                    c if is_invisible(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                    c => f.write_char(c)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Characters that change how the rest of a line is shown, or that show as nothing.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn hostile_names_arrive_escaped() {
        for (bytes, text) in [
            (&b"nginx: master"[..], "nginx: master"),
            (b"a\nb\tc\rd", "a\\nb\\tc\\rd"),
            (b"\x1b[31mred", "\\x1b[31mred"),
            (b"caf\xc3\xa9", "caf\u{e9}"),
            (b"bad\xff\xfe", "bad\\xff\\xfe"),
            (b"back\\slash", "back\\\\slash"),
            ("rtl\u{202e}txt".as_bytes(), "rtl\\u{202e}txt"),
            (b"\xc2\x9b31m", "\\u{9b}31m"),
            (b"", ""),
        ] {
            assert_eq!(escaped(bytes).to_string(), text);
        }
    }
}
