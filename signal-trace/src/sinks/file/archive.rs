//! The rotated files that are there, in the order in which they were written.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::names::{Form, Names, Stamp};

/// Where the rotated files of one sink are.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The folder.
    pub folder: PathBuf,
    names: Names,
}

/// A rotated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// When it was rotated.
    pub stamp: Stamp,
    /// What it is like.
    pub form: Form,
    /// Its length, bytes.
    pub bytes: u64,
}

impl Archive {
    /// Of the files that are rotated from `path`.
    pub fn of(path: &Path) -> Self {
        let folder = path.parent().unwrap_or_else(|| Path::new("/")).to_owned();
        Self { folder, names: Names::of(path) }
    }

    /// Where one is.
    pub fn path(&self, stamp: Stamp, form: Form) -> PathBuf {
        self.folder.join(self.names.name(stamp, form))
    }

    /// All that are there, the oldest first: regular files of our own pattern.
    pub fn list(&self) -> io::Result<Vec<Rotated>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Some((stamp, form)) = self.names.parse(&entry.file_name()) else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => {
                    all.push(Rotated { stamp, form, bytes: metadata.len() });
                }
                Ok(_) => {}
                // Somebody removed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        all.sort_by_key(|file| (file.stamp, file.form));
        Ok(all)
    }
}
