//! Pods that are deleted: the grace period, containers beside each other, and a shared PID namespace.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::{
        case::{Case, End, Got},
        pods::{DEAF, GOOD, ORPHANS, SIDECAR, SLOW, WITH_SIDECAR, WRAPPER},
        says::{deaf, deaf_shell, graceful, overran},
    },
    bench::{Bench, as_the_api_says, ended, in_a_pod, in_pod},
};
use crate::{
    clock::Deadline,
    expected::Expected,
    kubernetes::pod::{container, pod, specification},
    tree,
};

pub(super) fn cases() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "handles SIGTERM",
            run: |bench| bench.deleted(&alone("good", 10, GOOD), "app"),
            end: End::exits(0, 0.0..=3.0),
            says: |e| graceful(in_pod(e, "good", "app", 10)),
        },
        Case {
            name: "ignores SIGTERM, grace 3 s",
            run: |bench| bench.deleted(&alone("deaf", 3, DEAF), "app"),
            end: End::exits(137, 3.0..=6.0),
            says: |e| deaf(in_pod(e, "deaf", "app", 3)),
        },
        Case {
            name: "needs 5 s, grace 3 s",
            run: |bench| bench.deleted(&alone("slow", 3, SLOW), "app"),
            end: End::exits(137, 3.0..=6.0),
            says: |e| overran(in_pod(e, "slow", "app", 3)),
        },
        Case {
            name: "`sh -c` wrapper around the program, grace 3 s",
            run: |bench| bench.deleted(&alone("wrapper", 3, WRAPPER), "app"),
            end: End::exits(137, 3.0..=6.0),
            says: |e| deaf_shell(in_pod(e, "wrapper", "app", 3)),
        },
        Case {
            name: "the sidecar ends first: the program cannot send its last through it",
            run: sidecar,
            end: End::exits(1, 1.0..=4.0).with(&["the sidecar ended first"]),
            says: |e| graceful(in_pod(e, "sidecar", "app", 10)),
        },
        Case {
            name: "`shareProcessNamespace`: the default action works, orphans are reaped",
            run: shared,
            end: End::exits(143, 0.0..=3.0).with(&["no zombies"]),
            says: |e| in_pod(e, "shared", "app", 10).verdicts("default-action", "default-action"),
        },
        Case {
            name: "a Deployment is rolled out: the old pod",
            run: rollout,
            end: End::exits(0, 0.0..=12.0).with(&["rolled out"]),
            says: |e| graceful(in_a_pod(e, "app", 10)),
        },
    ]
}

fn alone(name: &str, grace: u32, script: &str) -> Value {
    pod(name, &specification(grace, &[container("app", script)]))
}

/// Both are told at the same time.
fn sidecar(bench: &Bench) -> Got {
    let containers = [("app", WITH_SIDECAR), ("sidecar", SIDECAR)].map(|(name, script)| {
        let mut container = container(name, script);
        container["volumeMounts"] = json!([{ "name": "shared", "mountPath": "/shared" }]);
        container
    });
    let mut specification = specification(10, &containers);
    specification["volumes"] = json!([{ "name": "shared", "emptyDir": {} }]);
    let pod = bench.start(&pod("sidecar", &specification));
    let (app, sidecar) = (pod.container("app"), pod.container("sidecar"));
    let got = ended(&pod, &app, || pod.delete(&[]));
    let mut got = as_the_api_says(&pod, &app, got);
    let first = pod.wait(&sidecar).at_ns < pod.wait(&app).at_ns;
    got.facts.extend(first.then(|| "the sidecar ended first".to_owned()));
    let said = in_pod(Expected::of("the sidecar", sidecar.pid), "sidecar", "sidecar", 10);
    got.also.push(said.verdicts("graceful", "graceful").exit_code(0));
    pod.release();
    got
}

/// `pause` is PID 1 there, and reaps.
fn shared(bench: &Bench) -> Got {
    let mut specification = specification(10, &[container("app", ORPHANS)]);
    specification["shareProcessNamespace"] = true.into();
    let pod = bench.start(&pod("shared", &specification));
    let app = pod.container("app");
    // `pause` and the program are left.
    let alone = || tree::in_pid_namespace_of(app.pid).len() == 2;
    Deadline::after(Duration::from_secs(10)).until_or_not(alone);
    let none = alone();
    let got = ended(&pod, &app, || pod.delete(&[]));
    let mut got = as_the_api_says(&pod, &app, got);
    got.facts.extend(none.then(|| "no zombies".to_owned()));
    pod.release();
    got
}

/// The pod that a newer one takes the place of.
fn rollout(bench: &Bench) -> Got {
    let labels = json!({ "app": "web" });
    let template = pod("web", &specification(10, &[container("app", GOOD)]));
    let mut spec = template["spec"].clone();
    spec["restartPolicy"] = "Always".into();
    let finalizers = template["metadata"]["finalizers"].clone();
    let cluster = &bench.cluster;
    cluster.create(&json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 1,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels, "finalizers": finalizers }, "spec": spec },
        },
    }));
    cluster
        .wait_for("deployment", "web", "available", |web| web["status"]["availableReplicas"] == 1);
    let names = cluster.kubectl(&["get", "pods", "--selector=app=web", "--output=name"]);
    let old = cluster.running(names.trim_start_matches("pod/"));
    bench.wait_until_told(&old);
    let app = old.container("app");
    let got = ended(&old, &app, || {
        cluster.kubectl(&["rollout", "restart", "deployment/web"]);
    });
    let mut got = as_the_api_says(&old, &app, got);
    let rolled = cluster.try_kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]);
    got.facts.extend(rolled.is_ok().then(|| "rolled out".to_owned()));
    let said = Expected::of("the old pod", app.pid);
    got.also.push(said.says("workload/kubernetes/pod", old.name.as_str()));
    old.release();
    got
}
