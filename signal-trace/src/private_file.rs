//! Files for their owner only (0600): names of processes can be secrets.
//!
//! A file that is there already is used only if it is a regular file of the same user and no link;
//! anything else, a symbolic link included, is refused, since the tracer runs as root.

use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// There is something else of that name.
    #[error("will not write to {}: it is {what}; name another file or remove it", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// It cannot be opened or made.
    #[error("cannot write to {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Opens `path` as `options` say, as the module says. They must not ask to truncate: first it has to
/// be seen what it is.
pub fn open(path: &Path, options: &OpenOptions) -> Result<File, PrivateFileError> {
    let refuse = |what| PrivateFileError::NotOurs { path: path.to_owned(), what };
    let failed = |source| PrivateFileError::Open { path: path.to_owned(), source };
    let file = options
        .clone()
        .mode(0o600)
        // O_NONBLOCK: a FIFO must not hang us.
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
    if metadata.nlink() > 1 {
        return Err(refuse("a file with several names (hard links)"));
    }
    if metadata.mode() & 0o7777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(file)
}
