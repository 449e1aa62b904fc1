//! Shows lines that were written before, by a daemon: as text, or as they are.

use std::io::{self, Write};

use super::{Sink as _, jsonl::append_safe, schema::Line, text::Text};

/// Shows lines.
#[derive(Debug)]
pub enum Echo<W> {
    /// For people.
    Text(Text<W>),
    /// The JSON as it came, with what a later version has in it.
    Json {
        /// Where to.
        out: W,
        /// What is not written yet.
        buffer: Vec<u8>,
    },
}

/// Written at once when the buffer is this long, bytes.
const FULL: usize = 64 << 10;

impl<W: Write> Echo<W> {
    /// As JSON.
    pub const fn json(out: W) -> Self {
        Self::Json { out, buffer: vec![] }
    }

    /// Whether it is text.
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Shows `line`, which reads `raw`.
    pub fn line(&mut self, raw: &[u8], line: &Line) -> io::Result<()> {
        match self {
            Self::Text(text) => text.line(line),
            Self::Json { .. } => self.raw(raw),
        }
    }

    /// Shows a line that nobody has read: as JSON only.
    pub fn raw(&mut self, raw: &[u8]) -> io::Result<()> {
        let Self::Json { buffer, .. } = self else { return Ok(()) };
        append_safe(buffer, raw);
        if buffer.len() < FULL { Ok(()) } else { self.hand_on() }
    }

    /// Text that is no line's; nothing as JSON.
    pub fn words(&mut self, words: &str) {
        if let Self::Text(text) = self {
            text.words(words);
        }
    }

    /// Hands everything to whoever reads it.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Self::Text(text) = self {
            return text.flush();
        }
        self.hand_on()?;
        let Self::Json { out, .. } = self else { return Ok(()) };
        out.flush()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let Self::Json { out, buffer } = self else { return Ok(()) };
        let written = out.write_all(buffer);
        buffer.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_shown_as_it_is_and_text_by_its_sink() {
        let mut out = vec![];
        let mut echo = Echo::json(&mut out);
        echo.raw(br#"{"a_later_field":1}"#).unwrap();
        echo.words("not json");
        echo.flush().unwrap();
        assert_eq!(out, b"{\"a_later_field\":1}\n");

        let mut out = vec![];
        let mut echo = Echo::Text(Text::of_history(&mut out, false, None));
        echo.raw(b"nobody knows what this is").unwrap();
        echo.words("words\n");
        echo.flush().unwrap();
        assert_eq!(out, b"words\n");
    }
}
