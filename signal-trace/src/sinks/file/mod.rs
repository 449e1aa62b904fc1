//! Lines into a file that is rotated, compressed, and bounded: a node's own history.
//!
//! Each file begins with the `recording` line of its session, so that it can be read by itself: where
//! a session goes on in a new file (rotated, moved away, emptied), that line is there again. A reader
//! of several files in the order of their names has every line once but for those.
//!
//! Rotated files are beside the file, as [`names`] says. A program that rotates by itself (`logrotate`)
//! may move the file away or empty it at any time. What an error says is tried again, so everything
//! that can be mended outside (space, mounts, permissions) is recovered from.
//!
//! A batch is written at once and is with the kernel then: `kill -9` takes nothing of it back, a power
//! cut may. It is synced when the file is rotated, and at the end.

mod archive;
mod budget;
mod compress;
mod config;
mod error;
mod live;
mod names;
mod rotate;
mod tail;
#[cfg(test)]
mod tests;
mod tidy;

use std::{fs, sync::Arc};

use jiff::Timestamp;

pub use self::config::FileConfig;
use self::{
    archive::Archive,
    budget::Budget,
    error::FileError,
    live::{FileId, Live},
    names::{Form, Stamp},
    tidy::{Shared, Tidier},
};
use crate::{
    capture::clock,
    outlet::{Deliver, Entry, Failure},
};

/// Memory for a batch that is kept for the next one, bytes.
const KEPT_BUFFER: usize = 1 << 20;
/// A file can be removed while it is written to; who does so three times in a row means it.
const ATTEMPTS: usize = 3;

/// Writes lines to a file.
#[derive(Debug)]
pub struct FileSink {
    config: FileConfig,
    live: Option<Live>,
    /// The file that the `recording` line of this session was last written to.
    begun: Option<FileId>,
    recording: Option<Arc<Entry>>,
    budget: Budget,
    buffer: Vec<u8>,
    shared: Arc<Shared>,
    tidier: Option<Tidier>,
}

impl FileSink {
    /// Opens nothing yet: a file that cannot be opened is tried again with each batch.
    ///
    /// # Errors
    /// [`FileConfig::check`].
    pub fn new(config: FileConfig) -> Result<Self, String> {
        config.check()?;
        Ok(Self::unchecked(config))
    }

    fn unchecked(config: FileConfig) -> Self {
        let shared = Arc::new(Shared::new(Archive::of(&config.path)));
        let (buffer, budget) = (Vec::new(), Budget::default());
        Self {
            config,
            live: None,
            begun: None,
            recording: None,
            budget,
            buffer,
            shared,
            tidier: None,
        }
    }

    /// The `recording` line of a session that has begun already: a file that is opened anew begins
    /// with it. Else it is the first one that is delivered.
    pub fn begin_with(&mut self, recording: Arc<Entry>) {
        self.recording = Some(recording);
    }

    /// Writes the batch, or nothing of it.
    fn write(&mut self, batch: &[Arc<Entry>], now: Timestamp) -> Result<(), FileError> {
        let Some(first) = batch.first() else { return Ok(()) };
        let mut sessions = batch.iter().filter(|entry| is_recording(entry));
        if self.recording.is_none() {
            self.recording = sessions.clone().next().cloned();
        }
        let adding: u64 = batch.iter().map(|entry| entry.json.len() as u64).sum();
        for _ in 0..ATTEMPTS {
            let mut live = self.ready(adding, now)?;
            let written = self.write_to(&mut live, first, batch, now);
            let (id, removed) = (live.id(), live.is_removed());
            self.live = Some(live);
            written?;
            if !removed {
                self.begun = Some(id);
                self.recording = sessions.next_back().or(self.recording.as_ref()).cloned();
                self.buffer.shrink_to(KEPT_BUFFER);
                return Ok(());
            }
        }
        Err(FileError::Removed { path: self.config.path.clone() })
    }

    /// The file in its place, with room for `adding` bytes.
    fn ready(&mut self, adding: u64, now: Timestamp) -> Result<Live, FileError> {
        if self.live.as_ref().is_some_and(|live| !live.is_in_place()) {
            self.close();
        }
        let live = match self.live.take() {
            Some(live) => live,
            None => self.open()?,
        };
        let length = live.len()?;
        if rotate::is_due(&self.config, length, live.since(), adding, now) {
            return self.rotate(live, length, now);
        }
        Ok(live)
    }

    fn open(&mut self) -> Result<Live, FileError> {
        let live = Live::open(&self.config.path)?;
        if self.tidier.is_none() {
            match Tidier::start(&self.shared, self.config.compress) {
                Ok(tidier) => self.tidier = Some(tidier),
                // Tried again when the next file is opened.
                Err(error) => tracing::warn!("rotated files are not compressed: {error}"),
            }
        }
        Ok(live)
    }

    /// Gives the file its rotated name, and makes a new one.
    fn rotate(&mut self, live: Live, length: u64, now: Timestamp) -> Result<Live, FileError> {
        let renamed = self.rename(now);
        // If it failed, it stays open, and is in its place still.
        self.live = Some(live);
        renamed?;
        self.budget.rotated(length);
        self.close();
        self.open()
    }

    fn rename(&self, now: Timestamp) -> Result<(), FileError> {
        let archive = self.shared.archive();
        let files = archive
            .list()
            .map_err(|source| FileError::List { path: archive.folder.clone(), source })?;
        let stamp = Stamp::next(now, files.last().map(|newest| newest.stamp));
        let (from, to) = (&self.config.path, archive.path(stamp, Form::Plain));
        fs::rename(from, &to).map_err(|source| FileError::Rotate { from: from.clone(), to, source })
    }

    fn write_to(
        &mut self,
        live: &mut Live,
        first: &Entry,
        batch: &[Arc<Entry>],
        now: Timestamp,
    ) -> Result<(), FileError> {
        let length = live.len()?;
        self.buffer.clear();
        let starts_anew = length == 0 || self.begun != Some(live.id());
        if let Some(recording) = &self.recording
            && starts_anew
            && !is_recording(first)
        {
            self.buffer.extend_from_slice(&recording.json);
        }
        self.buffer.extend(batch.iter().flat_map(|entry| &entry.json));
        let length_then = length.saturating_add(self.buffer.len() as u64);
        self.budget.make_room(&self.shared, length_then, self.config.max_total.0)?;
        if length == 0 {
            live.begin(now);
        }
        let path = &self.config.path;
        live.append(&self.buffer).map_err(|source| FileError::Write { path: path.clone(), source })
    }

    /// Closes the file; it is synced by and by.
    fn close(&mut self) {
        if let Some(file) = self.live.take().and_then(Live::close)
            && let Some(tidier) = &self.tidier
        {
            tidier.sync(file);
        }
    }
}

impl Deliver for FileSink {
    async fn deliver(&mut self, batch: &[Arc<Entry>]) -> Result<(), Failure> {
        let now = Timestamp::from_nanosecond(clock::anchor().wall_ns.into()).unwrap_or_default();
        self.write(batch, now).map_err(|error| Failure::Retry(error.to_string()))
    }

    fn reopen(&mut self) {
        self.close();
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        if let Some(file) = self.live.take().and_then(Live::close)
            && let Err(error) = file.sync_all()
        {
            tracing::warn!("cannot sync {}: {error}", self.config.path.display());
        }
    }
}

fn is_recording(entry: &Entry) -> bool {
    entry.begins()
}
