//! Paths of cgroups: of those that are gone at once, of processes that are moved, and as a tracer in
//! a cgroup namespace of its own must tell them.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{cgroup::Cgroup, process::Proc, programs, session::Session};

/// Path of the cgroup in the line about the exit of `pid`.
fn cgroup_of_exit(lines: &[Value], pid: i32) -> &Value {
    let exits = |line: &&Value| line["type"] == "exit" && line["process"]["pid"] == pid;
    &lines.iter().find(exits).expect("the exit was seen")["process"]["cgroup"]
}

#[test]
fn a_process_that_is_killed_where_it_was_moved_to_is_told_of_there() {
    // One cgroup is there before; the others are made, used and gone within a few milliseconds.
    let there = Cgroup::new("there");
    let session = Session::start(&[]);
    let mut moved = Vec::new();
    let mut move_and_kill = |cgroup: &Cgroup| {
        let mut process = Proc::start_in("swallow", None);
        cgroup.write("cgroup.procs", &process.pid.to_string());
        process.signal(Signal::SIGKILL);
        process.wait();
        moved.push((process.pid, cgroup.path.clone()));
    };
    move_and_kill(&there);
    for _ in 0..20 {
        move_and_kill(&Cgroup::container());
    }
    for (pid, _) in &moved {
        session
            .wait_for("the exit", |line| line["type"] == "exit" && line["process"]["pid"] == *pid);
    }
    let lines = session.finish().lines;
    let all: Vec<Value> = lines.of("exit").cloned().collect();
    for (pid, path) in &moved {
        assert_eq!(cgroup_of_exit(&all, *pid), &Value::from(path.as_str()));
    }
    assert_eq!(lines.losses(), [""; 0]);
}

#[test]
fn a_tracer_in_a_cgroup_namespace_of_its_own_tells_the_paths_of_the_node() {
    let of_tracer = Cgroup::new("tracer");
    let before = Cgroup::new("before");
    let mut early = Proc::start_in("default", Some(&before));
    // The new namespace has its root where the process is that makes it: it is moved there first.
    let script = format!(
        "echo $$ > {} && exec unshare --cgroup sh -c 'grep -c ^0::/$ /proc/self/cgroup >&2; \
         exec \"$0\" record --format jsonl --runtime none --duration 4s' \"$0\"",
        of_tracer.file("cgroup.procs").display()
    );
    let mut tracer = Command::new("sh")
        .args(["-c", &script])
        .arg(programs::signal_trace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh can be started");
    let mut stdout = BufReader::new(tracer.stdout.take().expect("it is piped"));
    let mut text = String::new();
    stdout.read_line(&mut text).expect("JSON is UTF-8");
    let after = Cgroup::new("after");
    let mut late = Proc::start_in("default", Some(&after));
    for process in [&mut early, &mut late] {
        process.signal(Signal::SIGTERM);
        process.wait();
    }
    stdout.read_to_string(&mut text).expect("JSON is UTF-8");
    let output = tracer.wait_with_output().expect("it is ours");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors.trim(), "1", "the namespace is not its own, or there was a warning");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (process, cgroup) in [(&early, &before), (&late, &after)] {
        assert_eq!(cgroup_of_exit(&lines, process.pid), &Value::from(cgroup.path.as_str()));
    }
    let own = fs::read_to_string("/proc/self/cgroup").expect("readable");
    assert!(!own.contains("/.."), "the test itself is not in such a namespace: {own}");
}
