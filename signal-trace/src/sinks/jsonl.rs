//! JSON lines.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use super::{
    Sink,
    schema::{Body, Line},
};

/// Writes every line as an object of the contract.
#[derive(Debug)]
pub struct Jsonl<W> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> Jsonl<W> {
    /// Writes to `out`, which should not buffer by itself: [`Sink::flush`] hands on what has come.
    pub const fn new(out: W) -> Self {
        Self { out, buffer: vec![] }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}

/// Written at once when the buffer is this long, bytes.
const FULL: usize = 64 << 10;

impl<W: Write> Sink for Jsonl<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        append_line(&mut self.buffer, line);
        if matches!(line.body, Body::Recording(_)) {
            // Whoever waits for the beginning waits for this.
            return self.flush();
        }
        if self.buffer.len() < FULL { Ok(()) } else { self.hand_on() }
    }

    fn cut_short(&mut self, _: &str) -> io::Result<()> {
        // The `end` line tells.
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }
}

/// Appends `line` and a line break to `buffer`.
pub fn append_line(buffer: &mut Vec<u8>, line: &impl Serialize) {
    let mut serializer = Serializer::with_formatter(&mut *buffer, TerminalSafe(CompactFormatter));
    // Into memory and with string keys only: there is nothing that could fail.
    let done = line.serialize(&mut serializer);
    debug_assert!(done.is_ok(), "a line is always representable as JSON");
    buffer.push(b'\n');
}

/// Appends a line that somebody else wrote, and a line break. It stays as it is, but for what
/// [`append_line`] would have escaped: a file can hold anything.
pub fn append_safe(buffer: &mut Vec<u8>, line: &[u8]) {
    if line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        buffer.extend_from_slice(line);
    } else {
        for c in String::from_utf8_lossy(line).chars() {
            if is_hidden(c) {
                // Such a character can only be part of a string, where this is the same.
                buffer.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            } else {
                // Between tokens a control character is a space, and in a string it is not allowed.
                let c = if c.is_control() { ' ' } else { c };
                buffer.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    buffer.push(b'\n');
}

/// Also escapes what a terminal takes for a command or hides: DEL, C1 controls, and the marks that
/// change the direction of text. (JSON itself asks for C0 controls and quotes only.)
struct TerminalSafe(CompactFormatter);

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            write!(writer, "\\u{:04x}", u32::from(hidden))?;
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
}

const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_as_it_is_but_for_what_hides() {
        let safe = |line: &str| {
            let mut buffer = vec![];
            append_safe(&mut buffer, line.as_bytes());
            String::from_utf8(buffer).unwrap()
        };
        assert_eq!(safe("{\"a\": \"caf\u{e9}\"}"), "{\"a\": \"caf\u{e9}\"}\n");
        assert_eq!(safe("{\t\"a\u{9b}\u{202e}\u{1b}[2J\":1}\r"), "{ \"a\\u009b\\u202e [2J\":1} \n");
    }

    #[test]
    fn no_control_character_gets_out_and_nothing_is_lost() {
        let hostile = "\u{1b}[31m\n\"\\\u{7f}\u{9b}31m\u{202e}caf\u{e9}\u{10ffff}";
        let mut buffer = vec![];
        append_line(&mut buffer, &hostile);
        let json = String::from_utf8(buffer).unwrap();
        let body = json.strip_suffix('\n').unwrap();
        assert!(!body.chars().any(|c| c.is_control() || is_hidden(c)), "{body}");
        assert_eq!(serde_json::from_str::<String>(body).unwrap(), hostile);
    }
}
