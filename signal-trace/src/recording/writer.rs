//! Writes a recording: the `recording` line, every input, and between them what was derived.
//!
//! The file is for its owner only (0600): names of processes can be secrets. A file that is there
//! already is overwritten only if it is a regular file of the same user and no link; anything
//! else, a symbolic link included, is refused, since the tracer runs as root.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use signal_trace_core::input::Input;
use zstd::Encoder;

use super::{RecordingError, format::WireInput, header::Header};
use crate::sinks::{
    jsonl::append_line,
    schema::{Filters, Line, SCHEMA},
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

/// Opens `path` for writing as the module says; also for reports.
pub fn create_private(path: &Path) -> Result<File, RecordingError> {
    let refuse = |what| RecordingError::NotOurs { path: path.to_owned(), what };
    let failed = |source| RecordingError::Create { path: path.to_owned(), source };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        // Not `truncate`: first see what it is. O_NONBLOCK: a FIFO must not hang us.
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .map_err(|source| match source.raw_os_error() {
            Some(libc::ELOOP) => refuse("a symbolic link"),
            Some(libc::ENXIO) => refuse("a pipe or device"),
            Some(libc::EISDIR) => refuse("a directory"),
            _ => failed(source),
        })?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(refuse("no regular file"));
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(refuse("a file of another user"));
    }
    if metadata.nlink() != 1 {
        return Err(refuse("a file with several names (hard links)"));
    }
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    file.set_len(0).map_err(failed)?;
    Ok(file)
}
