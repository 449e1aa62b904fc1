//! Cuts a recording down to a few cgroups, so that it can be stored as a fixture: what it says of
//! them stays, and what it says of the machine that made it goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::frame;

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

/// The key of a wanted cgroup, from what gives its path: a fact, or the record of its birth.
fn cgroup(line: &Value, paths: &[String]) -> Option<String> {
    let fact = &line["input"]["fact"]["body"]["cgroup"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (key, path) = match frame::of(&line["input"]) {
        Some(frame) => frame::made_cgroup(&frame)?,
        None => (text(&fact["key"])?, text(&fact["path"])?),
    };
    paths.iter().any(|start| path.starts_with(start.as_str())).then_some(key)
}

fn concerns(input: &Value, kept: &BTreeSet<String>) -> bool {
    let fact = &input["fact"]["body"];
    let of_fact = fact["process"]["cgroup"]
        .as_str()
        .or(fact["cgroup"]["key"].as_str())
        .or(fact["workload"]["key"].as_str());
    let key = if let Some(frame) = frame::of(input) {
        frame::cgroup(&frame)
    } else if let Some(key) = of_fact {
        key.to_owned()
    } else {
        // Time, clocks, losses and the end; and that a process is gone harms nobody.
        return true;
    };
    kept.contains(&key)
}

fn anonymous(mut line: Value) -> Value {
    line["node"] = json!("node");
    line["boot_id"] = json!("00000000-0000-0000-0000-000000000000");
    line["kernel"] = json!(line["kernel"].as_str().and_then(|k| k.split('-').next()));
    line
}
