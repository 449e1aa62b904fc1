//! `signal-trace report`: a recording, seen through filters.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::{lines::Lines, programs, schema};

/// What it prints as text.
pub fn text(recording: &Path, filters: &[&str]) -> String {
    run(recording, &[&["--format", "text"], filters].concat())
}

/// The lines that it prints, each checked against the schema.
pub fn lines(recording: &Path, filters: &[&str]) -> Lines {
    let text = run(recording, &[&["--format", "json"], filters].concat());
    Lines::new(schema::checked(&text.lines().map(str::to_owned).collect::<Vec<_>>()))
}

/// All lines of a recording, which need not be whole; each is checked against the schema.
pub fn all(recording: &Path) -> Vec<Value> {
    let output = command(recording, &["--format", "json"]).output().expect("it can be started");
    let text = String::from_utf8(output.stdout).expect("signal-trace prints UTF-8");
    schema::checked(&text.lines().map(str::to_owned).collect::<Vec<_>>())
}

/// Faults if the shutdowns that these filters show are not exactly those of these processes.
pub fn faults_of_filter(recording: &Path, filters: &[&str], pids: &[i32]) -> Vec<String> {
    let output = command(recording, &[&["--format", "json"], filters].concat())
        .output()
        .expect("signal-trace can be started");
    if !output.status.success() {
        return vec![format!("{filters:?}: {}", String::from_utf8_lossy(&output.stderr).trim())];
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = Lines::new(schema::checked(&text.lines().map(str::to_owned).collect::<Vec<_>>()));
    faults_of_shown(&lines, &format!("{filters:?}"), pids)
}

/// The same, of lines that were filtered already.
pub fn faults_of_shown(lines: &Lines, what: &str, pids: &[i32]) -> Vec<String> {
    let mut faults = Vec::new();
    for pid in pids.iter().filter(|pid| lines.shutdown(**pid).is_none()) {
        faults.push(format!("{what}: the shutdown of process {pid} is not shown"));
    }
    for shutdown in lines.of("shutdown") {
        let mut reports = shutdown["processes"].as_array().into_iter().flatten();
        if !reports.any(|report| pids.iter().any(|pid| report["process"]["pid"] == *pid)) {
            faults.push(format!("{what}: shows {}", shutdown["workload"]));
        }
    }
    faults
}

/// Faults if something of hostile names acts on a terminal, or makes a line of its own. Such names
/// hold a line that begins with `FORGED`.
pub fn faults_of_text(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if let Some(odd) = text.chars().find(|c| c.is_control() && *c != '\n') {
        faults.push(format!("the report prints {odd:?}"));
    }
    if text.contains(['\u{202e}', '\u{2028}']) {
        faults.push("the report prints what turns or breaks lines".into());
    }
    if text.lines().any(|line| line.trim_start().starts_with("FORGED")) {
        faults.push("a name makes a line of its own".into());
    }
    faults
}

fn run(recording: &Path, arguments: &[&str]) -> String {
    let output = command(recording, arguments).output().expect("signal-trace can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "report {arguments:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).expect("signal-trace prints UTF-8")
}

fn command(recording: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(programs::signal_trace());
    command.arg("report").arg(recording).args(arguments).env_remove("RUST_BACKTRACE");
    command
}
