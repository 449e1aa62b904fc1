//! Names of rotated files: `signal-trace-20261124T101530Z.jsonl.zst` beside `signal-trace.jsonl`.
//!
//! They sort, as text, as the files were written. The second is that of the rotation; of the second
//! file in the same second (or if the clock was set back) the name goes on with `_0001`. Pure.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// What all names of one sink have in common.
#[derive(Clone, Debug)]
pub struct Names {
    stem: Vec<u8>,
    /// With its dot; empty if there is none.
    extension: Vec<u8>,
}

/// When a file was rotated; the order of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    second: DateTime,
    number: u32,
}

/// What a rotated file is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it was written.
    Plain,
    /// A whole zstd frame.
    Compressed,
    /// That frame, in the making.
    Unfinished,
}

const FORMAT: &str = "%Y%m%dT%H%M%SZ";
const LENGTH: usize = "20261124T101530Z".len();

impl Form {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Compressed => ".zst",
            Self::Unfinished => ".zst.tmp",
        }
    }
}

impl Stamp {
    /// For a file that is rotated `now`, after the `newest` that is there.
    pub fn next(now: Timestamp, newest: Option<Self>) -> Self {
        let now = now.to_zoned(TimeZone::UTC).datetime();
        let second = now.with().subsec_nanosecond(0).build().unwrap_or(now);
        match newest {
            Some(newest) if second <= newest.second => {
                Self { number: newest.number.saturating_add(1), ..newest }
            }
            _ => Self { second, number: 0 },
        }
    }
}

impl Names {
    /// Of the files that are rotated from `path`.
    pub fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| [b".", extension.as_bytes()].concat());
        Self {
            stem: path.file_stem().unwrap_or_default().as_bytes().to_vec(),
            extension: extension.unwrap_or_default(),
        }
    }

    /// The name of one.
    pub fn name(&self, stamp: Stamp, form: Form) -> OsString {
        let Stamp { second, number } = stamp;
        let second = second.strftime(FORMAT).to_string();
        let number = if number > 0 { format!("_{number:04}") } else { String::new() };
        let middle = format!("-{second}{number}");
        OsString::from_vec(
            [&*self.stem, middle.as_bytes(), &self.extension, form.suffix().as_bytes()].concat(),
        )
    }

    /// What a name says; `None` if we did not give it.
    pub fn parse(&self, name: &OsStr) -> Option<(Stamp, Form)> {
        let rest = name.as_bytes().strip_prefix(&*self.stem)?.strip_prefix(b"-")?;
        let (second, mut rest) = rest.split_at_checked(LENGTH)?;
        let second = DateTime::strptime(FORMAT, second).ok()?;
        let mut number = 0;
        if let Some(numbered) = rest.strip_prefix(b"_") {
            let digits = numbered.iter().take_while(|byte| byte.is_ascii_digit()).count();
            number = std::str::from_utf8(&numbered[..digits]).ok()?.parse().ok()?;
            rest = &numbered[digits..];
        }
        let suffix = rest.strip_prefix(&*self.extension)?;
        let forms = [Form::Plain, Form::Compressed, Form::Unfinished];
        let form = forms.into_iter().find(|form| form.suffix().as_bytes() == suffix)?;
        let stamp = Stamp { second, number };
        // Whatever else can be read as the same is not what we write.
        (self.name(stamp, form) == name).then_some((stamp, form))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn names_tell_when_and_sort_as_the_files_were_written() {
        let names = Names::of(Path::new("/var/log/signal-trace.jsonl"));
        let mut newest = None;
        let mut all = Vec::new();
        for now in [
            "2026-11-24T10:15:30.999999999Z",
            "2026-11-24T10:15:30Z",
            // The clock was set back.
            "2025-01-01T00:00:00Z",
            "2026-11-24T10:15:31+00:00",
        ] {
            newest = Some(Stamp::next(at(now), newest));
            all.push(names.name(newest.unwrap(), Form::Plain).into_string().unwrap());
        }
        assert_eq!(
            all,
            [
                "signal-trace-20261124T101530Z.jsonl",
                "signal-trace-20261124T101530Z_0001.jsonl",
                "signal-trace-20261124T101530Z_0002.jsonl",
                "signal-trace-20261124T101531Z.jsonl",
            ]
        );
        assert!(all.is_sorted());
    }

    #[test]
    fn what_was_named_is_known_again() {
        for path in ["a.jsonl", "a", "a.b.c", ".hidden", "caf\u{e9} x.log", "a-20261124T101530Z.x"]
        {
            let names = Names::of(Path::new(path));
            let first = Stamp::next(at("2026-11-24T10:15:30Z"), None);
            for stamp in [first, Stamp::next(at("2026-11-24T10:15:30Z"), Some(first))] {
                for form in [Form::Plain, Form::Compressed, Form::Unfinished] {
                    let name = names.name(stamp, form);
                    assert_eq!(names.parse(&name), Some((stamp, form)), "{}", name.display());
                }
            }
        }
    }

    #[test]
    fn other_names_are_not_ours() {
        let names = Names::of(Path::new("/x/a.jsonl"));
        for name in [
            "a.jsonl",
            "a.jsonl.1",
            "a.jsonl.1.zst",
            "a-20261124T101530Z",
            "a-20261124T101530Z.jsonl.gz",
            "a-20261124T101530Z.jsonl.zst.zst",
            "a-20261124T101530.jsonl",
            "a-20261324T101530Z.jsonl",
            "a-20261124T101530Z_1.jsonl",
            "a-20261124T101530Z_0000.jsonl",
            "a-20261124T101530Z_.jsonl",
            "a-2026112 T101530Z.jsonl",
            "ab-20261124T101530Z.jsonl",
            "a-b-20261124T101530Z.jsonl",
            "a-",
            "",
        ] {
            assert_eq!(names.parse(OsStr::new(name)), None, "{name}");
        }
    }
}
