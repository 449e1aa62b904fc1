//! Shell scripts that trap SIGTERM, or do not, as entrypoints of containers.

use super::{
    System,
    bench::{self, Bench},
    case::{Case, End},
};

pub(super) const SYSTEM: System = System {
    name: "shell",
    title: "Shell scripts",
    about: "bash as PID 1 of a Docker container, with a grace period of 2 s.",
    run: |system| bench::run(system, CASES, |_| {}),
};

const CASES: &[Case<Bench>] = &[
    Case {
        name: "no trap, a child in the foreground",
        run: |bench| bench.start(2, &[], &["bash", "-c", "echo up; sleep 100; :"]).stop(),
        end: End::exits(137, 2.0..=6.0),
        says: |e| {
            e.verdicts("forced", "ignored")
                .finds("pid1-ignores-stop-signal")
                .finds("stop-signal-not-forwarded")
        },
    },
    Case {
        name: "trap, and wait in a loop",
        run: |bench| {
            let script = "sleep 0.5 & trap 'kill -TERM $!' TERM; echo up; \
                          while kill -0 $! 2>/dev/null; do wait $!; done";
            bench.start(2, &[], &["bash", "-c", script]).stop()
        },
        end: End::exits(143, 0.0..=2.0),
        says: |e| e.verdicts("graceful", "graceful"),
    },
];
