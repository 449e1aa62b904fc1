//! Recordings: everything that the engine saw, so that a replay sees the same.

pub mod error;
pub mod format;
pub mod header;
pub mod reader;
#[cfg(test)]
mod tests;
mod workload;
pub mod writer;

pub use self::{error::RecordingError, header::Header, reader::Reader, writer::Writer};
