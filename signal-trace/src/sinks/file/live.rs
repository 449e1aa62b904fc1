//! The file that is written to: only whole lines are ever in it, whatever happens to disk and file.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::{
    error::FileError,
    rotate::written_since,
    tail::{Tail, examine},
};
use crate::private_file::{self, PrivateFileError};

/// A file by which two of them can be told apart while one is open: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(u64, u64);

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// The current file, open.
#[derive(Debug)]
pub struct Live {
    file: Flock<File>,
    path: PathBuf,
    id: FileId,
    /// When its first line was written.
    since: Timestamp,
    /// As many bytes at its end are not to stay there.
    torn: u64,
}

impl Live {
    /// Opens `path`, makes it if it is not there, and its folder (0700) too; ends it with a whole
    /// line. A lock keeps a second daemon off: the two would rotate each other's lines away.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let file = match open(path) {
            Err(PrivateFileError::Open { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                make_folder(path)?;
                open(path)?
            }
            other => other?,
        };
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Err(FileError::Busy { path: path.to_owned() }),
            Err((_, errno)) => return Err(failed(path, errno.into())),
        };
        let of_file = |source| failed(path, source);
        let id = FileId::of(&file.metadata().map_err(of_file)?);
        let since = written_since(&file).map_err(of_file)?;
        let mut live = Self { file, path: path.to_owned(), id, since, torn: 0 };
        live.mend().map_err(of_file)?;
        Ok(live)
    }

    /// Sees to it that it ends with a line break.
    fn mend(&mut self) -> io::Result<()> {
        let path = self.path.display();
        match examine(&self.file)? {
            Tail::Whole => Ok(()),
            Tail::Unended => self.append(b"\n"),
            Tail::Torn(end) => {
                tracing::warn!("{path} ended in half a line, which is cut off: see what killed us");
                self.file.set_len(end)
            }
        }
    }

    /// Which file it is.
    pub const fn id(&self) -> FileId {
        self.id
    }

    /// When its first line was written.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Its first line is about to be written.
    pub const fn begin(&mut self, now: Timestamp) {
        self.since = now;
    }

    /// Its real length, bytes: another one may have emptied it (`copytruncate`).
    pub fn len(&self) -> Result<u64, FileError> {
        let length = self.file.metadata().map(|metadata| metadata.len());
        length.map_err(|source| failed(&self.path, source))
    }

    /// Whether it is still what is found at its path.
    pub fn is_in_place(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|there| FileId::of(&there) == self.id)
    }

    /// Whether it has no name any more: what was written to it is gone.
    pub fn is_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }

    /// Appends whole lines: all of them, or nothing.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.undo()?;
        let mut left = lines;
        while !left.is_empty() {
            let failure = match self.file.write(left) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(length) => {
                    left = &left[length..];
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.torn = (lines.len() - left.len()) as u64;
            // Else it is tried again before anything else is written.
            let _undone = self.undo();
            return Err(failure);
        }
        Ok(())
    }

    /// Cuts off what a failed write has left. Not at an offset that was remembered: the file may have
    /// been emptied meanwhile. Only we append, so it is at the end.
    fn undo(&mut self) -> io::Result<()> {
        if self.torn > 0 {
            let length = self.file.metadata()?.len();
            self.file.set_len(length.saturating_sub(self.torn))?;
            self.torn = 0;
        }
        Ok(())
    }

    /// Ends the writing; what is left to do is to sync it.
    pub fn close(mut self) -> Option<File> {
        if let Err(error) = self.undo() {
            tracing::warn!("half a line stays at the end of {}: {error}", self.path.display());
        }
        self.file.unlock().ok()
    }
}

fn open(path: &Path) -> Result<File, PrivateFileError> {
    private_file::open(path, OpenOptions::new().read(true).append(true).create(true))
}

fn make_folder(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| FileError::Folder { path: folder.to_owned(), source })
}

fn failed(path: &Path, source: io::Error) -> FileError {
    FileError::Write { path: path.to_owned(), source }
}
