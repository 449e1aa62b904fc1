//! Writes a recording: the `recording` line, every input, and between them what was derived.
//!
//! The file is for its owner only, and one that is there already is overwritten only if it is such a
//! file too ([`private_file`]).

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use signal_trace_core::input::Input;
use zstd::Encoder;

use super::{RecordingError, format::WireInput, header::Header};
use crate::{
    private_file,
    sinks::{
        jsonl::append_line,
        schema::{Filters, Line, SCHEMA},
    },
};

/// A recording that is being written.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    out: Out,
    line: Vec<u8>,
}

#[derive(Debug)]
enum Out {
    Plain(BufWriter<File>),
    Zstd(ZstdOut),
}

/// Ends the compressed stream even if the session fails, so that what is there can be read.
struct ZstdOut(Encoder<'static, BufWriter<File>>);

#[derive(Serialize)]
struct InputLine {
    schema: &'static str,
    r#type: &'static str,
    input: WireInput,
}

impl Writer {
    /// Makes the file; it is compressed if its name ends in `.zst`.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let file = BufWriter::new(create_private(path)?);
        let out = if path.extension().is_some_and(|extension| extension == "zst") {
            let encoder = Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)
                .map_err(|source| RecordingError::Create { path: path.to_owned(), source })?;
            Out::Zstd(ZstdOut(encoder))
        } else {
            Out::Plain(file)
        };
        Ok(Self { path: path.to_owned(), out, line: vec![] })
    }

    /// Writes the first line.
    pub fn header(&mut self, header: &Header) -> Result<(), RecordingError> {
        self.write(&header.line(Filters::default()))
    }

    /// Writes an input of the engine, before the engine gets it.
    pub fn input(&mut self, input: &Input) -> Result<(), RecordingError> {
        self.write(&InputLine { schema: SCHEMA, r#type: "input", input: input.into() })
    }

    /// Writes what the engine said.
    pub fn line(&mut self, line: &Line) -> Result<(), RecordingError> {
        self.write(line)
    }

    /// Hands everything to the kernel: a reader of the file finds it.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        let flushed = match &mut self.out {
            Out::Plain(out) => out.flush(),
            Out::Zstd(out) => out.0.flush(),
        };
        flushed.map_err(|source| self.failed(source))
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        let finished = match &mut self.out {
            Out::Plain(out) => out.flush(),
            Out::Zstd(out) => out.finish(),
        };
        finished.map_err(|source| self.failed(source))
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), RecordingError> {
        self.line.clear();
        append_line(&mut self.line, line);
        let written = match &mut self.out {
            Out::Plain(out) => out.write_all(&self.line),
            Out::Zstd(out) => out.0.write_all(&self.line),
        };
        written.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> RecordingError {
        RecordingError::Write { path: self.path.clone(), source }
    }
}

impl ZstdOut {
    fn finish(&mut self) -> io::Result<()> {
        self.0.do_finish()?;
        self.0.flush()
    }
}

impl Drop for ZstdOut {
    fn drop(&mut self) {
        // After an error there is nobody left to tell; after `finish` this does nothing.
        drop(self.finish());
    }
}

impl std::fmt::Debug for ZstdOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ZstdOut")
    }
}

/// Opens `path` for writing as the module says, and empties it; also for reports.
pub fn create_private(path: &Path) -> Result<File, RecordingError> {
    let mut options = OpenOptions::new();
    let file = private_file::open(path, options.write(true).create(true).truncate(false))?;
    file.set_len(0).map_err(|source| RecordingError::Create { path: path.to_owned(), source })?;
    Ok(file)
}
