//! Threads die, exec and take signals in their own ways: still one process, with one exit.

use signal_trace_tests::{
    cases::{assert_none, check},
    core_cases::THREADS,
};

#[test]
fn a_process_has_one_end_whatever_its_threads_do() {
    assert_none(&check(&THREADS, 5));
}
