//! Histories that are made up, and what a report says of them.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use signal_trace_tests::{
    folder::Folder,
    history::{Stored, file, line},
    programs,
};

/// What a report says.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        assert!(!said.err.contains("panicked"), "{}", said.err);
        said
    }
}

pub fn report(paths: &[&Path], options: &[&str]) -> Said {
    let output = Command::new(programs::signal_trace())
        .arg("report")
        .args(paths)
        .args(options)
        .env_remove("RUST_BACKTRACE")
        .output();
    output.expect("signal-trace can be started").into()
}

pub fn session(time: &str) -> Stored {
    line("docker-oom", "recording").at(time)
}

/// The shutdown of a pod that ran out of memory.
pub fn oom(time: &str, pod: &str, id: &str) -> Stored {
    let line = line("docker-oom", "shutdown").at(time).in_pod(pod);
    line.replace("e93ba4b85a0-18042", id)
}

pub fn clean(time: &str, pod: &str, id: &str) -> Stored {
    let line = line("docker-clean", "shutdown").at(time).in_pod(pod);
    line.replace("e921026de54-17453", id)
}

pub fn end(time: &str) -> Stored {
    line("verdicts", "end").at(time)
}

pub fn exit(time: &str) -> Stored {
    line("docker-oom", "exit").at(time)
}

/// Three files of one session: a compressed one, one that is not yet, and the one being written.
pub fn three_files() -> Folder {
    let folder = Folder::new();
    let start = session("2026-11-22T10:00:00");
    let old = file(&[
        start.clone(),
        exit("2026-11-22T10:00:01"),
        oom("2026-11-23T03:00:00", "web-0", "a-1"),
        clean("2026-11-23T04:00:00", "web-1", "a-2"),
    ]);
    let compressed = zstd(&old);
    fs::write(folder.file("signal-trace-20261123T120000Z.jsonl.zst"), compressed).expect("ours");
    let middle = file(&[
        start.clone(),
        exit("2026-11-23T12:00:01"),
        oom("2026-11-24T03:00:12", "web-0", "a-3"),
        oom("2026-11-24T03:00:13", "web-1", "a-4"),
    ]);
    fs::write(folder.file("signal-trace-20261124T040000Z.jsonl"), middle).expect("ours");
    let live = file(&[
        start,
        clean("2026-11-24T04:00:01", "web-0", "a-5"),
        oom("2026-11-24T05:00:00", "web-0", "a-6"),
    ]);
    fs::write(folder.file("signal-trace.jsonl"), live).expect("ours");
    folder
}

pub fn zstd(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new(programs::system("zstd", "zstd"))
        .args(["-q", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("zstd can be started");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends").stdout
}
