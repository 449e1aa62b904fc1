//! `docker stop` as signal-trace explains it, against what the engine says of its containers.

use std::time::Duration;

use serde_json::{Value, json};
use signal_trace_tests::{
    clock::Deadline,
    docker::Docker,
    lines::{Lines, findings_of},
    session::Session,
};

/// A container of the test, and what must be said of its end.
struct Case {
    what: &'static str,
    options: &'static [&'static str],
    script: &'static str,
    workload: &'static str,
    pid1: &'static str,
    finding: Option<&'static str>,
    /// What `docker exec` runs in it besides.
    session: Option<&'static str>,
}

const CASES: [Case; 9] = [
    Case {
        what: "a shell without a handler",
        options: &[],
        script: "echo up; while :; do sleep 1; done",
        workload: "forced",
        pid1: "ignored",
        finding: Some("pid1-ignores-stop-signal"),
        session: None,
    },
    Case {
        what: "a handler that exits",
        options: &[],
        script: "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done",
        workload: "graceful",
        pid1: "graceful",
        finding: None,
        session: None,
    },
    Case {
        what: "a handler that exits, of another stop signal",
        options: &["--stop-signal=SIGUSR1"],
        script: "trap 'exit 0' USR1; echo up; while :; do sleep 0.05; done",
        workload: "graceful",
        pid1: "graceful",
        finding: None,
        session: None,
    },
    Case {
        what: "a shell that waits for its foreground child",
        options: &[],
        script: "trap 'exit 0' TERM; echo up; sleep 100; :",
        workload: "forced",
        pid1: "overran",
        finding: Some("grace-period-exceeded"),
        session: None,
    },
    Case {
        what: "SIGTERM ignored on purpose",
        options: &[],
        script: "trap '' TERM; echo up; while :; do sleep 1; done",
        workload: "forced",
        pid1: "ignored",
        finding: Some("pid1-ignores-stop-signal"),
        session: None,
    },
    Case {
        what: "a program of its own, without a handler",
        options: &[],
        script: "echo up; exec sleep 100",
        workload: "forced",
        pid1: "ignored",
        finding: Some("pid1-ignores-stop-signal"),
        session: None,
    },
    Case {
        what: "the same under an init",
        options: &["--init"],
        script: "echo up; exec sleep 100",
        workload: "graceful",
        pid1: "graceful",
        finding: None,
        session: None,
    },
    Case {
        what: "a shell that does not tell its child",
        options: &[],
        script: "trap 'exit 0' TERM; sleep 100 & echo up; wait",
        workload: "forced",
        pid1: "graceful",
        finding: Some("stop-signal-not-forwarded"),
        session: None,
    },
    Case {
        what: "a session of docker exec, which nobody inside could tell",
        options: &[],
        script: "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done",
        workload: "forced",
        pid1: "graceful",
        finding: None,
        session: Some("sleep 100"),
    },
];

/// A container that was stopped.
struct Stopped {
    case: &'static Case,
    id: String,
    pid: i32,
    exit_code: i64,
}

#[test]
fn docker_stop_is_explained() {
    let docker = Docker::start();
    // `docker stop -t 2` below; the first container shows that USR1 is one container's own signal.
    let session = Session::start(&["--grace", "2s", "--stop-signal", "USR1"]);
    let stopped: Vec<Stopped> = std::thread::scope(|scope| {
        let docker = &docker;
        let threads: Vec<_> =
            CASES.iter().map(|case| scope.spawn(move || stop(docker, case))).collect();
        threads.into_iter().map(|thread| thread.join().expect("docker works")).collect()
    });
    for container in &stopped {
        session.wait_for_shutdown(container.pid);
    }
    let lines = session.finish().lines;
    let mut faults = lines.losses();
    for container in &stopped {
        let found = faults_of(container, &lines);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", container.case.what)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn stop(docker: &Docker, case: &'static Case) -> Stopped {
    let (id, pid) = docker.start_shell(case.options, case.script);
    if let Some(command) = case.session {
        let words: Vec<_> = command.split(' ').collect();
        docker.run(&[&["exec", "--detach", &id], &words[..]].concat());
        // It is there when `docker top` shows it.
        Deadline::after(Duration::from_secs(20))
            .until("the session", || docker.run(&["top", &id]).contains(command));
    }
    docker.run(&["stop", "--time", "2", &id]);
    let exit_code = docker.inspect(&id, "{{.State.ExitCode}}").parse().expect("a number");
    Stopped { case, id, pid, exit_code }
}

fn faults_of(container: &Stopped, lines: &Lines) -> Vec<String> {
    let case = container.case;
    let Some((shutdown, pid1)) = lines.shutdown(container.pid) else {
        return vec!["no shutdown reported".into()];
    };
    let mut faults = Vec::new();
    let mut must = |what: &str, found: &Value, wanted: Value| {
        if *found != wanted {
            faults.push(format!("{what} is {found}, must be {wanted}"));
        }
    };
    let killed = matches!(case.pid1, "ignored" | "overran");
    must("verdict", &shutdown["verdict"], json!(case.workload));
    must("verdict of PID 1", &pid1["verdict"], json!(case.pid1));
    must("workload id", &shutdown["workload"]["id"], json!(container.id));
    must("workload kind", &shutdown["workload"]["kind"], json!("container"));
    must("runtime", &shutdown["workload"]["runtime"], json!("docker"));
    must("sender", &shutdown["stop"]["sender"]["role"], json!("runtime"));
    must("ns_pid", &pid1["process"]["ns_pid"], json!(1));
    must("main", &pid1["main"], json!(true));
    must("killed_by", &pid1["killed_by"], if killed { json!("runtime") } else { Value::Null });
    must("exit code", &exit_code_as_docker_counts(pid1), json!(container.exit_code));
    must("exits of PID 1", &json!(lines.exits(container.pid).len()), json!(1));

    let findings = findings_of(shutdown);
    if let Some(wanted) = case.finding {
        if !findings.iter().any(|(id, severity)| *id == wanted && *severity != "info") {
            faults.push(format!("no finding {wanted} above info among {findings:?}"));
        }
    } else if findings.iter().any(|(_, severity)| *severity != "info") {
        faults.push(format!("a clean stop is accused: {findings:?}"));
    }
    let others = lines.of("finding").filter(|line| line["workload"]["id"] == json!(container.id));
    faults.extend(others.map(|line| format!("a finding outside the shutdown: {line}")));
    faults
}

/// 128 + N for death by signal N, as a shell does.
fn exit_code_as_docker_counts(report: &Value) -> Value {
    let status = report["exit"]["wait_status"].as_u64().unwrap_or(u64::MAX);
    match status & 0x7f {
        0 => json!(status >> 8),
        signal => json!(128 + signal),
    }
}
