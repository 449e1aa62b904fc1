//! Much history, and readers that have seen enough of it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use signal_trace_tests::{clock::Deadline, folder::Folder, history::file, programs};

use super::made::{Said, exit, oom, session};

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = Folder::new();
    let mut lines = vec![session("2026-11-24T00:00:00")];
    lines.extend((0..3000).map(|id| oom("2026-11-24T01:00:00", "web-0", &format!("a-{id}"))));
    fs::write(folder.file("signal-trace.jsonl"), file(&lines)).expect("ours");
    for format in ["text", "json"] {
        let mut child = Command::new(programs::signal_trace())
            .args(["report", "--format", format])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("signal-trace can be started");
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut first).expect("readable");
        drop(out);
        let said: Said = child.wait_with_output().expect("it ends").into();
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn memory_does_not_grow_with_the_history() {
    const MOST: u64 = 50 << 10;
    let folder = Folder::new();
    let first = file(&[session("2026-11-24T00:00:00")]);
    for number in 0..4 {
        let lines = (0..4000).map(|id| {
            let lines = [
                exit("2026-11-24T01:00:00"),
                oom("2026-11-24T01:00:00", &format!("web-{id}"), &format!("a-{number}-{id}")),
            ];
            file(&lines)
        });
        let text = first.clone() + &lines.collect::<String>();
        let name = format!("signal-trace-2026112{number}T000000Z.jsonl");
        fs::write(folder.file(&name), text).expect("ours");
    }
    let mut child = Command::new(programs::signal_trace())
        .arg("report")
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("signal-trace can be started");
    // Not what wait4(2) tells: that begins with the peak of whoever started it.
    let (mut peak, mut status) = (0, None);
    Deadline::after(Duration::from_secs(120)).until("the report to end", || {
        peak = peak_of(child.id()).unwrap_or(peak);
        status = child.try_wait().expect("it is our child");
        status.is_some()
    });
    assert!(status.expect("waited for").success());
    assert!((1 << 10..MOST).contains(&peak), "{peak} KiB at most, for 55 MB of history");
}

/// `VmHWM`, KiB.
fn peak_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
