//! Every verdict and its findings on the running kernel, fifty times, in cgroups of their own and in ours.

use signal_trace_tests::cases::{Act, Case, assert_none, check};

/// The grace period of the sessions is one second: SIGKILL comes before it or after it.
const BEFORE: u64 = 300;
const AFTER: u64 = 1300;

const CASES: [Case; 13] = [
    Case::new("handle 50 3", Act::Term, "graceful", "graceful"),
    Case::new("sigwait 5", Act::Term, "graceful", "graceful"),
    Case::new("reraise", Act::Term, "graceful", "graceful"),
    Case::new("default", Act::Term, "default-action", "default-action"),
    Case::new("ignore", Act::TermKill(BEFORE), "ignored", "forced")
        .with_findings(&["stop-signal-ignored"]),
    Case::new("default", Act::TermKill(BEFORE), "ignored", "forced")
        .as_pid1()
        .with_findings(&["pid1-ignores-stop-signal"]),
    Case::new("handle 0 0", Act::Term, "graceful", "graceful").as_pid1(),
    Case::new("block", Act::TermKill(BEFORE), "blocked", "forced")
        .with_findings(&["stop-signal-blocked"]),
    Case::new("swallow", Act::TermKill(AFTER), "overran", "forced")
        .with_findings(&["grace-period-exceeded", "handler-does-not-exit"]),
    Case::new("no-forward default", Act::TermKillOrphan(BEFORE), "graceful", "forced")
        .with_children("not-signalled")
        .with_findings(&["stop-signal-not-forwarded"]),
    Case::new("fork 2 handle 10 0", Act::Term, "graceful", "graceful").with_children("graceful"),
    Case::new("default", Act::Kill, "killed", "forced")
        .with_findings(&["killed-without-stop-signal"]),
    Case::new("crash", Act::Term, "crashed", "crashed").with_findings(&["crash-during-shutdown"]),
];

#[test]
fn every_verdict_is_right_fifty_times() {
    let faults: Vec<_> = (0..5).flat_map(|_| check(&CASES, 10)).collect();
    assert_none(&faults);
}
