//! `[sinks.file]`: where to, and how much of it is kept.

use std::{path::PathBuf, time::Duration};

use crate::cli::size::ByteSize;

/// What the operator says of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConfig {
    /// The file that is written to; rotated ones are put beside it.
    pub path: PathBuf,
    /// It is rotated before it gets larger than this; 0 for never. One batch of lines that is larger
    /// has a file of its own.
    pub rotate_size: ByteSize,
    /// It is rotated when a line comes this long after its first one; 0 for never.
    pub rotate_age: Duration,
    /// Rotated files are compressed.
    pub compress: bool,
    /// The oldest rotated files are removed so that all files together are no larger than this, as
    /// their lengths tell; 0 for no limit.
    pub max_total: ByteSize,
}

/// Below this, a file would hold little more than its `recording` line.
const LEAST_ROTATE_SIZE: ByteSize = ByteSize(64 << 10);

impl Default for FileConfig {
    fn default() -> Self {
        Self {
            path: "/var/log/signal-trace/signal-trace.jsonl".into(),
            rotate_size: ByteSize::mib(64),
            rotate_age: Duration::from_secs(24 * 3600),
            compress: true,
            max_total: ByteSize::mib(1024),
        }
    }
}

impl FileConfig {
    /// What cannot work, as a sentence that names the key.
    ///
    /// # Errors
    /// A value by itself, or two together, make no sense.
    pub fn check(&self) -> Result<(), String> {
        let Self { path, rotate_size, rotate_age: _, compress: _, max_total } = self;
        if !path.is_absolute() || path.file_name().is_none() {
            let path = path.display();
            return Err(format!("path: {path} is no absolute path of a file (/var/log/...)"));
        }
        if path.extension().is_some_and(|extension| extension == "zst") {
            return Err("path: ends in .zst, but only rotated files are compressed: name it \
                        .jsonl, and they get .jsonl.zst"
                .to_owned());
        }
        let never = ByteSize(0);
        if *rotate_size != never && *rotate_size < LEAST_ROTATE_SIZE {
            return Err(format!("rotate_size: {rotate_size} is less than {LEAST_ROTATE_SIZE}"));
        }
        if *max_total == never {
            return Ok(());
        }
        if *rotate_size == never {
            return Err(
                "max_total: only rotated files can be removed, so set rotate_size too, or \
                        max_total = 0"
                    .to_owned(),
            );
        }
        if max_total.0 / 2 < rotate_size.0 {
            return Err(format!(
                "max_total: {max_total} is less than two files of rotate_size = {rotate_size}"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_cannot_work_is_refused() {
        let config = |path: &str, rotate_size, max_total| FileConfig {
            path: path.into(),
            rotate_size: ByteSize(rotate_size),
            max_total: ByteSize(max_total),
            ..FileConfig::default()
        };
        for (config, word) in [
            (config("x.jsonl", MIB, 0), "path: x.jsonl is no absolute path"),
            (config("/", MIB, 0), "path: / is no absolute path of a file"),
            (config("/x.jsonl.zst", MIB, 0), "path: ends in .zst"),
            (config("/x", 1024, 0), "rotate_size: 1KiB is less than 64KiB"),
            (config("/x", 0, MIB), "max_total: only rotated files"),
            (config("/x", 64 * MIB, 100 * MIB), "max_total: 100MiB is less than two files"),
        ] {
            let error = config.check().unwrap_err();
            assert!(error.starts_with(word), "{config:?}: {error}");
        }
        for (rotate_size, max_total) in [(0, 0), (MIB, 0), (64 * MIB, 128 * MIB)] {
            assert_eq!(config("/x", rotate_size, max_total).check(), Ok(()));
        }
        assert_eq!(FileConfig::default().check(), Ok(()));
    }
}
