//! Makes the stored recordings of `tests/replay`, on the running kernel and with a real Docker:
//! `cargo run --package signal-trace-tests --example st-recordings -- tests/replay/recordings`.
//!
//! To be run again when the records of the kernel side change (`wire::ABI`); what signal-trace says
//! of them is in the golden files beside them.

use std::{fs, path::Path, time::Duration};

use nix::sys::signal::Signal;
use signal_trace_tests::{
    cases::{self, Act, Case},
    cgroup::Cgroup,
    docker::Docker,
    process::Proc,
    session::{Recorded, Session},
    trim::trim,
};

/// What the processes of `verdicts` do; the grace period is one second.
const CASES: [Case; 14] = [
    Case::new("handle 50 3", Act::Term, "", ""),
    Case::new("handle 0 143", Act::Term, "", "").as_pid1(),
    Case::new("sigwait 5", Act::Term, "", ""),
    Case::new("reraise", Act::Term, "", ""),
    Case::new("default", Act::Term, "", ""),
    Case::new("ignore", Act::TermKill(300), "", ""),
    Case::new("default", Act::TermKill(300), "", "").as_pid1(),
    Case::new("block", Act::TermKill(300), "", ""),
    Case::new("swallow", Act::TermKill(1300), "", ""),
    Case::new("no-forward default", Act::TermKillOrphan(300), "", ""),
    Case::new("fork 2 handle 10 0", Act::Term, "", ""),
    Case::new("default", Act::Kill, "", ""),
    Case::new("crash", Act::Term, "", ""),
    Case::new("threads 4 handle 850 0", Act::Term, "", ""),
];

/// Containers: a name, options of `docker run`, a script, and what is done to it.
const CONTAINERS: [(&str, &[&str], &str, &[&str]); 7] = [
    ("pid1-without-handler", &[], "echo up; while :; do sleep 1; done", &["stop", "--time", "2"]),
    (
        "clean",
        &[],
        "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done",
        &["stop", "--time", "2"],
    ),
    ("init", &["--init"], "echo up; exec sleep 100", &["stop", "--time", "2"]),
    (
        "not-forwarded",
        &[],
        "trap 'exit 0' TERM; sleep 100 & echo up; wait",
        &["stop", "--time", "2"],
    ),
    (
        "quit",
        &["--stop-signal=QUIT"],
        "trap 'exit 3' QUIT; echo up; while :; do sleep 0.05; done",
        &["stop"],
    ),
    ("killed", &[], "echo up; while :; do sleep 1; done", &["kill"]),
    (
        "oom",
        &["--memory=32m"],
        "echo up; while :; do a=$a$(head -c 1000000 /dev/urandom | base64); done",
        &["wait"],
    ),
];

fn main() {
    let folder = std::env::args().nth(1).expect("usage: st-recordings FOLDER");
    let folder = Path::new(&folder);
    verdicts(folder);
    damaged(folder);
    zombies(folder);
    containers(folder);
}

/// The same recording with a loss in the middle of it, and broken off in the middle of a line.
fn damaged(folder: &Path) {
    let text = fs::read_to_string(folder.join("verdicts.jsonl")).expect("just made");
    let lines: Vec<_> = text.lines().collect();
    let middle = lines.iter().position(|line| line.contains("\"tick\"")).expect("time passes") + 3;
    let ticks = lines[..middle].iter().rev().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["input"]["tick"].as_u64()
    });
    let at = ticks.expect("time has passed");
    let loss = serde_json::json!({"schema": "signal-trace/v1", "type": "input", "input": {"loss":
        {"kind": "signal_deliver", "count": 7, "from": at - 1_000_000, "to": at}}});
    let loss = loss.to_string();
    let lossy = [&lines[..middle], &[loss.as_str()], &lines[middle..]].concat();
    fs::write(folder.join("lossy.jsonl"), lossy.join("\n") + "\n").expect("it can be written");
    fs::write(folder.join("torn.jsonl"), &text[..text.len() / 2]).expect("it can be written");
}

fn keep(recorded: &Recorded, paths: &[String], folder: &Path, name: &str) {
    let text = fs::read_to_string(&recorded.file).expect("it was recorded");
    let file = folder.join(format!("{name}.jsonl"));
    fs::write(&file, trim(&text, paths)).expect("the folder can be written");
}

fn own_cgroups() -> Vec<String> {
    vec![format!("/st-test-{}-", std::process::id())]
}

fn verdicts(folder: &Path) {
    let session = Session::start(&["--grace", "1s"]);
    let outcomes = cases::run(&CASES, 1);
    for outcome in &outcomes {
        session.wait_for_shutdown(outcome.main.pid);
    }
    // For the latest of the reports.
    std::thread::sleep(Duration::from_secs(3));
    keep(&session.finish(), &own_cgroups(), folder, "verdicts");
}

fn zombies(folder: &Path) {
    let cgroup = Cgroup::new("zombies");
    let before = Proc::start_in("zombie 0", Some(&cgroup));
    let session = Session::start(&[]);
    let mut during = Proc::start_in("zombie 0", Some(&cgroup));
    for process in [&before, &during] {
        let zombie = process.children[0];
        session.wait_for("the zombie", |line| {
            line["type"] == "finding" && line["process"]["pid"] == zombie
        });
    }
    during.signal(Signal::SIGKILL);
    during.wait();
    drop(before);
    std::thread::sleep(Duration::from_secs(2));
    keep(&session.finish(), &own_cgroups(), folder, "zombies");
}

fn containers(folder: &Path) {
    let docker = Docker::start();
    for (name, options, script, act) in CONTAINERS {
        let session = Session::start(&["--runtime", &docker.runtime_argument()]);
        let named = format!("--name={name}");
        let options = [&[named.as_str()], options].concat();
        let (id, pid) = docker.start_shell(&options, script);
        session.wait_until_told(&id);
        docker.run(&[act, &[id.as_str()]].concat());
        session.wait_for_shutdown(pid);
        std::thread::sleep(Duration::from_millis(500));
        keep(&session.finish(), &[format!("/docker/{id}")], folder, &format!("docker-{name}"));
    }
}
