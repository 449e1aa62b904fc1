//! Every system of the lab that needs nothing that takes long to build: its rows are right, and the
//! documents say what they are.

use signal_trace_tests::{
    cases::assert_none,
    lab::{self, docs, row},
};

/// Runs a system, with its table for whoever reads the output of a failed test.
fn is_right(name: &str) {
    let system = lab::find(name).expect("it is in the list");
    let rows = lab::run(&system);
    let table = row::table(&rows);
    assert!(rows.iter().all(|row| row.faults.is_empty()), "{table}");
    assert_none(&docs::faults(&system, &rows));
}

#[test]
fn shell() {
    is_right("shell");
}

#[test]
fn sidekiq() {
    is_right("sidekiq");
}

#[test]
fn laravel() {
    is_right("laravel");
}

#[test]
fn docker() {
    is_right("docker");
}

#[test]
fn compose() {
    is_right("compose");
}

#[test]
fn compose_v1() {
    is_right("compose-v1");
}

#[test]
fn cri() {
    is_right("cri");
}

#[test]
fn inits() {
    is_right("inits");
}

#[test]
fn supervisord() {
    is_right("supervisord");
}

#[test]
fn control() {
    is_right("control");
}
