//! `max_total`: the oldest rotated files go, so that all files together stay within it.
//!
//! Only it removes files, only rotated ones of our own name pattern, and not even a full disk makes
//! it remove more: what is kept is what the operator said.

use std::{fs, io};

use super::{archive::Rotated, error::FileError, names::Form, tidy::Shared};

/// What is known of the room that rotated files take.
#[derive(Debug, Default)]
pub struct Budget {
    /// All of them together when last looked, bytes; since then they can have become less, by
    /// compression.
    rotated: Option<u64>,
}

impl Budget {
    /// Makes room for a current file of `current` bytes, if necessary; `max_total` 0 is no limit.
    pub fn make_room(
        &mut self,
        shared: &Shared,
        current: u64,
        max_total: u64,
    ) -> Result<(), FileError> {
        if max_total == 0 {
            return Ok(());
        }
        let unfinished = shared.unfinished();
        let others = current.saturating_add(unfinished);
        if self.rotated.is_some_and(|rotated| others.saturating_add(rotated) <= max_total) {
            return Ok(());
        }
        // What is being compressed is not put in place meanwhile.
        let _guard = shared.lock();
        let archive = shared.archive();
        let mut files = archive
            .list()
            .map_err(|source| FileError::List { path: archive.folder.clone(), source })?;
        files.retain(|file| file.form != Form::Unfinished);
        let excess = excess(&files, max_total.saturating_sub(others));
        for file in &files[..excess] {
            let path = archive.path(file.stamp, file.form);
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!("removed {} to keep within max_total", path.display()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FileError::Remove { path, source }),
            }
        }
        self.rotated = Some(files[excess..].iter().map(|file| file.bytes).sum());
        Ok(())
    }

    /// A file of that many bytes was rotated.
    pub fn rotated(&mut self, bytes: u64) {
        self.rotated = self.rotated.map(|rotated| rotated.saturating_add(bytes));
    }
}

/// How many of the `files`, the oldest first, must go so that the others are no larger than `room`.
/// Pure.
fn excess(files: &[Rotated], room: u64) -> usize {
    let mut left = Some(room);
    let fits = |file: &&Rotated| {
        left = left.and_then(|left| left.checked_sub(file.bytes));
        left.is_some()
    };
    files.len() - files.iter().rev().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::{super::names::Stamp, *};

    #[test]
    fn the_oldest_go_until_the_others_fit() {
        let stamp = Stamp::next(jiff::Timestamp::UNIX_EPOCH, None);
        let files = |sizes: &[u64]| {
            let file = |bytes: &u64| Rotated { stamp, form: Form::Plain, bytes: *bytes };
            sizes.iter().map(file).collect::<Vec<_>>()
        };
        for (sizes, room, gone) in [
            (&[][..], 0, 0),
            (&[10, 10, 10], 30, 0),
            (&[10, 10, 10], 29, 1),
            (&[10, 10, 10], 10, 2),
            (&[10, 10, 10], 0, 3),
            // An older file that would fit is not kept in place of a newer one.
            (&[1, 100, 10], 50, 2),
            (&[u64::MAX, u64::MAX], u64::MAX, 1),
        ] {
            assert_eq!(excess(&files(sizes), room), gone, "{sizes:?} {room}");
        }
    }
}
