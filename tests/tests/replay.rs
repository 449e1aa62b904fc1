//! `report` derives from a recording what was seen live, and survives files that are none.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use nix::sys::signal::Signal;
use signal_trace_tests::{
    cgroup::Cgroup,
    process::Proc,
    programs,
    session::{Recorded, Session},
};

/// A short session with one clean stop and one forced.
fn record(name: &str) -> Recorded {
    let session = Session::start_with(name, &["--grace", "1s"]);
    let cgroups = [Cgroup::new("clean"), Cgroup::new("forced")];
    let mut clean = Proc::start_in("handle 10 0", Some(&cgroups[0]));
    let mut forced = Proc::start_in("ignore", Some(&cgroups[1]));
    clean.signal(Signal::SIGTERM);
    forced.signal(Signal::SIGTERM);
    clean.wait();
    forced.signal(Signal::SIGKILL);
    forced.wait();
    session.wait_for_shutdown(clean.pid);
    session.wait_for_shutdown(forced.pid);
    session.finish()
}

fn report(file: &Path) -> Output {
    Command::new(programs::signal_trace())
        .args(["report", "--format", "json"])
        .arg(file)
        .output()
        .expect("signal-trace can be started")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_replay_says_what_was_said_live_every_time() {
    for name in ["recording.jsonl", "recording.jsonl.zst"] {
        let recorded = record(name);
        let (first, second) = (report(&recorded.file), report(&recorded.file));
        assert!(first.status.success(), "{name}: {}: {}", first.status, stderr(&first));
        assert!(first.stdout == second.stdout, "{name}: two replays differ");
        let replayed = String::from_utf8(first.stdout).expect("JSON is UTF-8");
        let replayed: Vec<_> = replayed.lines().collect();
        for (line, (live, replayed)) in recorded.printed.iter().zip(&replayed).enumerate() {
            assert_eq!(live, replayed, "{name}: line {} differs", line + 1);
        }
        assert_eq!(recorded.printed.len(), replayed.len(), "{name}: number of lines");
    }
}

#[test]
fn a_torn_recording_is_used_up_to_the_tear() {
    let recorded = record("recording.jsonl");
    let whole = fs::read(&recorded.file).expect("it was recorded");
    let torn = recorded.folder.file("torn.jsonl");
    // A crash in the middle of a line of the second half; what the end of the session made of what
    // others have open on this node can be long.
    let end = String::from_utf8_lossy(&whole).find("\"input\":{\"end\"").expect("it was ended");
    let cut = end - end / 4;
    let cut = cut - usize::from(whole[cut - 1] == b'\n');
    fs::write(&torn, &whole[..cut]).expect("the folder is ours");
    let output = report(&torn);
    let text = stderr(&output);
    assert!(!text.contains("panicked"), "{text}");
    assert!(
        output.status.success() || output.status.code() == Some(3),
        "a torn recording is no error, at worst inconclusive: {}: {text}",
        output.status
    );
    assert!(!output.stdout.is_empty(), "what is there is reported");
    assert!(!text.trim().is_empty(), "a note says that the end is missing");
}

#[test]
fn files_that_are_no_recordings_are_refused_in_one_sentence() {
    let recorded = record("recording.jsonl");
    let text = fs::read_to_string(&recorded.file).expect("it was recorded");
    let newer = text.replace("signal-trace/v1", "signal-trace/v2");
    let files: [(&str, Vec<u8>); 6] = [
        ("empty.jsonl", Vec::new()),
        ("foreign.jsonl", b"{\"level\":\"info\",\"msg\":\"hello\"}\n".to_vec()),
        ("text.jsonl", b"Nov 22 10:50:55 n1 kernel: hello\n".to_vec()),
        ("binary.jsonl", (0..=255).cycle().take(4096).collect()),
        ("broken.jsonl.zst", b"not zstd at all".to_vec()),
        ("newer.jsonl", newer.into_bytes()),
    ];
    for (name, content) in files {
        let path = recorded.folder.file(name);
        fs::write(&path, content).expect("the folder is ours");
        refused(name, &report(&path));
    }
    refused("missing.jsonl", &report(&recorded.folder.file("missing.jsonl")));
}

/// Exit code 2, and one sentence that names the file.
fn refused(name: &str, output: &Output) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(2), "{name}: {text}");
    assert!(!text.contains("panicked"), "{name}: {text}");
    assert!(text.contains(name), "{name}: the message does not name it: {text}");
    assert!(text.trim().lines().count() <= 3, "{name}: more than a sentence: {text}");
}
