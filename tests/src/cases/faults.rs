//! Compares single parts of a recording with what the harness did and saw.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::{
    clock::parse_time,
    lines::Lines,
    process::{Bracket, Proc},
};

/// How far a recorded time may be from what we measured, on a busy virtual machine.
pub const SLACK: Duration = Duration::from_millis(20);

/// The ids of the findings above `info`, as they are listed: the worst first.
pub fn findings_of(shutdown: &Value) -> Value {
    let findings = shutdown["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    findings.iter().filter(|f| f["severity"] != "info").map(|f| f["id"].clone()).collect()
}

/// We are the parent of all that we kill, and not part of any of the workloads.
pub fn killer(process: &Proc) -> Value {
    if process.status == Some(libc::SIGKILL) { json!("parent") } else { Value::Null }
}

/// One exit, with the status and at the time that waitpid saw.
pub fn exit_faults(process: &Proc, lines: &Lines) -> Vec<String> {
    let mut faults = Vec::new();
    let exits = lines.exits(process.pid);
    let ([exit], Some(status)) = (&exits[..], process.status) else {
        return vec![format!("{} exits recorded", exits.len())];
    };
    let (code, signal) = match status & 0x7f {
        0 => (json!(status >> 8 & 0xff), Value::Null),
        number => {
            let name = Signal::try_from(number).map_or_else(
                |_| format!("SIGRTMIN+{}", number - libc::SIGRTMIN()),
                |signal| signal.as_str().to_owned(),
            );
            (Value::Null, json!(name))
        }
    };
    for (key, wanted) in [("wait_status", json!(status)), ("code", code), ("signal", signal)] {
        if exit["exit"][key] != wanted {
            faults.push(format!("exit: {key} is {}, must be {wanted}", exit["exit"][key]));
        }
    }
    let bracket = process.ended.expect("reaped");
    faults.extend(time_fault("exit", exit, bracket));
    faults
}

/// Exactly the one signal that we sent, from us, to it, at that time; none from others.
pub fn signal_faults(pid: i32, name: &str, sent: Option<Bracket>, lines: &Lines) -> Vec<String> {
    let signals = lines.signals(pid, name);
    // What a process sends to itself (abort, re-raise) is its own affair.
    let foreign: Vec<_> =
        signals.into_iter().filter(|line| line["sender"]["role"] != "self").collect();
    match (&foreign[..], sent) {
        ([], None) => Vec::new(),
        ([line], Some(bracket)) => {
            let mut faults: Vec<_> = time_fault(name, line, bracket).into_iter().collect();
            let sender = &line["sender"]["process"]["pid"];
            if *sender != std::process::id() {
                faults.push(format!("{name}: sender is {sender}, not us"));
            }
            if line["sender"]["role"] != "parent" {
                faults.push(format!("{name}: role is {}, not parent", line["sender"]["role"]));
            }
            faults
        }
        (lines, sent) => {
            vec![format!("{} {name} recorded, sent: {}", lines.len(), sent.is_some())]
        }
    }
}

pub fn time_fault(what: &str, line: &Value, bracket: Bracket) -> Option<String> {
    let time = parse_time(line["time"].as_str().unwrap_or_default());
    let off = (bracket.from - time).max(time - bracket.to);
    (!bracket.holds(time, SLACK)).then(|| format!("{what}: time is {} us off", off / 1000))
}
