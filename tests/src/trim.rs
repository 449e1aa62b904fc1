//! Cuts a recording down to a few cgroups, so that it can be stored as a fixture: what it says of
//! them stays, and what it says of the machine that made it goes.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Where the ids of its process' cgroup lie in a record: behind the header (24 bytes) and two times
/// (`signal_trace_common::wire`).
const V2_ID: usize = 24 + 16;
const V1_ID: usize = V2_ID + 8;

/// The recording `text`, with only those inputs that concern cgroups whose path begins with one of
/// `paths`.
pub fn trim(text: &str, paths: &[String]) -> String {
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a recording is JSON")).collect();
    let kept: BTreeSet<String> = lines.iter().filter_map(|line| cgroup(line, paths)).collect();
    let mut out = String::new();
    for line in lines {
        let line = match line["type"].as_str() {
            Some("recording") => anonymous(line),
            Some("input") if concerns(&line["input"], &kept) => line,
            _ => continue,
        };
        out.push_str(&line.to_string());
        out.push('\n');
    }
    out
}

/// The key of a wanted cgroup, from the fact that gives its path.
fn cgroup(line: &Value, paths: &[String]) -> Option<String> {
    let fact = &line["input"]["fact"]["body"]["cgroup"];
    let path = fact["path"].as_str()?;
    let wanted = paths.iter().any(|start| path.starts_with(start.as_str()));
    wanted.then(|| fact["key"].as_str().map(str::to_owned))?
}

fn concerns(input: &Value, kept: &BTreeSet<String>) -> bool {
    let fact = &input["fact"]["body"];
    let key = if let Some(frame) = input["frame"].as_str() {
        key_of(&BASE64_STANDARD.decode(frame).expect("frames are base64"))
    } else if let Some(key) = fact["process"]["cgroup"].as_str().or(fact["cgroup"]["key"].as_str())
    {
        key.to_owned()
    } else {
        // Time, clocks, losses and the end; and that a process is gone harms nobody.
        return true;
    };
    kept.contains(&key)
}

fn key_of(frame: &[u8]) -> String {
    let id = |at: usize| {
        let bytes = frame.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        u64::from_ne_bytes(bytes.unwrap_or_default())
    };
    // 1 is the root of a hierarchy.
    match (id(V2_ID), id(V1_ID)) {
        (v2, _) if v2 > 1 => format!("v2:{v2}"),
        (_, v1) if v1 > 1 => format!("v1:{v1}"),
        _ => "root".to_owned(),
    }
}

fn anonymous(mut line: Value) -> Value {
    line["node"] = json!("node");
    line["boot_id"] = json!("00000000-0000-0000-0000-000000000000");
    line["kernel"] = json!(line["kernel"].as_str().and_then(|k| k.split('-').next()));
    line
}
