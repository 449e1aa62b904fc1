//! The names of a daemon's files: which files of a folder are history.
//!
//! `signal-trace.jsonl` is being written, `signal-trace-20261124T101530Z.jsonl` and
//! `signal-trace-20261124T101530Z.jsonl.zst` were. What is put before or behind `signal-trace` (the
//! name of a node, say) does no harm, nor does the `.1` of a logrotate(8) from outside.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

const STEM: &str = "signal-trace";
const PLAIN: &str = ".jsonl";
const COMPRESSED: &str = ".zst";

/// Whether a file of this name is history.
pub fn is_history(name: &str) -> bool {
    let name = name.strip_suffix(COMPRESSED).unwrap_or(name);
    let Some((before, number)) = name.rsplit_once(PLAIN) else { return false };
    let number = number.strip_prefix(['.', '-']).map_or(number.is_empty(), |digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    number && !before.starts_with('.') && before.contains(STEM)
}

/// Whether a file of this name may be the one that is being written: it will have another name.
pub fn is_live(name: &str) -> bool {
    let stem = name.strip_suffix(PLAIN);
    is_history(name) && stem.is_some_and(|stem| !stem.split(['-', '.', '_']).any(is_stamp))
}

/// `20261124T101530Z`
fn is_stamp(text: &str) -> bool {
    let like = b"00000000T000000Z";
    text.len() == like.len()
        && text
            .bytes()
            .zip(like)
            .all(|(byte, like)| if *like == b'0' { byte.is_ascii_digit() } else { byte == *like })
}

/// The name of the same file before it was compressed.
pub fn plain(path: &Path) -> PathBuf {
    match path.extension() {
        Some(end) if COMPRESSED[1..] == *end => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// The name that the file gets when it is compressed.
pub fn compressed(path: &Path) -> PathBuf {
    let mut name: OsString = plain(path).into();
    name.push(COMPRESSED);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_known_by_its_name() {
        for (name, history, live) in [
            ("signal-trace.jsonl", true, true),
            ("signal-trace-20261124T101530Z.jsonl", true, false),
            ("signal-trace-20261124T101530Z.jsonl.zst", true, false),
            ("signal-trace-20261124T101530Z_0001.jsonl.zst", true, false),
            ("n1-signal-trace.jsonl", true, true),
            ("n1.signal-trace-20261124T101530Z.jsonl.zst", true, false),
            ("signal-trace-20261124T101530Z.n1.jsonl", true, false),
            ("signal-trace.jsonl.1", true, false),
            ("signal-trace.jsonl-20261124", true, false),
            ("signal-trace.jsonl.2.gz", false, false),
            ("signal-trace-20261124T101530Z.jsonl.zst.tmp", false, false),
            (".signal-trace.jsonl", false, false),
            ("signal-trace.toml", false, false),
            ("other.jsonl", false, false),
            ("", false, false),
        ] {
            assert_eq!((is_history(name), is_live(name)), (history, live), "{name}");
        }
    }

    #[test]
    fn a_file_has_another_name_when_it_is_compressed() {
        let (before, after) = (Path::new("/x/a.jsonl"), Path::new("/x/a.jsonl.zst"));
        for path in [before, after] {
            assert_eq!((plain(path), compressed(path)), (before.into(), after.into()));
        }
    }
}
