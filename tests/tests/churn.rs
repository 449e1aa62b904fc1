//! Containers that come and go faster than anybody can be asked about them: every exit keeps its
//! cgroup, nothing is lost, and memory does not grow with what is gone.

use std::{collections::HashMap, ffi::OsString, fs};

use serde_json::Value;
use signal_trace_tests::{
    cgroup::Cgroup,
    process::{Place, Proc},
    programs,
    session::Session,
    stub::{Manner, Stub},
};

/// Cgroups with one process each.
const CONTAINERS: usize = 2000;
/// What signal-trace may grow by, kB: three times what it does, by caches that are bounded at some
/// thousands of cgroups. That they are is tested where they are; this catches what runs away.
const GROWTH: u64 = 32 * 1024;

/// A process that was born in a cgroup, and both are gone.
struct Gone {
    pid: i32,
    status: i32,
    cgroup: String,
}

#[test]
fn short_lives_keep_their_cgroups() {
    // As an engine that has forgotten them, and as one that says nothing.
    let body = "{\"message\":\"No such container\"}";
    let answer = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let stubs = [Manner::Answering(answer.into_bytes()), Manner::Hanging].map(|m| Stub::new(&m));
    let sessions = stubs.each_ref().map(|stub| {
        let session = Session::start(&["--runtime", &stub.runtime_argument()]);
        let before = resident(&session);
        (session, before)
    });
    let gone: Vec<Gone> = (0..CONTAINERS).map(|_| come_and_go()).collect();
    let last = gone.last().expect("there are some").pid;
    let mut faults = Vec::new();
    for (session, before) in sessions {
        session.wait_for("the last exit", |line| {
            line["type"] == "exit" && line["process"]["pid"] == last
        });
        let after = resident(&session);
        say(&format!("resident: {before} kB, then {after} kB"));
        if after > before + GROWTH {
            faults.push(format!("grew from {before} to {after} kB"));
        }
        let lines = session.finish().lines;
        faults.extend(lines.losses());
        let mut exits: HashMap<&str, Vec<&Value>> = HashMap::new();
        for exit in lines.of("exit") {
            exits.entry(exit["process"]["cgroup"].as_str().unwrap_or("")).or_default().push(exit);
        }
        faults.extend(gone.iter().filter_map(|gone| fault_of(gone, exits.get(&*gone.cgroup))));
    }
    for stub in &stubs {
        if stub.connections() == 0 {
            faults.push("the engine was never asked".into());
        }
    }
    let shown: Vec<_> = faults.iter().take(20).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), shown.join("\n"));
}

fn come_and_go() -> Gone {
    let cgroup = Cgroup::container();
    let words = [programs::system("true", "coreutils").into_os_string()];
    let words: &[OsString] = &words;
    let mut process = Proc::spawn(words, Place { cgroup: Some(&cgroup), pid_namespace: false });
    let status = process.wait();
    Gone { pid: process.pid, status, cgroup: cgroup.path.clone() }
}

fn fault_of(gone: &Gone, exits: Option<&Vec<&Value>>) -> Option<String> {
    let Some([exit]) = exits.map(Vec::as_slice) else {
        return Some(format!("not one exit in {}: {exits:?}", gone.cgroup));
    };
    let id = gone.cgroup.rsplit('/').next();
    let right = exit["process"]["pid"] == gone.pid
        && exit["exit"]["wait_status"] == gone.status
        && exit["workload"]["kind"] == "container"
        && exit["workload"]["runtime"] == "docker"
        && exit["workload"]["id"].as_str() == id;
    (!right).then(|| format!("process {} in {}: {exit}", gone.pid, gone.cgroup))
}

/// kB.
fn resident(session: &Session) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", session.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).expect("a number")
}

#[expect(clippy::print_stderr, reason = "a figure to look at")]
fn say(message: &str) {
    eprintln!("churn: {message}");
}
