//! State files: read with a bound, away from the sources' thread, since a disk can hang.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::de::DeserializeOwned;
use tokio::{task::spawn_blocking, time::timeout};

use super::{Failure, http};

/// A state file is some 30 KiB.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Runs `look`, which reads files, with the deadline that sockets have too. A thread that hangs is
/// left behind; the backoff of the source keeps them few.
pub(super) async fn look<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match timeout(http::DEADLINE, spawn_blocking(look)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(Failure::Broken(format!("reading failed: {error}"))),
        Err(_elapsed) => Err(Failure::Broken(format!(
            "the files cannot be read within {} s",
            http::DEADLINE.as_secs()
        ))),
    }
}

/// The file's contents; `None` if there is no such file.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Failure> {
    read_bounded(path, most)
        .map_err(|error| Failure::Broken(format!("cannot read {}: {error}", path.display())))
}

fn read_bounded(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    // O_NONBLOCK: what is no file (a FIFO) must not hold us up.
    let file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it is longer than {} MiB", most >> 20)));
    }
    Ok(Some(text))
}

/// Reads JSON. A file that is half written or damaged is one container's matter, not a fault of the
/// source: it tells nothing, and is looked at again if the container is still not known.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let read = read(path, MOST_BYTES).and_then(|text| text.as_deref().map(http::json).transpose());
    read.unwrap_or_else(|failure| {
        tracing::debug!("{}: {failure}", path.display());
        None
    })
}

/// Whether there is nothing of that name.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether there is such a folder, as far as that can be told.
pub(super) fn is_folder(path: &Path) -> bool {
    path.metadata().is_ok_and(|entry| entry.is_dir())
}
