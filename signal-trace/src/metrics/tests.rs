//! The page as a whole: what is on it, that Prometheus can read it, and that the documentation
//! knows it.

mod docs;
mod page;
mod rules;

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::*;
use crate::sinks::sample;

/// Metrics in which everything has a value.
fn filled() -> Metrics {
    let build = Build {
        version: "0.1.0".into(),
        kernel: "6.1.0-\"x\\\n".into(),
        abi: 7,
        start_time_seconds: 1_795_517_455.5,
    };
    let options = Options { labels: Label::ALL.to_vec(), max_series: 100 };
    let mut metrics = Metrics::new(options, build);
    for record in sample::every_record() {
        metrics.line(&Line::from_record(&record, "n1", false));
    }
    // Without the ticks that it brings: the zombies of the sample are of another time.
    metrics.state().health = Arc::new(health());
    metrics.set_phase(Phase::Ready);
    metrics
}

fn health() -> Health {
    let sink = |sink, up| SinkHealth {
        sink,
        delivered_lines: 10,
        dropped_lines: 2,
        failures: 1,
        queue_lines: 3,
        queue_capacity_lines: 100,
        up,
    };
    Health {
        events: 1234,
        signals: 5,
        exits: 6,
        lost: [("process_exit", 3), ("sink", 2)].into(),
        recursion_misses: 1,
        rings: vec![Ring { ring: "signals", fill_ratio: 0.25, capacity_bytes: 1 << 20 }],
        tables: vec![
            Tracked { table: "processes", entries: 300, limit: Some(65_536) },
            Tracked { table: "timelines", entries: 2, limit: None },
        ],
        sinks: vec![sink("stdout", true), sink("file", false)],
        lag_seconds: 0.15,
        reload_failed: true,
    }
}

/// Runs `promtool` with these arguments on a text; panics with what it says if it is not content.
fn promtool(arguments: &[&str], text: &str) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/bin".into()]);
    let program: Option<PathBuf> =
        folders.map(|folder| folder.join("promtool")).find(|path| path.is_file());
    let program = program.expect("promtool is not installed: apt-get install prometheus");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "promtool: {said}\n{text}");
}
