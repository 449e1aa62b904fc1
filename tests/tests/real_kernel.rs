//! Every verdict and its findings on the running kernel, fifty times, in cgroups of their own and in ours.

use signal_trace_tests::{
    cases::{assert_none, check},
    core_cases::CASES,
};

#[test]
fn every_verdict_is_right_fifty_times() {
    let faults: Vec<_> = (0..5).flat_map(|_| check(&CASES, 10)).collect();
    assert_none(&faults);
}
