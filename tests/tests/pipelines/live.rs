//! What a running daemon writes, read by rsyslog while it does, and asked by SQL afterwards.

use std::{net::TcpListener, process::Command, time::Duration};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    agent::Agent,
    cgroup::Cgroup,
    clock::Deadline,
    folder::Folder,
    process::{Place, Proc},
    programs, schema,
};

use crate::{rsyslog, sql};

/// Enough for a file of more than 64 KiB.
const STOPS: usize = 100;

const CONFIG: &str = "[sinks.file]\nenabled = true\npath = \"FOLDER/signal-trace.jsonl\"\n\
                      filter.types = [\"shutdown\", \"finding\"]\n";
/// Less than what the first daemon writes.
const ROTATING: &str = "rotate_size = \"64KiB\"\n";

#[test]
fn every_record_of_a_daemon_arrives_is_valid_and_can_be_asked_for() {
    let folder = Folder::new();
    let server = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback is free");
    let port = server.local_addr().expect("it is bound").port();
    rsyslog::configure(&folder, port);
    let received = rsyslog::receive(server);
    let rsyslog = rsyslog::start(&folder);
    let mut agent = Agent::start_in(folder, CONFIG, |_| {});

    let mut killed = vec![];
    for number in 0..STOPS {
        let cgroup = Cgroup::container();
        let deaf = number % 4 == 0;
        let mode = if deaf { "ignore" } else { "default" };
        let mut process = Proc::start(mode, Place { cgroup: Some(&cgroup), pid_namespace: false });
        process.signal(Signal::SIGTERM);
        if deaf {
            process.signal(Signal::SIGKILL);
            killed.push(cgroup.path.rsplit('/').next().expect("its id").to_owned());
        }
        process.wait();
        // As rsyslog sees it grow.
        std::thread::sleep(Duration::from_millis(20));
    }
    agent.end();

    let written = history(&agent.folder);
    schema::checked(&written.iter().map(ToString::to_string).collect::<Vec<_>>());

    // A session that goes on in another file begins that with its `recording` line again.
    let in_session = |lines: Vec<Value>| -> Vec<Value> {
        lines.into_iter().filter(|line| line["type"] != "recording").collect()
    };
    let written = in_session(written);
    let arrived = || {
        let frames = received.lock().expect("no reader panicked").clone();
        in_session(frames.iter().map(|frame| rsyslog::parse(frame).1).collect())
    };
    Deadline::after(Duration::from_secs(30)).until_or_not(|| arrived().len() >= written.len());
    let by_seq = |mut lines: Vec<Value>| {
        lines.sort_by_key(|line| line["seq"].as_u64());
        lines
    };
    let (arrived, written) = (by_seq(arrived()), by_seq(written));
    assert_eq!(arrived.len(), written.len(), "{}", rsyslog.log());
    assert_eq!(arrived, written);

    drop(rsyslog);

    // Another one rotates and compresses what is there, with its first line.
    let folder = std::mem::take(&mut agent.folder);
    let mut agent = Agent::start_in(folder, &format!("{CONFIG}{ROTATING}"), |_| {});
    let compressed = || {
        let entries = std::fs::read_dir(agent.folder.path()).expect("our folder").flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|it| it == "zst")).count()
    };
    Deadline::after(Duration::from_secs(10)).until("a compressed file", || compressed() > 0);
    agent.end();
    let all = history(&agent.folder);

    // What others on this node were forced to is in the lines, too.
    let forced = sql::forced(&all);
    let ours = killed.iter().filter(|id| forced.contains_key(&format!(" {id}"))).count();
    assert_eq!(ours, killed.len(), "{killed:?}, {forced:?}");
    for engine in sql::ENGINES {
        let [worst, ..] = sql::answers(engine, &agent.folder);
        assert_eq!(worst.len(), forced.len().min(20), "{engine:?}");
        for (name, times) in sql::counts(&worst, "forced") {
            assert_eq!(forced.get(&name), Some(&times), "{engine:?}: {name}");
        }
    }
}

/// All lines of the folder, as they were written.
fn history(folder: &Folder) -> Vec<Value> {
    let report = Command::new(programs::signal_trace())
        .args(["report", "--format", "json"])
        .arg(folder.path())
        .output()
        .expect("signal-trace can be started");
    let text = String::from_utf8(report.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
