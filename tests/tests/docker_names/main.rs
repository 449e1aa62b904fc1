//! What Docker tells of its containers reaches every line about them: names, images, labels, grace
//! and stop signals. The truth is `docker inspect`, and containerd's events for the pids.

mod cases;
mod oddities;
mod shown;

use std::ops::Deref;

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    cgroup::Cgroup,
    docker::{Docker, IMAGE},
    expected::{self, Expected},
    process::Proc,
    report,
    session::Session,
};

use crate::{
    cases::{CASES, CLEAN, Case},
    oddities::Oddities,
};

/// A container of the test that has ended.
struct Ended {
    name: String,
    id: String,
    pid: i32,
    expected: Expected,
}

/// The engine, and who watches it.
#[derive(Clone, Copy)]
struct Watched<'a> {
    docker: &'a Docker,
    sessions: [&'a Session; 2],
}

impl Deref for Watched<'_> {
    type Target = Docker;

    fn deref(&self) -> &Docker {
        self.docker
    }
}

impl Watched<'_> {
    /// Starts a container that has been asked about when this returns.
    fn start(self, image: &str, options: &[&str], words: &[&str]) -> (String, i32) {
        let (id, pid) = self.docker.start_image(image, options, words);
        for session in self.sessions {
            session.wait_until_told(&id);
        }
        (id, pid)
    }

    /// The same, of a shell.
    fn start_script(self, options: &[&str], script: &str) -> (String, i32) {
        self.start(IMAGE, options, &["sh", "-c", script])
    }
}

#[test]
fn what_docker_says_of_its_containers_is_told() {
    let docker = Docker::start();
    let runtime = docker.runtime_argument();
    let session = Session::start(&["--runtime", &runtime]);
    // One that shows a single container must wait for its name like the other.
    let by_name = Session::start(&["--runtime", &runtime, "--container", "st-slow"]);
    let docker = Watched { docker: &docker, sessions: [&session, &by_name] };

    let oddities = Oddities::run(docker);
    let mut all: Vec<Ended> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            CASES.iter().map(|case| scope.spawn(move || run(docker, case))).collect();
        threads.into_iter().map(|thread| thread.join().expect("docker works")).collect()
    });
    all.push(paused(docker));
    all.push(with_session(docker));
    all.push(hostile(docker));
    all.push(nested(docker));

    session.wait_for_shutdowns(&all.iter().map(|container| container.pid).collect::<Vec<_>>());
    let slow = all.iter().find(|container| container.name == "st-slow").expect("it is a case");
    by_name.wait_for_shutdowns(&[slow.pid]);
    let mut faults =
        report::faults_of_shown(&by_name.finish().lines, "live --container NAME", &[slow.pid]);
    let recorded = session.finish();
    faults.extend(recorded.lines.losses());
    for container in &all {
        faults.extend(container.expected.faults(&recorded.lines));
        faults.extend(expected::unnamed(&recorded.lines, &container.id, "docker", container.pid));
    }
    faults.extend(oddities.faults(&recorded.lines));
    faults.extend(shown::faults_of_filters(&all, &recorded));
    faults.extend(shown::faults_of_text(&recorded));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn run(docker: Watched, case: &Case) -> Ended {
    let name = format!("--name={}", case.name);
    let options = [&[name.as_str()], case.options].concat();
    let (id, pid) = docker.start(case.image, &options, case.command);
    docker.run(&[case.stop, &[case.name]].concat());
    docker.run(&["wait", &id]);
    ended(&docker, case.name, id, pid, case.expect)
}

fn ended(
    docker: &Docker,
    name: &str,
    id: String,
    pid: i32,
    expect: fn(Expected) -> Expected,
) -> Ended {
    let expected = Expected::of(name, pid)
        .says("workload/kind", "container")
        .says("workload/runtime", "docker")
        .says("workload/id", id.as_str())
        .says("workload/name", name)
        .says("workload/image", IMAGE)
        .says("workload/kubernetes", Value::Null)
        .says("workload/unit", Value::Null)
        .says("grace/pre_stop", Value::Null)
        .says("process/main", true)
        .says("process/process/ns_pid", 1);
    let expected = expected.exit_code(docker.exit_code(&id));
    Ended { name: name.to_owned(), id, pid, expected: expect(expected) }
}

/// Frozen when it is asked to stop: the engine thaws it first.
fn paused(docker: Watched) -> Ended {
    let (id, pid) = docker.start_script(&["--name=st-paused"], CLEAN);
    docker.run(&["pause", &id]);
    docker.run(&["stop", &id]);
    ended(&docker, "st-paused", id, pid, |e| e.verdicts("graceful", "graceful"))
}

/// With a process that nobody inside could tell.
fn with_session(docker: Watched) -> Ended {
    let (id, pid) = docker.start_script(&["--name=st-session"], CLEAN);
    let session = docker.exec(&id, &["sleep", "100"]);
    docker.run(&["stop", &id]);
    assert!(!std::path::Path::new(&format!("/proc/{session}")).exists(), "its container is gone");
    ended(&docker, "st-session", id, pid, |e| e.verdicts("forced", "graceful"))
}

/// What an engine in a container starts: the engine outside does not know it, and its own container
/// is another one.
fn nested(docker: Watched) -> Ended {
    let (outer, _) = docker.start_script(&["--name=st-outer"], CLEAN);
    let around = Cgroup::below(&format!("/docker/{outer}"), "docker");
    let id = "5a".repeat(32);
    let cgroup = Cgroup::below(&around.path, &id);
    let mut process = Proc::start_in("default", Some(&cgroup));
    let pid = process.pid;
    process.signal(Signal::SIGTERM);
    let status = process.wait();
    let expected = Expected::of("nested", pid)
        .says("workload/kind", "container")
        .says("workload/runtime", "docker")
        .says("workload/id", id.as_str())
        .says("workload/name", Value::Null)
        .says("workload/image", Value::Null)
        // The harness is its parent.
        .says("stop/sender/role", "parent")
        .says("process/exit/wait_status", status)
        .verdicts("default-action", "default-action");
    Ended { name: "nested".into(), id, pid, expected }
}

/// With labels that want to be something else in the output.
fn hostile(docker: Watched) -> Ended {
    let labels = hostile_labels();
    let options: Vec<_> =
        labels.iter().map(|(key, value)| format!("--label={key}={value}")).collect();
    let mut options: Vec<_> = options.iter().map(String::as_str).collect();
    options.push("--name=st-hostile");
    let (id, pid) = docker.start_script(&options, CLEAN);
    docker.run(&["stop", &id]);
    let mut ended = ended(&docker, "st-hostile", id, pid, |e| e.verdicts("graceful", "graceful"));
    for (key, value) in labels {
        // A pointer escapes the slashes of keys.
        let field = format!("workload/labels/{}", key.replace('/', "~1"));
        let mut end = value.len().min(4096);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        ended.expected = ended.expected.says(&field, &value[..end]);
    }
    ended
}

fn hostile_labels() -> [(&'static str, String); 4] {
    [
        ("app", "a\"b\\c\u{1b}[31mRED\u{7}\nFORGED st-forged[1] was killed\r\t".into()),
        ("app.kubernetes.io/name", format!("x{}", "\u{e9}".repeat(3000))),
        ("com.docker.compose.service", "{\"type\":\"shutdown\"}\u{202e}\u{2028}".into()),
        ("com.docker.compose.project", "' ; rm -rf / #".into()),
    ]
}
