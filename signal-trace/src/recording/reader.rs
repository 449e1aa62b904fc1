//! Reads a recording back, compressed or not, as far as it goes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use signal_trace_core::input::Input;

use super::{RecordingError, format::WireInput, header::Header};
use crate::sinks::schema::{Recording, SCHEMA};

/// A recording that is being read; as an iterator it gives the inputs.
///
/// Contract lines are passed over: they are derived again. So are types of line that this version
/// does not know, as the contract asks. Where a recording breaks off (the machine went down, the
/// disk was full), the iterator ends and [`Reader::cut_short`] says so.
pub struct Reader {
    path: PathBuf,
    lines: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    header: Header,
    inputs: u64,
    ended: bool,
    done: bool,
}

/// What is looked at in every line.
#[derive(Deserialize)]
struct AnyLine {
    schema: Option<String>,
    r#type: Option<String>,
    input: Option<WireInput>,
}

#[derive(Deserialize)]
struct FirstLine {
    node: String,
    #[serde(flatten)]
    recording: Recording,
}

/// What is looked at in the first line before the rest, which is that of the build that it names.
#[derive(Deserialize)]
struct Made {
    version: String,
    abi: u32,
}

/// Start of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Longer than any line can be: a foreign file without line breaks must not fill the memory.
const MAX_LINE: u64 = 64 << 20;

impl Reader {
    /// Opens a recording and reads its first line.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        Self::new(path, file)
    }

    /// From anything that can be read; `path` is for messages.
    pub fn new(path: &Path, source: impl Read + 'static) -> Result<Self, RecordingError> {
        let path = path.to_owned();
        let mut source = BufReader::new(source);
        let failed = |source| RecordingError::Open { path: path.clone(), source };
        let compressed = starts_with_magic(&mut source).map_err(failed)?;
        let mut lines: Box<dyn BufRead> = if compressed {
            Box::new(BufReader::new(zstd::Decoder::with_buffer(source).map_err(failed)?))
        } else {
            Box::new(source)
        };
        let mut line = vec![];
        let whole = match read_line(&mut lines, &mut line) {
            Ok(whole) if !line.is_empty() => whole,
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(failed(error));
            }
            _ => return Err(RecordingError::Empty { path }),
        };
        let header = first_line(&path, &line, whole)?;
        Ok(Self { path, lines, line, number: 1, header, inputs: 0, ended: false, done: false })
    }

    /// What the session was told.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// After the last input: why the recording is not whole, if it is not.
    pub fn cut_short(&self) -> Option<String> {
        (!self.ended).then(|| {
            format!(
                "{} breaks off after line {}: it was not ended in order",
                self.path.display(),
                self.number
            )
        })
    }

    fn read(&mut self) -> Result<Option<Input>, RecordingError> {
        loop {
            let whole = match read_line(&mut self.lines, &mut self.line) {
                Ok(whole) => whole,
                // The end of a compressed file that was cut off.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(source) => {
                    let (path, line) = (self.path.clone(), self.number);
                    return Err(RecordingError::Read { path, line, source });
                }
            };
            if self.line.is_empty() {
                return if self.inputs == 0 && self.number > 1 {
                    Err(RecordingError::NoInputs { path: self.path.clone() })
                } else {
                    Ok(None)
                };
            }
            let line = match serde_json::from_slice::<AnyLine>(&self.line) {
                Ok(line) => line,
                // The last line, torn.
                Err(_) if !whole => return Ok(None),
                Err(error) => return Err(self.corrupt(describe(&error))),
            };
            check_schema(&self.path, self.number + 1, line.schema)?;
            if line.r#type.as_deref() != Some("input") {
                self.number += 1;
                continue;
            }
            let input = line.input.ok_or_else(|| self.corrupt("has no input in it".to_owned()))?;
            let input = input.into_input().map_err(|problem| self.corrupt(problem))?;
            self.number += 1;
            self.inputs += 1;
            self.ended |= matches!(input, Input::End(_));
            return Ok(Some(input));
        }
    }

    /// An error about the line after the last good one.
    fn corrupt(&self, problem: String) -> RecordingError {
        RecordingError::Corrupt { path: self.path.clone(), line: self.number + 1, problem }
    }
}

impl Iterator for Reader {
    type Item = Result<Input, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read().transpose();
        self.done = !matches!(read, Some(Ok(_)));
        read
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .field("line", &self.number)
            .finish_non_exhaustive()
    }
}

fn starts_with_magic(source: &mut impl BufRead) -> io::Result<bool> {
    // One call fills the buffer with at least the magic, if the file has it.
    Ok(source.fill_buf()?.starts_with(&ZSTD_MAGIC))
}

/// Reads one line with its end into `line`; empty at the end of the file. False if the line break
/// is missing.
fn read_line(lines: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    lines.take(MAX_LINE).read_until(b'\n', line)?;
    Ok(line.ends_with(b"\n"))
}

fn first_line(path: &Path, line: &[u8], whole: bool) -> Result<Header, RecordingError> {
    let path = path.to_owned();
    let Ok(any) = serde_json::from_slice::<AnyLine>(line) else {
        // Torn, but recognisably ours?
        let ours = !whole && line.starts_with(b"{\"schema\":\"signal-trace/");
        return Err(if ours {
            RecordingError::Empty { path }
        } else {
            RecordingError::Foreign { path }
        });
    };
    if !any.schema.as_deref().is_some_and(|schema| schema.starts_with("signal-trace/")) {
        return Err(RecordingError::Foreign { path });
    }
    check_schema(&path, 1, any.schema)?;
    if any.r#type.as_deref() != Some("recording") {
        return Err(RecordingError::Foreign { path });
    }
    if let Ok(Made { version, abi }) = serde_json::from_slice(line) {
        let checked = Header::check_abi(&version, abi);
        checked.map_err(|problem| RecordingError::Header { path: path.clone(), problem })?;
    }
    let FirstLine { node, recording } = serde_json::from_slice(line).map_err(|error| {
        RecordingError::Corrupt { path: path.clone(), line: 1, problem: describe(&error) }
    })?;
    Header::from_wire(node, recording).map_err(|problem| RecordingError::Header { path, problem })
}

fn check_schema(path: &Path, line: u64, schema: Option<String>) -> Result<(), RecordingError> {
    let path = path.to_owned();
    match schema {
        Some(schema) if schema == SCHEMA => Ok(()),
        Some(schema) if schema.starts_with("signal-trace/") => {
            Err(RecordingError::Newer { path, line, schema })
        }
        _ => {
            let problem = "is no line of signal-trace".to_owned();
            Err(RecordingError::Corrupt { path, line, problem })
        }
    }
}

/// Without serde's position: a file has one object a line, and its line number is ours.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    format!("cannot be understood ({text}, column {})", error.column())
}
