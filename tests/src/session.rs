//! One run of `signal-trace record`, from the line that says it is ready to its clean end.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{clock::Deadline, folder::Folder, lines::Lines, programs, schema};

/// Generous: two busy cores load nine programs in well under a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it printed so far.
#[derive(Debug, Default)]
struct Feed {
    printed: Mutex<Printed>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Printed {
    text: Vec<String>,
    /// The same; null where it is no JSON.
    lines: Vec<Value>,
    /// There will be no more.
    ended: bool,
}

/// A running `signal-trace record` of the whole node.
#[derive(Debug)]
pub struct Session {
    child: Child,
    feed: Arc<Feed>,
    reader: Option<JoinHandle<()>>,
    folder: Folder,
    file: PathBuf,
}

/// What a session left behind.
#[derive(Debug)]
pub struct Recorded {
    /// What it printed, each line checked against the schema.
    pub lines: Lines,
    /// The same, as text.
    pub printed: Vec<String>,
    /// What `-o` kept.
    pub file: PathBuf,
    /// Where `file` is, and where there is room for more.
    pub folder: Folder,
}

impl Session {
    /// Starts it, with further arguments, and waits until nothing is missed any more.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with("recording.jsonl", arguments)
    }

    /// The same, with a name for the recording: it decides whether that is compressed.
    pub fn start_with(name: &str, arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let file = folder.file(name);
        let errors = File::create(folder.file("stderr")).expect("the folder is ours");
        let mut child = Command::new(programs::signal_trace())
            .args(["record", "--format", "jsonl", "-o"])
            .arg(&file)
            .args(arguments)
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("signal-trace can be started");
        let feed = Arc::new(Feed::default());
        let stdout = child.stdout.take().expect("it is piped");
        let reader = std::thread::spawn({
            let feed = Arc::clone(&feed);
            move || {
                for line in BufReader::new(stdout).lines() {
                    let line = line.expect("signal-trace prints UTF-8");
                    let mut printed = feed.printed.lock().expect("no reader panicked");
                    printed.lines.push(serde_json::from_str(&line).unwrap_or_default());
                    printed.text.push(line);
                    feed.more.notify_all();
                }
                feed.printed.lock().expect("no reader panicked").ended = true;
                feed.more.notify_all();
            }
        });
        let session = Self { child, feed, reader: Some(reader), folder, file };
        session.wait_for("the `recording` line", |line| line["type"] == "recording");
        session
    }

    /// Waits for a line that `wanted` accepts, among those that came already too.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_at_most(PATIENCE, what, wanted)
    }

    /// The same, with another patience.
    pub fn wait_at_most(
        &self,
        patience: Duration,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Deadline::after(patience);
        let mut seen = 0;
        let mut feed = self.feed.printed.lock().expect("the reader did not panic");
        loop {
            for (line, text) in feed.lines.iter().zip(&feed.text).skip(seen) {
                assert!(!line.is_null(), "signal-trace printed no JSON: {text}");
                if wanted(line) {
                    return line.clone();
                }
            }
            seen = feed.lines.len();
            assert!(!feed.ended, "signal-trace ended before {what}\n{}", self.errors());
            assert!(!deadline.passed(), "no sign of {what} in {patience:?}\n{}", self.errors());
            feed = self.feed.more.wait_timeout(feed, deadline.left()).expect("as above").0;
        }
    }

    /// Waits until a process is reported as ended by a shutdown.
    pub fn wait_for_shutdown(&self, pid: i32) -> Value {
        self.wait_for(&format!("the end of process {pid} in a shutdown"), |line| {
            is_end_of(line, pid)
        })
    }

    /// Waits until a manager has told of this container id or unit: names come by and by, and what
    /// ends before has none. Not for ever, as below.
    pub fn wait_until_told(&self, name: &str) {
        wait_until_told(&self.file, name);
    }

    /// The recording, which grows.
    pub fn recording(&self) -> &Path {
        &self.file
    }

    /// Waits until these processes are reported as ended by a shutdown; not for ever: what is
    /// missing is for the caller to tell, with all else that is wrong.
    pub fn wait_for_shutdowns(&self, pids: &[i32]) {
        Deadline::after(PATIENCE / 2)
            .until_or_not(|| pids.iter().all(|pid| self.has(|line| is_end_of(line, *pid))));
    }

    /// The pid of signal-trace.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    /// Whether there is such a line yet.
    pub fn has(&self, wanted: impl Fn(&Value) -> bool) -> bool {
        let feed = self.feed.printed.lock().expect("the reader did not panic");
        feed.lines.iter().any(wanted)
    }

    /// Ends it as Ctrl-C does, and checks all that it printed.
    pub fn finish(self) -> Recorded {
        self.finish_with(0)
    }

    /// The same, with the exit code that it must have.
    pub fn finish_with(mut self, code: i32) -> Recorded {
        kill(self.pid(), Signal::SIGINT).expect("it runs: it is not reaped yet");
        let mut status = None;
        Deadline::after(PATIENCE).until("signal-trace to end at SIGINT", || {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        let status = status.expect("waited for");
        let as_expected = status.code() == Some(code);
        assert!(as_expected, "signal-trace record: {status} at SIGINT\n{}", self.complaints());
        self.reader.take().expect("taken once").join().expect("the reader did not panic");
        let printed = std::mem::take(&mut self.feed.printed.lock().expect("as above").text);
        let folder = std::mem::take(&mut self.folder);
        let file = std::mem::take(&mut self.file);
        Recorded { lines: Lines::new(schema::checked(&printed)), printed, file, folder }
    }

    /// What it wrote to its standard error.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.file("stderr")).unwrap_or_default()
    }

    /// What it wrote to its standard error, and why it may be inconclusive.
    fn complaints(&self) -> String {
        let feed = self.feed.printed.lock().expect("no reader panicked");
        let lossy = feed.lines.iter().zip(&feed.text).filter(|(line, _)| {
            matches!(line["type"].as_str(), Some("loss" | "end"))
                || line["verdict"] == "inconclusive"
        });
        let lossy: Vec<_> = lossy.map(|(_, text)| text.as_str()).collect();
        format!("{}\n{}", self.errors(), lossy.join("\n"))
    }

    fn errors(&self) -> String {
        format!("its standard error: {}", self.stderr())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
        if let Some(reader) = self.reader.take() {
            let _ended = reader.join();
        }
    }
}

/// Whether it is a shutdown with the end of this process.
fn is_end_of(line: &Value, pid: i32) -> bool {
    let mut reports = line["processes"].as_array().into_iter().flatten();
    line["type"] == "shutdown"
        && reports.any(|p| p["process"]["pid"] == pid && !p["exit"].is_null())
}

/// See [`Session::wait_until_told`]; of the recording of one that runs.
pub fn wait_until_told(recording: &Path, name: &str) {
    let name = format!("\"{name}\"");
    // What is told at once, before anybody was asked, has no name.
    let told = |line: &str| {
        line.contains("\"body\":{\"workload\":")
            && line.contains(&name)
            && line.contains("\"name\":")
    };
    Deadline::after(PATIENCE / 3).until_or_not(|| {
        let recording = fs::read(recording).unwrap_or_default();
        String::from_utf8_lossy(&recording).lines().any(told)
    });
}
