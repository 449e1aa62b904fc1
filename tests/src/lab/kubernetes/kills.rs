//! Pods that are not stopped by `kubectl delete`: killed by the kernel, by the kubelet on behalf of
//! a probe or of the node's disk, or deleted by force.

use std::{fs, path::Path};

use serde_json::json;

use super::{
    super::{
        case::{Case, End, Got},
        pods::{DEAF, GOOD, GREEDY, SLOWER},
        says::{deaf, killed, oom_killed, overran},
    },
    bench::{Bench, as_the_api_says, ended, in_pod},
};
use crate::{
    inside,
    kubernetes::pod::{Pod, container, pod, specification},
};

pub(super) fn cases() -> Vec<Case<Bench>> {
    vec![
        Case {
            name: "evicted: it wrote more to its `emptyDir` than it may",
            run: evicted,
            end: End::exits(137, 0.0..=60.0).with(&["Evicted"]),
            says: |e| killed(in_pod(e, "evicted", "app", 20)),
        },
        Case {
            name: "memory limit: OOMKilled",
            run: out_of_memory,
            end: End::exits(137, 0.0..=5.0).with(&["OOMKilled"]),
            says: |e| oom_killed(in_pod(e, "greedy", "app", 10)),
        },
        Case {
            name: "liveness probe fails, the program ignores SIGTERM, grace 3 s",
            run: not_alive,
            end: End::exits(137, 3.0..=9.0).with(&["event Unhealthy", "restarted"]),
            says: |e| deaf(in_pod(e, "not-alive", "app", 3)),
        },
        Case {
            name: "`kubectl delete --grace-period=0 --force`, needs 10 s, grace 20 s",
            run: forced,
            end: End::exits(137, 0.0..=8.0).with(&["unknown to the API server"]),
            says: |e| {
                overran(in_pod(e, "by-force", "app", 20)).says("process/killed_by", "kubelet")
            },
        },
    ]
}

/// The only pod of its kind on a node that is not short of anything else.
fn evicted(bench: &Bench) -> Got {
    let mut app = container("app", GOOD);
    app["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    let mut specification = specification(20, &[app]);
    specification["volumes"] = json!([{ "name": "data", "emptyDir": { "sizeLimit": "1Mi" } }]);
    let pod = bench.start(&pod("evicted", &specification));
    let app = pod.container("app");
    let mut got = ended(&pod, &app, || {
        let data = inside::path(app.pid, "data/much");
        fs::write(data, vec![b'x'; 4 << 20]).expect("the volume is there");
    });
    // It knows no more than this of one that was evicted: the kubelet takes away the rest.
    let object = bench
        .cluster
        .wait_for("pod", &pod.name, "evicted", |pod| !pod["status"]["reason"].is_null());
    got.facts.extend(object["status"]["reason"].as_str().map(str::to_owned));
    delete(&pod);
    got
}

fn out_of_memory(bench: &Bench) -> Got {
    let mut app = container("app", GREEDY);
    app["resources"] = json!({ "limits": { "memory": "32Mi", "cpu": "500m" } });
    let pod = bench.start(&pod("greedy", &specification(10, &[app])));
    let app = pod.container("app");
    let got = ended(&pod, &app, || touch(&inside::path(app.pid, "tmp/go")));
    let got = as_the_api_says(&pod, &app, got);
    delete(&pod);
    got
}

/// It fails when a file is gone.
fn not_alive(bench: &Bench) -> Got {
    let mut app = container("app", DEAF);
    app["livenessProbe"] = json!({
        "exec": { "command": ["test", "-e", "/tmp/up"] },
        "periodSeconds": 1,
        "failureThreshold": 1,
        "timeoutSeconds": 10,
    });
    let mut specification = specification(3, &[app]);
    specification["restartPolicy"] = "Always".into();
    let pod = bench.start(&pod("not-alive", &specification));
    let app = pod.container("app");
    let got = ended(&pod, &app, || {
        fs::remove_file(inside::path(app.pid, "tmp/up")).expect("it is up");
    });
    let mut got = as_the_api_says(&pod, &app, got);
    let events = bench.cluster.events(&pod.name).into_iter();
    got.facts.extend(
        events.filter(|reason| reason == "Unhealthy").map(|reason| format!("event {reason}")),
    );
    let again = bench.cluster.running(&pod.name).container("app");
    got.facts.extend((again.id != app.id).then(|| "restarted".to_owned()));
    delete(&pod);
    got
}

/// The kubelet finds a cgroup of a pod that it does not know any more, and kills all in it.
fn forced(bench: &Bench) -> Got {
    let mut manifest = pod("by-force", &specification(20, &[container("app", SLOWER)]));
    manifest["metadata"]["finalizers"].take();
    let pod = bench.start(&manifest);
    let app = pod.container("app");
    let mut unknown = false;
    let mut got = ended(&pod, &app, || {
        pod.delete(&["--grace-period=0", "--force"]);
        unknown = pod.object().is_null();
    });
    got.facts.extend(unknown.then(|| "unknown to the API server".to_owned()));
    got
}

fn touch(path: &Path) {
    fs::write(path, "").expect("the container runs");
}

fn delete(pod: &Pod) {
    pod.delete(&[]);
    pod.release();
}
