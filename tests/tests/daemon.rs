//! The node agent, as a service manager and a log pipeline see it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::net::UnixStream,
    process::{Command, Output},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    agent::{Agent, is_end_of},
    folder::Folder,
    process::{Place, Proc},
    programs,
};

/// A process that is stopped and dies of it; its pid.
fn stopped() -> i32 {
    let mut process = Proc::start("default", Place::default());
    process.signal(Signal::SIGTERM);
    process.wait();
    process.pid
}

fn daemon(arguments: &[&str]) -> Output {
    Command::new(programs::signal_trace())
        .arg("daemon")
        .args(arguments)
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("signal-trace can be started")
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["type"].as_str()).collect()
}

#[test]
fn the_stream_begins_with_recording_and_ends_with_end_within_a_second() {
    let mut agent = Agent::start("");
    let pid = stopped();
    agent.wait_for_shutdown("stdout", pid);
    let took = agent.end();
    let lines = agent.lines("stdout");
    assert_eq!(lines[0]["type"], "recording");
    assert_eq!(lines[0]["seq"], 0);
    let end = lines.last().expect("lines");
    assert_eq!((&end["type"], &end["complete"]), (&"end".into(), &true.into()), "{end}");
    assert!(took < Duration::from_secs(2), "{took:?}; a second on a quiet machine");
    // Quiet when all is well: no line for each signal and exit.
    let others = ["recording", "shutdown", "finding", "zombie", "oom", "end"];
    assert!(kinds(&lines).iter().all(|kind| others.contains(kind)), "{:?}", kinds(&lines));
}

#[test]
fn timelines_that_are_open_are_told_of_at_the_end() {
    let mut agent = Agent::start("[sinks.stdout]\nfilter.types = [\"signal\", \"shutdown\"]");
    let mut deaf = Proc::start("ignore", Place::default());
    deaf.signal(Signal::SIGTERM);
    let pid = deaf.pid;
    agent.wait_for("stdout", "the signal", |line| line["target"]["process"]["pid"] == pid);
    agent.end();
    let lines = agent.lines("stdout");
    let shutdown = lines.iter().find(|line| {
        let mut processes = line["processes"].as_array().into_iter().flatten();
        processes.any(|report| report["process"]["pid"] == pid)
    });
    assert_eq!(shutdown.expect("as it stands")["verdict"], "still-running");
    deaf.signal(Signal::SIGKILL);
    deaf.wait();
}

#[test]
fn a_reload_changes_sinks_and_loses_nothing() {
    let mut agent = Agent::start("");
    let mut stopped_pids = vec![stopped()];
    for round in 0..4 {
        let more = if round % 2 == 0 { "filter.types = [\"shutdown\", \"signal\"]" } else { "" };
        agent.reload(&format!("[sinks.stdout]\n{more}\nqueue.lines = {}", 5000 + round));
        stopped_pids.push(stopped());
    }
    for pid in &stopped_pids {
        agent.wait_for_shutdown("stdout", *pid);
    }
    // One that is wrong changes nothing, and says what.
    agent.reload("[sinks.stdout]\nfilter.typs = []");
    assert!(
        agent.stderr().contains("config.toml:2:8: there is no key `typs`"),
        "{}",
        agent.stderr()
    );
    agent.reload("grace = \"3s\"");
    assert!(agent.stderr().contains("at the next start only: grace"), "{}", agent.stderr());
    stopped_pids.push(stopped());
    agent.wait_for_shutdown("stdout", stopped_pids[5]);
    agent.end();
    let lines = agent.lines("stdout");
    for pid in stopped_pids {
        let ends = lines.iter().filter(|line| is_end_of(line, pid)).count();
        assert_eq!(ends, 1, "process {pid}");
    }
    assert!(!kinds(&lines).contains(&"loss"));
    // An outlet that takes the place of another begins as every stream does.
    assert_eq!(kinds(&lines).iter().filter(|kind| **kind == "recording").count(), 6);
}

#[test]
fn a_watchdog_of_no_time_is_none() {
    let mut agent = Agent::start_with("", |command| {
        command.env("WATCHDOG_USEC", "0");
    });
    agent.end();
}

#[test]
fn who_watches_over_it_is_told() {
    let mut agent = Agent::start_with("", |command| {
        command.env("WATCHDOG_USEC", "400000");
    });
    agent.wait_until_told("WATCHDOG=1");
    agent.wait_until_told("WATCHDOG=1");
    agent.signal(Signal::SIGHUP);
    agent.wait_until_told("RELOADING=1");
    agent.wait_until_told("READY=1");
    agent.signal(Signal::SIGTERM);
    agent.wait_until_told("STOPPING=1");
    assert_eq!(agent.wait(), Some(0));
}

#[test]
fn the_feed_gives_what_comes_to_whoever_connects() {
    let mut agent = Agent::start(
        "[sinks.stdout]\nenabled = false\n[sinks.socket]\nenabled = true\npath = \"FOLDER/feed\"",
    );
    let feed = UnixStream::connect(agent.folder.file("feed")).expect("somebody listens");
    let mut lines = BufReader::new(feed)
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.expect("readable")).expect("JSON"));
    assert_eq!(lines.next().expect("a line")["type"], "recording");
    let pid = stopped();
    assert!(lines.any(|line| is_end_of(&line, pid)));
    agent.end();
    assert_eq!(lines.last().expect("a line")["type"], "end");
    assert!(!agent.folder.file("feed").exists(), "it takes its socket away");
    assert_eq!(agent.lines("stdout"), Vec::<Value>::new());
}

#[test]
fn watch_and_report_tell_of_what_the_daemon_saw() {
    let mut agent = Agent::start(
        "[sinks.socket]\nenabled = true\npath = \"FOLDER/feed\"\n\
         [sinks.file]\nenabled = true\npath = \"FOLDER/log/signal-trace.jsonl\"",
    );
    let output = fs::File::create(agent.folder.file("watched")).expect("our folder");
    let mut client = Command::new(programs::signal_trace())
        .args(["watch", "--format", "jsonl", "--comm", "st-proc", "--socket"])
        .arg(agent.folder.file("feed"))
        .stdout(output)
        .spawn()
        .expect("it can be started");
    agent.wait_for("watched", "the first line", |line| line["type"] == "recording");
    let pid = stopped();
    agent.wait_for_shutdown("watched", pid);
    agent.wait_for_shutdown("log/signal-trace.jsonl", pid);
    agent.end();
    // The daemon's end is the client's, who says so.
    assert_eq!(client.wait().expect("our child").code(), Some(2));
    assert_eq!(agent.lines("watched").last().expect("lines")["type"], "end");

    let report = |code: i32, more: &[&str]| {
        let output = Command::new(programs::signal_trace())
            .arg("report")
            .arg(agent.folder.file("log"))
            .args(more)
            .output()
            .expect("it can be started");
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    // Inconclusive: for most of that time, no agent ran.
    let told = report(3, &["--since", "5m", "--target-pid", &pid.to_string()]);
    assert!(
        told.contains(&format!("st-proc[{pid}]")) && told.contains("shutdowns   1: "),
        "{told}"
    );
    let earlier = report(0, &["--until", "2001-01-01"]);
    assert!(!earlier.contains(&format!("[{pid}]")), "{earlier}");
}

#[test]
fn a_configuration_is_checked_without_root_or_effects() {
    let folder = Folder::new();
    let path = folder.file("config.toml");
    let path_text = path.to_str().expect("plain");
    let printed = daemon(&["--print-default-config"]);
    assert!(printed.status.success());
    fs::write(&path, &printed.stdout).expect("our folder");
    let good = daemon(&["--check-config", "--config", path_text]);
    assert!(good.status.success());
    assert!(String::from_utf8_lossy(&good.stdout).contains("can be used"));

    fs::write(&path, "[sinks.file]\nenabled = true\n  pth = \"/x\"\n").expect("our folder");
    for arguments in [&["--check-config", "--config", path_text][..], &["--config", path_text]] {
        let bad = daemon(arguments);
        assert_eq!(bad.status.code(), Some(2));
        let told = String::from_utf8_lossy(&bad.stderr);
        let wanted = format!("{path_text}:3:3: there is no key `pth` here; did you mean `path`?");
        assert!(told.contains(&wanted), "{told}");
    }
    let missing = daemon(&["--config", "/nonexistent.toml"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nonexistent.toml"));
    let set = daemon(&["--check-config", "--set", "sinks.file.enabled=maybe"]);
    let told = String::from_utf8_lossy(&set.stderr).into_owned();
    assert!(told.contains("--set sinks.file.enabled=maybe"), "{told}");
}
