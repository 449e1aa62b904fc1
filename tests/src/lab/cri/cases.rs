//! The cases.

use std::fs;

use super::{
    super::{
        case::{Case, End, Got},
        pods::{DEAF, GOOD, GREEDY, ORPHANS, SIDECAR, SLOW, WITH_SIDECAR, WRAPPER, hooked},
        says::{deaf, deaf_shell, graceful, killed, left, oom_killed, overran},
    },
    bench::{Bench, container, in_pod, pod},
};
use crate::{
    clock::Deadline,
    cri::{ContainerSpec, messages::NAMESPACE_POD},
    expected::Expected,
    inside, tree,
};

pub(super) fn cases() -> Vec<Case<Bench>> {
    [hooks(), graces(), others()].into_iter().flatten().collect()
}

fn hooks() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "preStop `sleep 30` against a grace of 30 s, the program needs 5 s",
            run: |bench| bench.stopped_with("hook-30", SLOW, 30, Some(&["sleep", "30"])),
            end: End::exits(137, 31.5..=36.0),
            says: |e| {
                hooked(overran(in_pod(e, "hook-30", "app", 30)), "sleep", 27.5..=31.5)
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 3` against a grace of 4 s, the program needs 5 s",
            run: |bench| bench.stopped_with("hook-most", SLOW, 4, Some(&["sleep", "3"])),
            end: End::exits(137, 4.9..=8.0),
            says: |e| {
                hooked(overran(in_pod(e, "hook-most", "app", 4)), "sleep", 2.9..=4.5)
                    .finds("prestop-consumed-grace")
            },
        },
        Case {
            name: "preStop `sleep 60` against a grace of 4 s: the hook is cut off",
            run: |bench| bench.stopped_with("hook-cut-off", GOOD, 4, Some(&["sleep", "60"])),
            end: End::exits(0, 3.9..=7.0),
            says: |e| {
                // What was killed is the hook.
                let e = left(in_pod(e, "hook-cut-off", "app", 4), "prestop-consumed-grace");
                hooked(e, "sleep", 2.0..=5.5)
            },
        },
        Case {
            name: "preStop `sleep 2` against a grace of 10 s",
            run: |bench| bench.stopped_with("hook-short", GOOD, 10, Some(&["sleep", "2"])),
            end: End::exits(0, 1.9..=5.0),
            says: |e| hooked(graceful(in_pod(e, "hook-short", "app", 10)), "sleep", 1.9..=3.5),
        },
    ]
}

fn graces() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "handles SIGTERM",
            run: |bench| bench.stopped("good", GOOD, 10),
            end: End::exits(0, 0.0..=3.0),
            says: |e| graceful(in_pod(e, "good", "app", 10)),
        },
        Case {
            name: "ignores SIGTERM, grace 3 s",
            run: |bench| bench.stopped("deaf", DEAF, 3),
            end: End::exits(137, 3.0..=6.0),
            says: |e| deaf(in_pod(e, "deaf", "app", 3)),
        },
        Case {
            name: "needs 5 s, grace 3 s",
            run: |bench| bench.stopped("slow", SLOW, 3),
            end: End::exits(137, 3.0..=6.0),
            says: |e| overran(in_pod(e, "slow", "app", 3)),
        },
        Case {
            name: "`sh -c` wrapper around the program, grace 3 s",
            run: |bench| bench.stopped("wrapper", WRAPPER, 3),
            end: End::exits(137, 3.0..=6.0),
            says: |e| deaf_shell(in_pod(e, "wrapper", "app", 3)),
        },
    ]
}

fn others() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "both containers are told at once: the sidecar is gone when the program needs it",
            run: |bench| with_sidecar(bench, "sidecar-at-once", true),
            end: End::exits(1, 1.0..=4.0),
            says: |e| graceful(in_pod(e, "sidecar-at-once", "app", 10)),
        },
        Case {
            name: "the sidecar is told after the program has ended (native sidecars)",
            run: |bench| with_sidecar(bench, "sidecar-last", false),
            end: End::exits(0, 1.0..=4.0),
            says: |e| graceful(in_pod(e, "sidecar-last", "app", 10)),
        },
        Case {
            name: "`shareProcessNamespace`: the default action works, orphans are reaped",
            run: shared,
            end: End::exits(143, 0.0..=3.0).with(&["no zombies"]),
            says: |e| in_pod(e, "shared", "app", 10).verdicts("default-action", "default-action"),
        },
        Case {
            name: "memory limit: OOMKilled",
            run: out_of_memory,
            end: End::exits(137, 0.0..=5.0).with(&["OOMKilled"]),
            says: |e| oom_killed(in_pod(e, "greedy", "app", 10)),
        },
        Case {
            name: "evicted at once: `StopContainer` with 0 s",
            run: |bench| {
                let command = ["sh", "-c", GOOD];
                bench.start(&bench.pod("evicted"), &container(&command, 20)).evict()
            },
            end: End::exits(137, 0.0..=3.0),
            says: |e| killed(in_pod(e, "evicted", "app", 20)),
        },
    ]
}

fn with_sidecar(bench: &Bench, name: &str, at_once: bool) -> Got {
    let folder = bench.cri.path().join(name);
    fs::create_dir(&folder).expect("the folder is ours");
    let mounts = [(folder, "/shared")];
    let pod = bench.pod(name);
    let (app, side) = (["sh", "-c", WITH_SIDECAR], ["sh", "-c", SIDECAR]);
    let side = ContainerSpec { name: "sidecar", mounts: &mounts, ..container(&side, 10) };
    let side = bench.start(&pod, &side);
    let app = bench.start(&pod, &ContainerSpec { mounts: &mounts, ..container(&app, 10) });
    let (mut got, of_side) = if at_once {
        std::thread::scope(|scope| {
            let of_side = scope.spawn(|| side.stop());
            (app.stop(), of_side.join().expect("it can be stopped"))
        })
    } else {
        (app.stop(), side.stop())
    };
    let said = in_pod(Expected::of("the sidecar", of_side.pid), name, "sidecar", 10);
    got.also.push(said.verdicts("graceful", "graceful").exit_code(0));
    got
}

/// `pause` is PID 1 there, and reaps.
fn shared(bench: &Bench) -> Got {
    let mut spec = pod("shared");
    spec.pids = NAMESPACE_POD;
    let command = ["sh", "-c", ORPHANS];
    let app = bench.start(&bench.cri.run_pod(&spec), &container(&command, 10));
    // `pause` and the program are left.
    let alone = || tree::in_pid_namespace_of(app.pid).len() == 2;
    Deadline::after(std::time::Duration::from_secs(10)).until_or_not(alone);
    let none = alone();
    let mut got = app.stop();
    got.facts.extend(none.then(|| "no zombies".to_owned()));
    got
}

fn out_of_memory(bench: &Bench) -> Got {
    let command = ["sh", "-c", GREEDY];
    let spec = ContainerSpec { memory: Some(32 << 20), ..container(&command, 10) };
    let app = bench.start(&bench.pod("greedy"), &spec);
    app.end(|| fs::write(inside::path(app.pid, "tmp/go"), "").expect("the container runs"))
}
