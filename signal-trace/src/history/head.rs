//! The head of a line, read off its bytes: every line that this program writes begins alike.
//!
//! `{"schema":"signal-trace/v1","time":"2026-…Z","node":"n1","seq":12,"type":"exit",…`

use memchr::memchr2;

use super::range::Stamp;

/// What stands in the head of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// When.
    pub time: Stamp,
    /// Which node; needs no unescaping.
    pub node: &'a [u8],
    /// The `type`.
    pub kind: &'a [u8],
    /// What follows the type.
    pub rest: &'a [u8],
}

const BEFORE_TIME: &[u8] = br#"{"schema":"signal-trace/v1","time":""#;
const BEFORE_NODE: &[u8] = br#"","node":""#;
const BEFORE_SEQ: &[u8] = br#"","seq":"#;
const BEFORE_TYPE: &[u8] = br#","type":""#;
/// A line of ours begins so, of whatever version.
pub const BEGINNING: &[u8] = br#"{"schema":"signal-trace/"#;

impl<'a> Head<'a> {
    /// Reads it. `None` for a line that is written in another way: that may be one all the same.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(BEFORE_TIME)?;
        let (time, rest) = rest.split_at_checked(Stamp::LENGTH)?;
        let rest = rest.strip_prefix(BEFORE_NODE)?;
        let (node, rest) = rest.split_at(memchr2(b'"', b'\\', rest)?);
        let rest = rest.strip_prefix(BEFORE_SEQ)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let rest = rest[digits..].strip_prefix(BEFORE_TYPE)?;
        let (kind, rest) = rest.split_at(memchr2(b'"', b'\\', rest)?);
        Some(Self { time: Stamp::read(time)?, node, kind, rest: rest.strip_prefix(b"\"")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filters::Filters,
        sinks::{jsonl::append_line, sample, schema::Line},
    };

    #[test]
    fn every_type_of_line_begins_as_expected() {
        let recording = sample::header().line(Filters::default().to_wire());
        let records = sample::every_record();
        let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
        for line in [recording].into_iter().chain(lines) {
            let mut json = vec![];
            append_line(&mut json, &line);
            let head = Head::read(&json).unwrap();
            assert_eq!(head.time, Stamp::from(line.time));
            assert_eq!((head.node, head.kind), (&b"n1"[..], line.body.kind().as_bytes()));
            assert!(head.rest.starts_with(b",") && head.rest.ends_with(b"}\n"));
        }
    }

    #[test]
    fn what_is_torn_or_written_otherwise_has_no_head() {
        let whole = br#"{"schema":"signal-trace/v1","time":"2026-11-24T10:50:55.123456789Z","node":"n","seq":1,"type":"end""#;
        assert!(Head::read(whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(Head::read(&whole[..end]), None, "{end}");
        }
        for other in [
            whole.to_vec().iter().map(|b| if *b == b'n' { b'\\' } else { *b }).collect::<Vec<_>>(),
            br#"{"time":"2026-11-24T10:50:55.123456789Z"}"#.to_vec(),
            b"\xff".repeat(100),
        ] {
            assert_eq!(Head::read(&other), None);
        }
    }
}
