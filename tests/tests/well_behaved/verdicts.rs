//! What a session says of a system, held against what it did.

use serde_json::{Value, json};
use signal_trace_tests::{clock::parse_time, lines::Lines, running::Running, system::End};

/// How far a recorded time may be from what we measured, on a busy virtual machine.
const SLACK_NS: i128 = 50_000_000;

/// All that is said wrongly.
pub fn faults(running: &Running, lines: &Lines) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |what: &str, found: &Value, wanted: Value| {
        if *found != wanted {
            faults.push(format!("{what}: {found}, must be {wanted}"));
        }
    };
    let of_it = |line: &&Value| is_of(running, line);
    let shutdowns: Vec<_> = lines.of("shutdown").filter(of_it).collect();
    if let End::Ends(status) | End::Stops { status, .. } = running.system.end {
        must("wait status", &json!(running.status), json!(status));
    }
    if let End::Stops { main, workload, status } = running.system.end {
        must("number of shutdowns", &json!(shutdowns.len()), json!(1));
        let shutdown = shutdowns.last().copied().unwrap_or(&Value::Null);
        let report = report_of(running.main, shutdown).unwrap_or(&Value::Null);
        must("workload verdict", &shutdown["verdict"], json!(workload));
        must("complete", &shutdown["complete"], json!(true));
        must("stop signal", &shutdown["stop"]["signal"], json!(running.system.signal.as_str()));
        let sender = &shutdown["stop"]["sender"]["process"]["pid"];
        let told_by_us = json!(*sender == std::process::id());
        must("told by us", &told_by_us, json!(running.system.told_by_us));
        must("main process", &report["main"], json!(true));
        must("its verdict", &report["verdict"], json!(main));
        must("its killer", &report["killed_by"], Value::Null);
        must("its wait status", &report["exit"]["wait_status"], json!(status));
        if let Some(cgroup) = &running.cgroup {
            must("cgroup", &shutdown["workload"]["cgroup"], json!(cgroup.path));
        } else {
            must("workload kind", &shutdown["workload"]["kind"], json!("process"));
        }
    } else {
        must("shutdowns", &json!(shutdowns), json!([]));
    }
    let exits = lines.exits(running.pid).into_iter().filter(|line| in_its_life(running, line));
    must("exits", &json!(exits.count()), json!(usize::from(running.status.is_some())));
    for line in lines.of("finding").filter(of_it) {
        if line["finding"]["severity"] != "info" {
            must("finding", line, Value::Null);
        }
    }
    // Also of a part of it, which in our cgroup is a workload of its own.
    let touched = |line: &&Value| {
        of_it(line) || running.others().iter().any(|pid| is_about(running, *pid, line))
    };
    for shutdown in lines.of("shutdown").filter(touched) {
        for finding in shutdown["findings"].as_array().into_iter().flatten() {
            if finding["severity"] != "info" {
                must("finding", finding, Value::Null);
            }
        }
    }
    faults
}

/// Of its cgroup, which nobody else is in; else of its main process.
fn is_of(running: &Running, line: &Value) -> bool {
    match &running.cgroup {
        Some(cgroup) if !line["workload"]["cgroup"].is_null() => {
            line["workload"]["cgroup"] == json!(cgroup.path)
        }
        _ => is_about(running, running.main, line),
    }
}

fn is_about(running: &Running, pid: i32, line: &Value) -> bool {
    let found = line["process"]["pid"] == pid || report_of(pid, line).is_some();
    found && in_its_life(running, line)
}

fn report_of(pid: i32, shutdown: &Value) -> Option<&Value> {
    let mut reports = shutdown["processes"].as_array().into_iter().flatten();
    reports.find(|report| report["process"]["pid"] == pid)
}

/// Not of another process, before or after it, that had the same pid.
fn in_its_life(running: &Running, line: &Value) -> bool {
    let stop = &line["stop"]["time"];
    let time = stop.as_str().or(line["time"].as_str()).map(parse_time);
    let (from, to) = running.life;
    time.is_some_and(|time| from <= time && to.is_none_or(|to| time <= to + SLACK_NS))
}
