//! `[sinks.file]`: where to, and how much of it is kept.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::cli::{size::ByteSize, value};

/// What the operator says of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// The file that is written to; rotated ones are put beside it.
    pub path: PathBuf,
    /// It is rotated before it gets larger than this; 0 for never. One batch of lines that is larger
    /// has a file of its own.
    pub rotate_size: ByteSize,
    /// It is rotated when a line comes this long after its first one; 0 for never.
    #[serde(deserialize_with = "duration")]
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

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    value::duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> FileConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn it_reads_as_documented_and_defaults_hold() {
        assert_eq!(read(""), FileConfig::default());
        assert_eq!(FileConfig::default().check(), Ok(()));
        let text = r#"path = "/x/y.log"
            rotate_size = "1MiB"
            rotate_age = "1h30m"
            compress = false
            max_total = 4194304"#;
        let config = read(text);
        let expected = FileConfig {
            path: "/x/y.log".into(),
            rotate_size: ByteSize::mib(1),
            rotate_age: Duration::from_secs(90 * 60),
            compress: false,
            max_total: ByteSize::mib(4),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, word) in [
            ("rotate_age = \"soon\"", "write a duration as"),
            ("rotate_age = 5", "expected a string"),
            ("rotate_size = \"64M\"", "did you mean 64MiB?"),
            ("rotat_size = 1", "unknown field `rotat_size`"),
        ] {
            let error = toml::from_str::<FileConfig>(text).unwrap_err();
            assert!(error.message().contains(word), "{error}");
            assert!(error.span().is_some(), "{error}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (text, word) in [
            ("path = \"x.jsonl\"", "path: x.jsonl is no absolute path"),
            ("path = \"/\"", "path: / is no absolute path of a file"),
            ("path = \"/x.jsonl.zst\"", "path: ends in .zst"),
            ("rotate_size = \"1KiB\"", "rotate_size: 1KiB is less than 64KiB"),
            ("rotate_size = 0", "max_total: only rotated files"),
            ("max_total = \"100MiB\"", "max_total: 100MiB is less than two files"),
        ] {
            let error = read(text).check().unwrap_err();
            assert!(error.starts_with(word), "{text}: {error}");
        }
        for text in ["rotate_size = 0\nmax_total = 0", "max_total = 0", "max_total = \"128MiB\""] {
            assert_eq!(read(text).check(), Ok(()), "{text}");
        }
    }
}
