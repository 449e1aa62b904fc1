//! Whole histories, from their files to what is shown, while the files change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use signal_trace_core::output::Record;

use super::{Outcome, Range, catalogue::Catalogue, name, read};
use crate::{
    filters::Filters,
    question::Question,
    sinks::{
        echo::Echo,
        jsonl::append_line,
        sample::{self, Shared},
        schema::{Line, Time},
    },
};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir()
            .join(format!("signal-trace-history-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn json(line: &Line) -> String {
    let mut json = vec![];
    append_line(&mut json, line);
    String::from_utf8(json).unwrap()
}

fn first() -> String {
    json(&sample::header().line(Filters::default().to_wire()))
}

/// One of every type; `minutes` later than usual.
fn lines(minutes: i64) -> String {
    let line = |record: &Record| {
        let mut line = Line::from_record(record, "n1", false);
        line.time = Time(line.time.0 + minutes * 60_000_000_000);
        json(&line)
    };
    sample::every_record().iter().map(line).collect()
}

fn catalogue(folder: &Path) -> Catalogue {
    Catalogue::of(&[folder.to_owned()], &Range::default())
}

fn show(catalogue: Catalogue) -> (String, Outcome) {
    let out = Shared::default();
    let echo = Echo::json(out.clone());
    let Catalogue { pieces, skipped, .. } = catalogue;
    let question = Question::default();
    let outcome = read(pieces, skipped, &question, echo, &ProgressBar::hidden()).unwrap();
    (String::from_utf8(out.take()).unwrap(), outcome)
}

#[test]
fn a_file_that_is_rotated_or_compressed_while_others_are_read_is_read_once() {
    let folder = Folder::new("rotated");
    let older = folder.with("signal-trace-20261124T110000Z.jsonl", first() + &lines(0));
    let live = folder.with("signal-trace.jsonl", first() + &lines(10));
    let found = catalogue(&folder.0);
    assert_eq!(found.pieces.len(), 2);
    // Both are another file by the time that they are read.
    let compressed = zstd::encode_all(&fs::read(&older).unwrap()[..], 3).unwrap();
    fs::write(name::compressed(&older), compressed).unwrap();
    fs::remove_file(&older).unwrap();
    fs::rename(&live, folder.0.join("signal-trace-20261124T120000Z.jsonl")).unwrap();
    folder.with("signal-trace.jsonl", first());
    let (shown, outcome) = show(found);
    assert!(shown == first() + &lines(0) + &lines(10), "{shown}");
    assert_eq!(outcome.failures, [""; 0]);
}

#[test]
fn a_file_that_is_removed_is_no_failure() {
    let folder = Folder::new("removed");
    let older = folder.with("signal-trace-20261124T110000Z.jsonl", first() + &lines(0));
    folder.with("signal-trace.jsonl", first() + &lines(10));
    let found = catalogue(&folder.0);
    fs::remove_file(older).unwrap();
    let (shown, outcome) = show(found);
    assert!(shown == first() + &lines(10), "{shown}");
    assert_eq!(outcome.failures, [""; 0]);
    assert!(outcome.gaps, "what it held is missing");
}

#[test]
fn a_live_file_that_was_renamed_before_the_second_look_is_read_once() {
    let folder = Folder::new("renamed");
    let live = folder.with("signal-trace.jsonl", first() + &lines(0));
    // As if the rename had come between the two.
    fs::hard_link(&live, folder.0.join("signal-trace-20261124T120000Z.jsonl")).unwrap();
    assert!(show(catalogue(&folder.0)).0 == first() + &lines(0));
}

#[test]
fn lines_that_are_too_long_are_passed_over() {
    let folder = Folder::new("long");
    let long = "x".repeat((16 << 20) + (2 << 20));
    // One with a line break at its end, and one without.
    folder.with("signal-trace.jsonl", first() + &lines(0) + &long + "\n" + &lines(10) + &long);
    let (shown, outcome) = show(catalogue(&folder.0));
    assert!(shown == first() + &lines(0) + &lines(10));
    assert!(outcome.gaps);
}

#[test]
fn whatever_a_file_holds_it_is_no_panic() {
    let whole = first() + &lines(0);
    let folder = Folder::new("garbage");
    // Every byte of a file gone wrong, coarsely; cut at places all over it.
    for step in 0..120 {
        let mut bytes = whole.clone().into_bytes();
        let at = first().len() + step * (bytes.len() - first().len()) / 120;
        match step % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at] = b"\"\\\n{\xff\0"[step / 3 % 6],
            _ => drop(bytes.drain(at..(at + 300).min(whole.len()))),
        }
        folder.with("signal-trace.jsonl", bytes);
        let (shown, _) = show(catalogue(&folder.0));
        assert!(shown.starts_with(&first()), "{step}");
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{step}");
        let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert!(shown.lines().all(is_json), "{step}: {shown}");
    }
}
