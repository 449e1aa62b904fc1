//! A copy of what `crate::outlet` will define, until it is there: then this file and the line that
//! names it go.

use std::sync::Arc;

use crate::sinks::schema::Line;

/// One line and its JSON (with line break), made once for all outlets.
#[derive(Debug)]
pub struct Entry {
    /// The line.
    pub line: Line,
    /// The same as JSON, with a line break.
    pub json: Box<[u8]>,
}

/// Why a batch could not be delivered.
#[derive(Debug)]
pub enum Failure {
    /// May work later: the batch is kept and tried again, with backoff.
    Retry(String),
    /// Never will: the batch is dropped and counted.
    Reject(String),
}

/// The end of an outlet.
pub trait Deliver: Send + 'static {
    /// Delivers all of the batch or nothing of it.
    fn deliver(&mut self, batch: &[Arc<Entry>]) -> impl Future<Output = Result<(), Failure>>;

    /// Reopen after SIGHUP.
    fn reopen(&mut self) {}
}
