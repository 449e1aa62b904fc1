//! What can go wrong with a recording: what failed, on which file, and what to do.

use std::{io, path::PathBuf};

use crate::private_file::PrivateFileError;

/// What can go wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be made.
    #[error("cannot write to {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be opened, or there is something else of that name.
    #[error(transparent)]
    Private(#[from] PrivateFileError),
    /// Writing failed, most likely because the disk is full.
    #[error(
        "cannot go on writing {}: {source}; what was recorded until now can still be read with \
         `signal-trace report`",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading failed in its midst.
    #[error("cannot read {} after line {line}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Last line that could be read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// Nothing is in it.
    #[error(
        "{} is empty: the recording was cut off before its first line, so record again",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error(
        "{} is no recording of signal-trace: its line 1 is not a `recording` line; make one with \
         `signal-trace record -o FILE`",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was made by a newer version.
    #[error(
        "{} line {line} has the schema {schema:?}, and this program reads `signal-trace/v1`: use \
         a newer signal-trace",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// Its schema.
        schema: String,
    },
    /// It holds output only, no inputs.
    #[error(
        "{} holds no inputs: it is the output of `--format jsonl`, and only what \
         `signal-trace record -o FILE` wrote can be replayed",
        path.display()
    )]
    NoInputs {
        /// The file.
        path: PathBuf,
    },
    /// A line cannot be understood.
    #[error(
        "{} line {line} {problem}; the file is damaged, and what comes before that line can be \
         replayed after cutting it there",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// Its first line is ours, and this program cannot use it.
    #[error("{} line 1 {problem}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}
