//! Why lines cannot be written to the file now. All of it may pass: the lines wait.

use std::{io, path::PathBuf};

use crate::private_file::PrivateFileError;

/// Why lines cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be opened, or there is something else of that name.
    #[error(transparent)]
    Private(#[from] PrivateFileError),
    /// Its folder cannot be made.
    #[error(
        "cannot make the folder {}: {source}; make it by hand (and restart signal-trace if it is \
         hardened: it may write only to the folder that it was started with), or set another \
         sinks.file.path",
        path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else writes to it.
    #[error(
        "another process writes to {} (it holds its lock): end that one, or set another \
         sinks.file.path",
        path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Writing failed; nothing of the batch is in the file.
    #[error("cannot write to {}: {source}{}", path.display(), remedy(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is full and cannot be renamed.
    #[error(
        "cannot rotate {} to {}: {source}; allow it, or let it grow with sinks.file.rotate_size = 0",
        from.display(), to.display()
    )]
    Rotate {
        /// The file.
        from: PathBuf,
        /// Its new name.
        to: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The rotated files cannot be seen.
    #[error("cannot list the rotated files in {}: {source}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The oldest rotated file cannot be removed, and there is room for no more.
    #[error(
        "cannot remove {} to keep within sinks.file.max_total: {source}; remove it by hand",
        path.display()
    )]
    Remove {
        /// The rotated file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was removed each time that it was written to.
    #[error("{} is removed again and again: find out who does so", path.display())]
    Removed {
        /// The file.
        path: PathBuf,
    },
}

/// What to do about it, where that is not plain from the error itself.
fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space, or lower sinks.file.max_total"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; remount it for writing, or set another sinks.file.path"
        }
        _ => "",
    }
}
