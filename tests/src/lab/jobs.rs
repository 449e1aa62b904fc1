//! What became of the jobs of a queue, and the programs of the queues' applications.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// As facts: how many jobs are in which state; states without jobs are left out.
pub fn facts(states: &[(u64, &str)]) -> Vec<String> {
    let some = states.iter().filter(|(count, _)| *count > 0);
    some.map(|(count, state)| {
        let noun = if *count == 1 { "job" } else { "jobs" };
        format!("{count} {noun} {state}")
    })
    .collect()
}

/// The folder of an application's source.
pub fn app(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name)
}

/// Runs a program that must not fail; what it prints.
pub fn text_of(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
