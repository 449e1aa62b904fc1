//! Holds every line against the schema that signal-trace itself prints.

use std::{process::Command, sync::OnceLock};

use jsonschema::Validator;
use serde_json::Value;

use crate::programs;

/// Compiled once for all tests of a program.
fn validator() -> &'static Validator {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let output =
            Command::new(programs::signal_trace()).arg("schema").output().expect("it can start");
        assert!(output.status.success(), "signal-trace schema: {}", output.status);
        let schema = serde_json::from_slice(&output.stdout).expect("a schema is JSON");
        jsonschema::validator_for(&schema).expect("the schema is one")
    })
}

/// Parses the lines; panics at the first one that the schema does not allow.
pub fn checked(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| check(line)).collect()
}

fn check(text: &str) -> Value {
    let line: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON: {error}: {text}"));
    let faults: Vec<String> = validator()
        .iter_errors(&line)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "not in the schema: {}: {text}", faults.join("; "));
    for key in ["schema", "type", "time", "node", "seq"] {
        assert!(line.get(key).is_some(), "a line without `{key}`: {text}");
    }
    line
}
