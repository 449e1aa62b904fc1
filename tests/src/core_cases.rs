//! The cases that every kernel must pass: each verdict, with its findings.

use crate::cases::{Act, Case};

/// The grace period of the sessions is one second: SIGKILL comes before it or after it.
const BEFORE: u64 = 300;
const AFTER: u64 = 1300;

/// A process for every verdict, and then some.
pub const CASES: [Case; 13] = [
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

/// What threads do.
pub const THREADS: [Case; 11] = [
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
