//! The node agent when what it writes to fails, when it is killed, and when it is told to end.

mod disks;
mod ends;
mod killed;
mod readers;
mod reloads;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    agent::{Agent, is_end_of, lines_of},
    clock::Deadline,
    process::{Place, Proc},
};

/// Where the file sink of these tests writes.
const FILE: &str = "[sinks.file]\nenabled = true\npath = \"FOLDER/log/st.jsonl\"\n";
/// The same in [`Agent::lines`].
const LOG: &str = "log/st.jsonl";

/// A process that is told to end and does so; its pid.
fn stop() -> i32 {
    let mut process = Proc::start("handle 0 0", Place::default());
    process.signal(Signal::SIGTERM);
    process.wait();
    process.pid
}

fn stop_many(count: usize) -> Vec<i32> {
    (0..count).map(|_| stop()).collect()
}

/// Makes many lines of one process: it ignores what it is told.
struct Storm(Proc);

impl Storm {
    fn new() -> Self {
        Self(Proc::start("ignore", Place::default()))
    }

    fn send(&mut self, count: usize) {
        for number in 0..count {
            self.0.signal(Signal::SIGTERM);
            if number % 50 == 0 {
                // A storm that the rings can take.
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Waits until a line about the stop of a new process is in that file: what came before is, too.
fn wait_until_current(agent: &Agent, name: &str) {
    agent.wait_for_shutdown(name, stop());
}

/// The same where a line may find no room as long as what came before is not out.
fn wait_until_through(what: &str, is_there: impl Fn(i32) -> bool) {
    let mut pids = Vec::new();
    let deadline = Deadline::after(Duration::from_secs(30));
    while !pids.iter().any(|pid| is_there(*pid)) {
        assert!(!deadline.passed(), "nothing comes out of {what} any more");
        pids.push(stop());
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The text of a file, which must be of whole lines.
fn whole(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{} is torn", path.display());
    assert!(!text.contains('\0'), "{} has a hole", path.display());
    text
}

/// Lines of the engine by number: each once.
fn numbered(lines: &[Value]) -> BTreeMap<u64, &Value> {
    let of_engine = lines.iter().filter(|line| line["type"] != "loss");
    let all = of_engine.map(|line| (line["seq"].as_u64().expect("a number"), line));
    all.collect()
}

/// What the `loss` lines of a sink say, in all.
fn told_missing(lines: &[Value]) -> u64 {
    let losses = lines.iter().filter(|line| line["type"] == "loss" && line["kind"] == "sink");
    losses.map(|line| line["count"].as_u64().expect("a count")).sum()
}

/// Holds a stream against one of the same filter that nothing was in the way of.
#[track_caller]
fn assert_missing_is_told(stream: &[Value], reference: &[Value]) {
    let (here, all) = (numbered(stream), numbered(reference));
    assert_eq!(told_missing(reference), 0, "the other sink lost something");
    for (number, line) in &here {
        assert_eq!(Some(line), all.get(number), "line {number}");
    }
    let missing: BTreeSet<_> = all.keys().filter(|number| !here.contains_key(number)).collect();
    assert!(!missing.is_empty(), "nothing was lost: the test shows nothing");
    assert_eq!(told_missing(stream), missing.len() as u64, "missing: {missing:?}");
}

/// Every one of these was told of once, in this stream.
#[track_caller]
fn assert_all_once(lines: &[Value], pids: &[i32]) {
    for pid in pids {
        let ends = lines.iter().filter(|line| is_end_of(line, *pid)).count();
        assert_eq!(ends, 1, "shutdowns of process {pid}");
    }
    assert_eq!(told_missing(lines), 0);
}

/// The lines of several files, each of which must begin with its session.
fn lines_of_all(paths: &[std::path::PathBuf]) -> Vec<Value> {
    let mut all = Vec::new();
    for path in paths {
        whole(path);
        let lines = lines_of(path);
        assert_eq!(lines[0]["type"], "recording", "{}", path.display());
        all.extend(lines);
    }
    all
}
