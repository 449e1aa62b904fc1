//! The beginning of a file: what it is, and where it belongs.

use std::io::{self, BufRead, BufReader, Read};

use serde::Deserialize;

use super::{
    head::{BEGINNING, Head},
    range::Stamp,
};
use crate::sinks::schema::{SCHEMA, Time};

/// Start of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// No line of ours is longer, bytes.
pub const LONGEST: usize = 16 << 20;
/// Read at once, bytes.
const READ: usize = 128 << 10;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has inputs, and is to be replayed.
    Recording,
    /// It has none.
    History(Place),
    /// It has one line only: history that is about to be written, or a recording that was cut off.
    Begun(Place),
    /// Nothing whole is in it.
    Empty,
    /// It is of another version of the contract, this one.
    Newer(String),
    /// It is something else.
    Foreign,
}

/// Where a file belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose it is.
    pub node: String,
    /// Its first event; of a file that has none yet, the start of its session.
    pub begin: Stamp,
}

/// What is looked at in a line.
#[derive(Deserialize)]
struct AnyLine {
    schema: String,
    r#type: String,
    time: Option<Time>,
    node: Option<String>,
}

/// The content, decompressed if need be.
pub fn decoded<'a>(source: impl Read + Send + 'a) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    let mut source = BufReader::with_capacity(READ, source);
    // One call fills the buffer with at least the magic, if the file has it.
    if !source.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        return Ok(Box::new(source));
    }
    let decoder = zstd::Decoder::with_buffer(source)?;
    Ok(Box::new(BufReader::with_capacity(READ, decoder)))
}

/// Reads the first two lines.
pub fn peek(source: impl Read + Send) -> io::Result<Kind> {
    let mut lines = match decoded(source) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Kind::Empty),
        lines => lines?,
    };
    let [first, second] = [read_line(&mut lines)?, read_line(&mut lines)?];
    if first.is_empty() {
        return Ok(Kind::Empty);
    }
    let any = match any(&first) {
        Some(any) => any,
        // Torn, but recognisably ours.
        None if !first.ends_with(b"\n") && first.starts_with(BEGINNING) => return Ok(Kind::Empty),
        None => return Ok(Kind::Foreign),
    };
    match any.schema {
        schema if schema == SCHEMA => {}
        schema if schema.starts_with("signal-trace/") => return Ok(Kind::Newer(schema)),
        _ => return Ok(Kind::Foreign),
    }
    let (Some(time), Some(node)) = (any.time, any.node) else { return Ok(Kind::Foreign) };
    let place = |begin: Time| Place { node, begin: begin.into() };
    Ok(match self::any(&second) {
        Some(line) if line.r#type == "input" => Kind::Recording,
        Some(line) => Kind::History(place(line.time.unwrap_or(time))),
        None if second.ends_with(b"\n") => Kind::History(place(time)),
        None => Kind::Begun(place(time)),
    })
}

fn any(line: &[u8]) -> Option<AnyLine> {
    if let Some(Head { time, node, kind, .. }) = Head::read(line) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (r#type, node) = (text(kind), Some(text(node)));
        return Some(AnyLine { schema: SCHEMA.to_owned(), r#type, time: Some(time.time()), node });
    }
    serde_json::from_slice(line).ok()
}

/// A line with its end; what there is of it, if that cannot be read.
fn read_line(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = vec![];
    match lines.take(LONGEST as u64).read_until(b'\n', &mut line) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{filters::Filters, sinks::jsonl::append_line, sinks::sample};

    fn recording() -> String {
        let mut json = vec![];
        append_line(&mut json, &sample::header().line(Filters::default().to_wire()));
        String::from_utf8(json).unwrap()
    }

    fn of(text: &str) -> Kind {
        let plain = peek(text.as_bytes()).unwrap();
        let compressed = zstd::encode_all(text.as_bytes(), 3).unwrap();
        assert_eq!(peek(&compressed[..]).unwrap(), plain, "compressed: {text}");
        plain
    }

    #[test]
    fn a_file_is_known_by_its_first_two_lines() {
        let first = recording();
        let place = |begin: &str| Place {
            node: "n1".to_owned(),
            begin: Stamp::read(begin.as_bytes()).unwrap(),
        };
        let start = "2026-11-24T10:50:55.123456789Z";
        let later = "2026-11-24T11:00:00.000000000Z";
        let input = r#"{"schema":"signal-trace/v1","type":"input","input":{"tick":5}}"#;
        assert_eq!(of(&format!("{first}{input}\n")), Kind::Recording);
        let exit = format!(
            r#"{{"schema":"signal-trace/v1","time":"{later}","node":"n1","seq":9,"type":"exit"}}"#
        );
        assert_eq!(of(&format!("{first}{exit}\n")), Kind::History(place(later)));
        assert_eq!(of(&format!("{first}junk\n")), Kind::History(place(start)));
        assert_eq!(of(&first), Kind::Begun(place(start)));
        assert_eq!(of(&format!("{first}{}", &exit[..20])), Kind::Begun(place(start)));
        // A file whose first line is gone.
        assert_eq!(of(&format!("{exit}\n{exit}\n")), Kind::History(place(later)));
    }

    #[test]
    fn what_is_no_history_is_told_apart() {
        let first = recording();
        assert_eq!(of(""), Kind::Empty);
        assert_eq!(of(&first[..100]), Kind::Empty);
        assert_eq!(of("hello\n"), Kind::Foreign);
        assert_eq!(of("{\"level\":\"info\"}\n"), Kind::Foreign);
        let newer = first.replace("signal-trace/v1", "signal-trace/v2");
        assert_eq!(of(&newer), Kind::Newer("signal-trace/v2".to_owned()));
        assert_eq!(peek(&[0x28, 0xb5, 0x2f, 0xfd][..]).unwrap(), Kind::Empty);
        assert!(peek(&b"\x28\xb5\x2f\xfdand then nonsense"[..]).is_err());
    }
}
