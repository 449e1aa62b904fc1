//! Engines that do not answer, or answer nonsense: tracing goes on, and they are spoken of once.

use std::time::Duration;

use nix::sys::signal::Signal;
use signal_trace_tests::{
    cgroup::Cgroup,
    clock::Deadline,
    process::Proc,
    session::Session,
    stub::{Manner, Stub},
};

/// Longer than a question to an engine may take.
const DEADLINE: Duration = Duration::from_secs(3);

fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n\
         {body}"
    )
    .into_bytes()
}

fn manners() -> Vec<(&'static str, Manner)> {
    let endless_body =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"Name\":\"".to_vec();
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    vec![
        ("missing", Manner::Missing),
        ("dead", Manner::Dead),
        ("file", Manner::File),
        ("full", Manner::Full),
        ("hanging", Manner::Hanging),
        ("hanging up", Manner::HangingUp),
        ("garbage", Manner::Answering(vec![0xff; 512])),
        ("endless headers", Manner::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec())),
        ("endless body", Manner::Endless(endless_body)),
        ("error", Manner::Answering(http("500 Internal Server Error", "{\"message\":\"no\"}"))),
        ("no JSON", Manner::Answering(http("200 OK", "it works!"))),
        ("other JSON", Manner::Answering(http("200 OK", "{\"Id\":7,\"Name\":[],\"Config\":1}"))),
        ("deep JSON", Manner::Answering(http("200 OK", &deep))),
    ]
}

#[test]
fn engines_that_misbehave_are_spoken_of_once() {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = manners()
            .into_iter()
            .map(|(what, manner)| scope.spawn(move || faults_with(what, &manner)))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn faults_with(what: &str, manner: &Manner) -> Vec<String> {
    let stub = Stub::new(manner);
    let session = Session::start(&["--runtime", &stub.runtime_argument()]);
    let first = stop_one(&session);
    Deadline::after(DEADLINE * 3).until_or_not(|| !session.stderr().is_empty());
    // It is asked about again; what it is like is known by now.
    let second = stop_one(&session);
    std::thread::sleep(DEADLINE);
    let third = stop_one(&session);
    let warnings = session.stderr();
    let lines = session.finish().lines;
    let mut faults: Vec<_> =
        lines.losses().into_iter().map(|loss| format!("{what}: {loss}")).collect();
    for (pid, status) in [first, second, third] {
        match lines.shutdown(pid) {
            Some((_, report)) if report["exit"]["wait_status"] == status => {}
            other => faults.push(format!("{what}: process {pid} ended with {status}: {other:?}")),
        }
    }
    let warnings: Vec<_> = warnings.lines().collect();
    let names_it = warnings.iter().any(|line| line.contains(&stub.path.display().to_string()));
    if warnings.len() != 1 || !names_it {
        faults.push(format!("{what}: not one warning that names the socket: {warnings:?}"));
    }
    faults
}

/// A process in what looks like a container, asked to stop; its pid and wait status.
fn stop_one(session: &Session) -> (i32, i32) {
    let cgroup = Cgroup::container();
    let mut process = Proc::start_in("default", Some(&cgroup));
    process.signal(Signal::SIGTERM);
    let status = process.wait();
    session.wait_for_shutdowns(&[process.pid]);
    (process.pid, status)
}
