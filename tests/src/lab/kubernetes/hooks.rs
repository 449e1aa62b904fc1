//! preStop hooks: what they leave of the grace period.

use serde_json::{Value, json};

use super::{
    super::{
        case::{Case, End},
        pods::{GOOD, SECOND, SLOW, hooked},
        says::{graceful, left, overran},
    },
    bench::{Bench, in_pod},
};
use crate::kubernetes::pod::{container, pod, specification};

pub(super) fn cases() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "preStop `sleep 30` against a grace of 30 s, the program needs 5 s",
            run: |bench| bench.deleted(&with_hook("hook-takes-all", 30, SLOW, "sleep 30"), "app"),
            end: End::exits(137, 31.5..=36.0),
            says: |e| {
                hooked(overran(in_pod(e, "hook-takes-all", "app", 30)), "sh", 27.5..=31.5)
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 30` against a grace of 30 s, the program needs 1 s",
            run: |bench| bench.deleted(&with_hook("hook-30", 30, SECOND, "sleep 30"), "app"),
            end: End::exits(0, 30.5..=34.0),
            says: |e| {
                hooked(graceful(in_pod(e, "hook-30", "app", 30)), "sh", 27.5..=31.5)
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 60` against a grace of 4 s: the hook is cut off",
            run: |bench| {
                let manifest = with_hook("hook-cut-off", 4, GOOD, "sleep 60");
                let mut got = bench.deleted(&manifest, "app");
                got.facts.extend(failed_hooks(bench, "hook-cut-off"));
                got
            },
            end: End::exits(0, 3.9..=8.0).with(&["event FailedPreStopHook"]),
            says: |e| {
                // What was killed is the hook.
                let e = left(in_pod(e, "hook-cut-off", "app", 4), "prestop-consumed-grace");
                hooked(e, "sh", 2.0..=5.5)
            },
        },
        Case {
            name: "preStop `sleep 2` against a grace of 10 s",
            run: |bench| bench.deleted(&with_hook("hook-short", 10, GOOD, "sleep 2"), "app"),
            end: End::exits(0, 1.9..=6.0),
            says: |e| hooked(graceful(in_pod(e, "hook-short", "app", 10)), "sh", 1.9..=3.5),
        },
    ]
}

/// A pod with a hook.
fn with_hook(name: &str, grace: u32, script: &str, hook: &str) -> Value {
    let mut app = container("app", script);
    app["lifecycle"] = json!({ "preStop": { "exec": { "command": ["/bin/sh", "-c", hook] } } });
    pod(name, &specification(grace, &[app]))
}

fn failed_hooks(bench: &Bench, pod: &str) -> Option<String> {
    let mut events = bench.cluster.events(pod).into_iter();
    events.find(|reason| reason == "FailedPreStopHook").map(|reason| format!("event {reason}"))
}
