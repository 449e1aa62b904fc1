//! Where outputs go: text for people, JSON lines for programs.
//!
//! A sink renders into a buffer (pure) and writes it (thin).

pub mod echo;
pub mod feed;
pub mod file;
pub mod jsonl;
pub mod otlp;
#[cfg(test)]
pub(crate) mod sample;
pub mod schema;
pub mod stdout;
pub mod text;

use std::io;

use signal_trace_core::output::RecordBody;

use crate::sinks::schema::Line;

/// Takes what a session says, line by line.
///
/// An error of the kind [`io::ErrorKind::BrokenPipe`] means that the reader has gone (`| head`):
/// the caller ends quietly.
pub trait Sink {
    /// Whether a line of it would be of use: making one costs something.
    fn wants(&self, _: &RecordBody) -> bool {
        true
    }

    /// A line; the first one of a session is its `recording` line.
    fn line(&mut self, line: &Line) -> io::Result<()>;

    /// The recording that is replayed breaks off; comes before the `end` line.
    fn cut_short(&mut self, reason: &str) -> io::Result<()>;

    /// Hands everything to whoever reads it.
    fn flush(&mut self) -> io::Result<()>;
}
