//! Threads die, exec and take signals in their own ways: still one process, with one exit.

use signal_trace_tests::cases::{Act, Case, assert_none, check};

const CASES: [Case; 11] = [
    // The handler exits: the kernel tells the other threads to die with a SIGKILL of its own.
    Case::new("threads 4 handle 20 7", Act::Term, "graceful", "graceful"),
    Case::new("threads 4 default", Act::Term, "default-action", "default-action"),
    Case::new("threads 4 sigwait 3", Act::Term, "graceful", "graceful"),
    Case::new("threads 4 reraise", Act::Term, "graceful", "graceful"),
    Case::new("threads 4 default", Act::Kill, "killed", "forced")
        .with_findings(&["killed-without-stop-signal"]),
    // A thread that execs kills all others and takes the leader's place.
    Case::new("exec-from-thread handle 0 4", Act::Term, "graceful", "graceful"),
    Case::new("threads 4 exec-from-thread default", Act::Term, "default-action", "default-action"),
    // As `runc init` becomes PID 1 of a container.
    Case::new("threads 5 exec-from-thread handle 0 0", Act::Term, "graceful", "graceful").as_pid1(),
    Case::new("leader-exits handle 0 6", Act::Term, "graceful", "graceful"),
    Case::new("leader-exits default", Act::Term, "default-action", "default-action"),
    // Ends by itself: threads die of it, but there is no shutdown to report.
    Case { verdict: None, ..Case::new("threads 4 exit 5", Act::Nothing, "", "") },
];

#[test]
fn a_process_has_one_end_whatever_its_threads_do() {
    assert_none(&check(&CASES, 5));
}
