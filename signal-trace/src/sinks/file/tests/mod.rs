//! The sink in real folders: what is in the files is what was delivered.

mod appending;
mod disk;
mod outside;
mod rotation;
mod total;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use signal_trace_core::{
    config::Config,
    time::{BootNs, ClockAnchor},
};

use super::{FileConfig, FileSink, archive::Archive, names::Form};
use crate::outlet::Entry;
use crate::{
    cli::size::ByteSize,
    recording::Header,
    sinks::{
        sample,
        schema::{Filters, Line},
    },
};

/// A folder, and a sink in it.
pub struct World {
    pub folder: PathBuf,
    pub config: FileConfig,
    pub sink: FileSink,
    pub now: Timestamp,
}

impl World {
    /// With a file that is never rotated, unless `config` says otherwise.
    pub fn new(config: impl FnOnce(&mut FileConfig)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("st-file-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        let mut of_sink = FileConfig {
            path: folder.join("st.jsonl"),
            rotate_size: ByteSize(0),
            rotate_age: Duration::ZERO,
            compress: false,
            max_total: ByteSize(0),
        };
        config(&mut of_sink);
        let sink = FileSink::unchecked(of_sink.clone());
        let now = "2026-11-24T10:15:30Z".parse().unwrap();
        Self { folder, config: of_sink, sink, now }
    }

    /// Where the sink writes.
    pub fn path(&self) -> &Path {
        &self.config.path
    }

    /// Delivers a batch; the error, as the outlet gets it.
    pub fn write(&mut self, batch: &[Arc<Entry>]) -> Result<(), String> {
        self.sink.write(batch, self.now).map_err(|error| error.to_string())
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// As if the daemon had ended in order, and was started again.
    pub fn restart(&mut self) {
        self.sink = FileSink::unchecked(self.config.clone());
    }

    /// Waits until the thread behind it has done all.
    pub fn settle(&mut self) {
        if let Some(tidier) = self.sink.tidier.take() {
            tidier.settle();
        }
    }

    /// The rotated files and the current one, in order, as text.
    pub fn files(&self) -> Vec<String> {
        let archive = Archive::of(self.path());
        let rotated = archive.list().unwrap().into_iter().map(|file| {
            let bytes = fs::read(archive.path(file.stamp, file.form)).unwrap();
            match file.form {
                Form::Plain => bytes,
                Form::Compressed => zstd::decode_all(&*bytes).unwrap(),
                Form::Unfinished => panic!("half a file"),
            }
        });
        rotated
            .chain(fs::read(self.path()).ok())
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect()
    }

    /// What a reader gets: every line must be whole, each file begin with its session, and where a
    /// session goes on in another file, that line is there again.
    pub fn lines(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut session = String::new();
        for file in self.files().iter().filter(|file| !file.is_empty()) {
            assert!(file.ends_with('\n'), "torn: {file}");
            let mut first = true;
            for line in file.lines() {
                let value: Value = serde_json::from_str(line).expect(line);
                let begins = value["type"] == "recording";
                assert!(begins || !first, "a file that begins with {line}");
                if !(first && session == line) {
                    all.push(line.to_owned());
                }
                if begins {
                    line.clone_into(&mut session);
                }
                first = false;
            }
        }
        all
    }

    /// Names and lengths of all that is in the folder.
    pub fn listing(&self) -> BTreeMap<String, u64> {
        let entries = fs::read_dir(&self.folder).unwrap().map(Result::unwrap);
        // What is removed just now is not there any more.
        let length = |entry: fs::DirEntry| {
            Some((entry.file_name().into_string().unwrap(), entry.metadata().ok()?.len()))
        };
        entries.filter_map(length).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.folder);
    }
}

/// A line and its JSON.
pub fn entry(line: &Line) -> Arc<Entry> {
    Arc::new(Entry::new(line))
}

/// The first line of a session that is called by a number.
pub fn session(number: i64) -> Arc<Entry> {
    let clock = ClockAnchor { boot: BootNs(1), wall_ns: number };
    let text = String::from;
    let header = Header::new(text("n1"), text("6.1"), text("b"), clock, Config::new());
    entry(&header.line(Filters::default()))
}

/// Lines that are told apart by their number: of every type, from 300 bytes to 8 KiB.
pub fn batch(numbers: std::ops::Range<u64>) -> Vec<Arc<Entry>> {
    let records = sample::every_record();
    let line = |number: u64| {
        let at = usize::try_from(number).unwrap() % records.len();
        Line { seq: number, ..Line::from_record(&records[at], "n1", false) }
    };
    numbers.map(|number| entry(&line(number))).collect()
}

/// The lines of batches, as text.
pub fn text<'a>(entries: impl IntoIterator<Item = &'a Arc<Entry>>) -> Vec<String> {
    let one = |entry: &Arc<Entry>| String::from_utf8_lossy(&entry.json).trim_end().to_owned();
    entries.into_iter().map(one).collect()
}
