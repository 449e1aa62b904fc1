//! Lines as a node writes them: those of the stored recordings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use signal_trace_tests::{clock, report, schema, tools};

/// Lines of all recordings, as of an hour ago.
pub fn lines() -> Vec<Value> {
    let folder = tools::repository().join("tests/replay/recordings");
    let mut lines = Vec::new();
    for recording in recordings(&folder) {
        lines.extend(report::all(&recording));
    }
    let then = jiff::Timestamp::from_nanosecond(clock::wall_ns()).expect("a time of today");
    let then = then - jiff::SignedDuration::from_hours(1);
    for line in &mut lines {
        line["time"] = json!(format!("{then:.9}"));
    }
    lines
}

/// The shutdowns of [`lines`] again, in a pod.
pub fn in_pods() -> Vec<Value> {
    let pod = json!({
        "namespace": "shop", "pod": "web-7", "uid": "u", "container": "web",
        "owner": "Deployment/web", "deletion_timestamp": null,
    });
    let mut lines = lines();
    lines.retain(|line| line["type"] == "shutdown");
    for line in &mut lines {
        line["workload"]["kubernetes"] = pod.clone();
        for key in ["shutdown_id", "amends"] {
            if let Some(id) = line[key].as_str() {
                line[key] = json!(format!("{id}-pod"));
            }
        }
        schema::checked(&[line.to_string()]);
    }
    lines
}

/// As a file.
pub fn text(lines: &[Value]) -> String {
    let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("there are recordings").flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
