//! preStop hooks: what they leave of the grace period.

use serde_json::{Value, json};

use super::{
    super::case::{Case, End},
    bench::{Bench, in_pod},
    scripts::{GOOD, SECOND, SLOW},
};
use crate::kubernetes::pod::{container, pod, specification};

pub(super) fn cases() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "preStop `sleep 30` against a grace of 30 s, the program needs 5 s",
            run: |bench| bench.deleted(&hooked("hook-takes-all", 30, SLOW, "sleep 30"), "app"),
            end: End::exits(137, 31.5..=36.0),
            says: |e| {
                in_pod(e, "hook-takes-all", "app", 30)
                    .verdicts("forced", "overran")
                    .says("process/killed_by", "runtime")
                    .says_within("grace/pre_stop/seconds", 27.5..=31.5)
                    .says("grace/pre_stop/process/comm", "sh")
                    .finds("grace-period-exceeded")
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 30` against a grace of 30 s, the program needs 1 s",
            run: |bench| bench.deleted(&hooked("hook-30", 30, SECOND, "sleep 30"), "app"),
            end: End::exits(0, 30.5..=34.0),
            says: |e| {
                in_pod(e, "hook-30", "app", 30)
                    .verdicts("graceful", "graceful")
                    .says_within("grace/pre_stop/seconds", 27.5..=31.5)
                    .says("grace/pre_stop/process/comm", "sh")
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 60` against a grace of 4 s: the hook is cut off",
            run: |bench| {
                let manifest = hooked("hook-cut-off", 4, GOOD, "sleep 60");
                let mut got = bench.deleted(&manifest, "app");
                got.facts.extend(failed_hooks(bench, "hook-cut-off"));
                got
            },
            end: End::exits(0, 3.9..=8.0).with(&["event FailedPreStopHook"]),
            says: |e| {
                in_pod(e, "hook-cut-off", "app", 4)
                    // The hook had to be.
                    .verdicts("forced", "graceful")
                    .says_within("grace/pre_stop/seconds", 2.0..=5.5)
                    .says("grace/pre_stop/process/comm", "sh")
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 2` against a grace of 10 s",
            run: |bench| bench.deleted(&hooked("hook-short", 10, GOOD, "sleep 2"), "app"),
            end: End::exits(0, 1.9..=6.0),
            says: |e| {
                in_pod(e, "hook-short", "app", 10)
                    .verdicts("graceful", "graceful")
                    .says_within("grace/pre_stop/seconds", 1.9..=3.5)
                    .says("grace/pre_stop/process/comm", "sh")
            },
        },
    ]
}

/// A pod with a hook.
fn hooked(name: &str, grace: u32, script: &str, hook: &str) -> Value {
    let mut app = container("app", script);
    app["lifecycle"] = json!({ "preStop": { "exec": { "command": ["/bin/sh", "-c", hook] } } });
    pod(name, &specification(grace, &[app]))
}

fn failed_hooks(bench: &Bench, pod: &str) -> Option<String> {
    let mut events = bench.cluster.events(pod).into_iter();
    events.find(|reason| reason == "FailedPreStopHook").map(|reason| format!("event {reason}"))
}
