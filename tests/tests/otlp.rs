//! OpenTelemetry: what the daemon sends arrives behind a collector of others, and is what the lines
//! say.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    agent::Agent,
    cgroup::Cgroup,
    clock::{Deadline, parse_time},
    otlp::{Collector, Environment, Ports, Receiver},
    process::{Place, Proc},
};

/// Shared by the tests that run at the same time, and gone after the last of them.
fn environment() -> Arc<Environment> {
    static ENVIRONMENT: Mutex<Weak<Environment>> = Mutex::new(Weak::new());
    // One that failed to install it leaves it as it was.
    let mut shared = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let new = Arc::new(Environment::install());
        *shared = Arc::downgrade(&new);
        new
    })
}

fn config(endpoint: &str, protocol: &str) -> String {
    format!(
        "[sinks.otlp]\nenabled = true\nendpoint = \"{endpoint}\"\nprotocol = \"{protocol}\"\n\
         headers = {{ x-scope-orgid = \"shop\" }}\ntimeout = \"2s\"\n"
    )
}

/// PID 1 of a namespace without a handler, which has to be killed; its pid.
fn forced(name: &str) -> i32 {
    let cgroup = Cgroup::new(name);
    let mut process = Proc::start("default", Place { cgroup: Some(&cgroup), pid_namespace: true });
    process.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    process.signal(Signal::SIGKILL);
    process.wait();
    process.pid
}

fn wait_until_said(agent: &Agent, text: &str) {
    let deadline = Deadline::after(Duration::from_secs(10));
    deadline.until(&format!("`{text}`"), || agent.stderr().contains(text));
}

/// What was received of this shutdown, against its line.
fn check(receiver: &Receiver, line: &Value, pid: i32) {
    let id = &line["shutdown_id"];
    let root = receiver.wait_for(&format!("the trace of {id}"), |record| {
        record["parent"] == "" && record["attributes"]["signal_trace.shutdown.id"] == *id
    });
    let trace = &root["trace_id"];
    let time = |value: &Value| value.as_str().expect("a number").parse::<i128>().expect("a number");
    assert_eq!(time(&root["start"]), parse_time(line["stop"]["time"].as_str().expect("a time")));
    let seconds = line["duration_seconds"].as_f64().expect("a number");
    let took = Duration::from_nanos(
        (time(&root["end"]) - time(&root["start"])).try_into().expect("forwards"),
    );
    assert!((took.as_secs_f64() - seconds).abs() < 1e-6, "{took:?}, not {seconds} s");
    assert_eq!(root["attributes"]["signal_trace.shutdown.verdict"], line["verdict"]);
    assert_eq!(line["verdict"], "forced");
    assert_eq!((&root["status"], &root["message"]), (&2.into(), &line["findings"][0]["summary"]));
    let signals = root["events"].as_array().expect("events").iter();
    let names: Vec<_> = signals.map(|event| event["signal_trace.signal.name"].clone()).collect();
    assert_eq!(names, ["SIGTERM", "SIGKILL"]);
    let resource = &root["resource"];
    assert_eq!(resource["service.name"], "signal-trace");
    assert_eq!(resource["host.name"], line["node"]);

    let process = receiver.wait_for("the span of the process", |record| {
        record["trace_id"] == *trace && record["attributes"]["process.pid"] == pid
    });
    assert_eq!(process["parent"], root["span_id"]);
    assert_eq!(process["attributes"]["signal_trace.exit.signal"], "SIGKILL");
    assert_eq!(process["span"], line["processes"][0]["process"]["comm"]);
    for finding in line["findings"].as_array().expect("findings") {
        let log = receiver.wait_for("the finding as a log record", |record| {
            record["log"] == "signal_trace.finding"
                && record["trace_id"] == *trace
                && record["attributes"]["signal_trace.finding.id"] == finding["id"]
        });
        assert_eq!(log["body"], finding["summary"]);
        assert_eq!(log["span_id"], root["span_id"]);
        assert_eq!(log["attributes"]["signal_trace.finding.evidence"], finding["evidence"]);
    }
}

#[test]
fn what_is_sent_arrives_straight_and_through_a_collector() {
    let environment = environment();
    let receiver = Receiver::start(&environment);
    let ports = Ports::free();
    let _collector = Collector::start(&environment, ports, &receiver);
    let local = |port: u16| format!("http://127.0.0.1:{port}");
    for (name, endpoint, protocol) in [
        ("otlp-straight", receiver.endpoint(), "http/protobuf"),
        // By name: resolvers have to work in a hardened daemon, too.
        ("otlp-http", format!("http://localhost:{}", ports.http), "http/protobuf"),
        ("otlp-grpc", local(ports.grpc), "grpc"),
    ] {
        let mut agent = Agent::start(&config(&endpoint, protocol));
        let pid = forced(name);
        let line = agent.wait_for_shutdown("stdout", pid);
        check(&receiver, &line, pid);
        agent.end();
        assert!(!agent.stderr().contains("otlp"), "{}", agent.stderr());
    }
}

/// The last lines are those that tell what was open at the end.
#[test]
fn the_last_lines_are_delivered_at_the_end() {
    let environment = environment();
    let receiver = Receiver::start(&environment);
    let mut agent = Agent::start(&config(&receiver.endpoint(), "http/protobuf"));
    let cgroup = Cgroup::new("otlp-last");
    let mut deaf = Proc::start("ignore", Place { cgroup: Some(&cgroup), ..Place::default() });
    deaf.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    agent.end();
    let pid = deaf.pid;
    let span = receiver.records().into_iter().find(|it| it["attributes"]["process.pid"] == pid);
    let span = span.unwrap_or_else(|| panic!("nothing of it; {}", agent.stderr()));
    assert_eq!(span["attributes"]["signal_trace.process.alive"], true);
    deaf.signal(Signal::SIGKILL);
    deaf.wait();
}

#[test]
fn a_collector_that_comes_late_gets_everything() {
    let environment = environment();
    let receiver = Receiver::start(&environment);
    for protocol in ["http/protobuf", "grpc"] {
        let ports = Ports::free();
        let port = if protocol == "grpc" { ports.grpc } else { ports.http };
        let mut agent = Agent::start(&config(&format!("http://127.0.0.1:{port}"), protocol));
        let pid = forced("otlp-late");
        let line = agent.wait_for_shutdown("stdout", pid);
        wait_until_said(&agent, "the sink otlp fails: http://127.0.0.1:");
        let _collector = Collector::start(&environment, ports, &receiver);
        check(&receiver, &line, pid);
        wait_until_said(&agent, "the sink otlp works again");
        agent.end();
    }
}

/// Those of containers and pods, too, which the other tests have none of.
#[test]
fn every_name_is_one_of_the_semantic_conventions_or_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let unknown =
        environment().unknown_names(&root.join("signal-trace/src/sinks/otlp/tests/golden.json"));
    assert_eq!(unknown, Vec::<String>::new());
}
