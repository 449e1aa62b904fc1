//! The enricher with a Kubernetes API server: what it makes of pods, and of a server that is unwell.

mod api;
mod failures;

use std::time::Duration;

use serde_json::{Value, json};
use signal_trace_core::{
    ids::CgroupKey,
    time::SECOND,
    workload::{Configured, Runtime, Source as Told, Workload},
};
use tokio::sync::mpsc;

use self::api::{Api, Way, stream};
use super::{
    super::{Manager, Subject, cri::Cri, source::Source},
    Log, Running, ticking,
};
use crate::{
    capture::procfs::Root,
    net::grpc::fake::{Fake as Grpc, Reply},
};

const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const S: Duration = Duration::from_secs(1);

fn path() -> String {
    format!("/kubepods/burstable/pod{UID}/{ID}")
}

/// A pod of a Deployment, as the API server shows it.
fn pod(version: u64) -> Value {
    json!({
        "metadata": {
            "name": "web-5d4f8-x2x1z", "namespace": "shop", "uid": UID,
            "resourceVersion": version.to_string(),
            "labels": {"app": "web", "pod-template-hash": "5d4f8", "other": "x"},
            "annotations": null,
            "ownerReferences": [
                {"kind": "Gadget", "name": "g"},
                {"kind": "ReplicaSet", "name": "web-5d4f8", "controller": true}
            ]
        },
        "spec": {
            "terminationGracePeriodSeconds": 45,
            "initContainers": [{"name": "prepare", "image": "prepare:1"}],
            "containers": [
                {"name": "log", "image": "log:1"},
                {"name": "web", "image": "shop/web:7",
                 "lifecycle": {"preStop": {"exec": {"command": ["/bin/sleep", "5"]}}}}
            ]
        },
        "status": {"phase": "Running", "containerStatuses": [
            {"name": "web", "containerID": format!("containerd://{ID}")}, {"name": "log"}
        ]}
    })
}

fn list(version: u64, pods: &[Value]) -> Way {
    let version = version.to_string();
    let list = json!({"kind": "PodList", "metadata": {"resourceVersion": version}, "items": pods});
    Way::ok(list.to_string())
}

fn event(kind: &str, object: &Value) -> Vec<u8> {
    format!("{}\n", json!({"type": kind, "object": object})).into_bytes()
}

fn deleted(version: u64, grace: u64) -> Value {
    let mut pod = pod(version);
    pod["metadata"]["deletionTimestamp"] = json!("2026-11-24T10:50:55Z");
    pod["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    pod
}

fn owner(workload: &Workload) -> Option<&str> {
    workload.kubernetes.as_ref()?.owner.as_deref()
}

fn grace(workload: &Workload) -> Option<u64> {
    let Configured { value, source } = workload.grace_ns?;
    assert_eq!(source, Told::Kubernetes);
    Some(value / SECOND)
}

/// Both ends: an API server, and an enricher that asks nobody else, which was told of one pod.
async fn alone() -> (Api, Running, mpsc::UnboundedSender<Vec<u8>>) {
    let (lines, watch) = stream();
    let api = Api::start([list(7, &[pod(5)]), watch]).await;
    let running = Running::with_kube(Vec::new(), Some(api.config()));
    (api, running, lines)
}

#[tokio::test]
async fn the_api_alone_names_a_container() {
    let (api, running, _lines) = alone().await;
    running.want(1, &path());
    let (key, web) = running.fact().await;
    assert_eq!(key, 1);
    assert_eq!((web.name.as_deref(), web.image.as_deref()), (Some("web"), Some("shop/web:7")));
    assert_eq!((web.runtime, web.id.as_deref()), (Some(Runtime::Containerd), Some(ID)));
    assert_eq!(web.labels, [("app".to_owned(), "web".to_owned())]);
    assert_eq!(web.pre_stop.as_deref(), Some(&["/bin/sleep".to_owned(), "5".to_owned()][..]));
    assert_eq!(grace(&web), Some(45));
    let kubernetes = web.kubernetes.unwrap();
    assert_eq!(kubernetes.namespace.as_deref(), Some("shop"));
    assert_eq!(kubernetes.pod.as_deref(), Some("web-5d4f8-x2x1z"));
    assert_eq!(kubernetes.uid.as_deref(), Some(UID));
    assert_eq!(kubernetes.container.as_deref(), Some("web"));
    assert_eq!(kubernetes.owner.as_deref(), Some("Deployment/web"));
    assert_eq!(kubernetes.deletion_timestamp, None);
    // A second cgroup of it is told at once.
    running.want(2, &format!("{}/init", path()));
    assert_eq!(running.fact().await.0, 2);
    while api.requests().len() < 2 {
        tokio::time::sleep(S / 100).await;
    }
    assert_eq!(api.requests(), ["0", "watch 7"]);
    assert_eq!(api.tokens(), ["token-1", "token-1"]);
}

#[tokio::test]
async fn a_deletion_is_told_to_all_cgroups_of_the_pods_containers() {
    let (_api, running, lines) = alone().await;
    running.want(1, &path());
    running.want(2, &format!("{}/init", path()));
    running.fact().await;
    running.fact().await;
    // Nothing that we keep of it: nothing is told.
    let mut ready = pod(8);
    ready["status"]["phase"] = json!("Ready");
    lines.send(event("MODIFIED", &ready)).unwrap();
    lines.send(event("BOOKMARK", &json!({"metadata": {"resourceVersion": "9"}}))).unwrap();
    lines.send(event("INVENTED-LATER", &json!(1))).unwrap();
    // In two pieces.
    let line = event("MODIFIED", &deleted(10, 12));
    let (begin, end) = line.split_at(100);
    lines.send(begin.to_vec()).unwrap();
    lines.send(end.to_vec()).unwrap();
    for key in [1, 2] {
        let (told, web) = running.fact().await;
        assert_eq!((told, grace(&web)), (key, Some(12)));
        let kubernetes = web.kubernetes.unwrap();
        assert_eq!(kubernetes.deletion_timestamp.as_deref(), Some("2026-11-24T10:50:55Z"));
        assert_eq!(kubernetes.container.as_deref(), Some("web"));
    }
    // The kubelet's last word, when all has ended: no news of how it was stopped.
    lines.send(event("MODIFIED", &deleted(11, 0))).unwrap();
    lines.send(event("DELETED", &deleted(12, 0))).unwrap();
    let mut other = pod(13);
    other["metadata"]["uid"] = json!("87654321-9abc-def0-1234-56789abcdef0");
    lines.send(event("ADDED", &other)).unwrap();
    running.want(3, "/kubepods/pod87654321-9abc-def0-1234-56789abcdef0/$DOCKER");
    let (key, unnamed) = running.fact().await;
    assert_eq!((key, unnamed.name.as_deref(), grace(&unnamed)), (3, None, Some(45)));
    assert_eq!(unnamed.kubernetes.as_ref().unwrap().container, None, "it is not in its status");
    // Who comes late hears of the one that has gone.
    running.want(4, &format!("{}/late", path()));
    let (key, web) = running.fact().await;
    assert_eq!((key, grace(&web)), (4, Some(12)));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_goes_on_and_one_that_expired_begins_anew() {
    let _clock = ticking();
    let (log, _guard) = Log::start();
    let (api, running, lines) = alone().await;
    let bookmark =
        |version: &str| event("BOOKMARK", &json!({"metadata": {"resourceVersion": version}}));
    lines.send(bookmark("90")).unwrap();
    drop(lines);
    let (second, watch) = stream();
    api.add(watch);
    running.facts_within(3 * S).await;
    assert_eq!(api.requests(), ["0", "watch 7", "watch 90"]);
    // Nothing happened, and the server ends it as it was asked to.
    running.facts_within(300 * S).await;
    drop(second);
    let (third, watch) = stream();
    api.add(watch);
    running.facts_within(2 * S).await;
    assert_eq!(api.requests()[3..], ["watch 90"]);
    // It is too old by now.
    let status = json!({"kind": "Status", "status": "Failure", "code": 410, "reason": "Expired"});
    third.send(event("ERROR", &status)).unwrap();
    api.add(list(200, &[deleted(150, 5)]));
    // So may be what is asked for next.
    api.add(Way::Says(410, Vec::new()));
    api.add(list(300, &[deleted(150, 5)]));
    let (_fourth, watch) = stream();
    api.add(watch);
    running.facts_within(10 * S).await;
    assert_eq!(api.requests()[4..], ["0", "watch 200", "0", "watch 300"]);
    running.want(1, &path());
    assert_eq!(grace(&running.fact().await.1), Some(5));
    assert_eq!(log.lines("WARN"), Vec::<String>::new());
}

#[tokio::test]
async fn what_cri_says_is_completed() {
    let body = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        Reply::Body([&[0], &length[..], bytes].concat(), 0, b"")
    };
    let cri = Grpc::start(move |method, _| match method.rsplit('/').next() {
        Some("ContainerStatus") => body(include_bytes!("../cri/fixtures/container.bin")),
        Some("PodSandboxStatus") => body(include_bytes!("../cri/fixtures/sandbox.bin")),
        _ => body(include_bytes!("../cri/fixtures/image.bin")),
    });
    // Of a path that tells of no pod: its uid is what CRI says.
    let subject = Subject { key: CgroupKey::V2(1), path: format!("/default/{ID}").into() };
    let mut alone = Cri::new(cri.socket(), Runtime::Containerd);
    let learned = alone.look_up(&subject).await.unwrap().unwrap();
    let of_cri = learned.kubernetes.clone().unwrap();

    let mut pod = deleted(5, 9);
    pod["metadata"]["uid"] = json!(of_cri.uid);
    pod["metadata"]["labels"] = json!({"app": "renamed"});
    pod["spec"]["containers"][1]["name"] = json!(of_cri.container);
    pod["status"] = json!({});
    let (lines, watch) = stream();
    let api = Api::start([list(7, &[]), watch]).await;
    let source = Source::at(Manager::Containerd, &cri.socket(), &Root::default());
    let running = Running::with_kube(vec![source], Some(api.config()));
    running.want(1, &format!("/default/{ID}"));
    assert_eq!(running.fact().await, (1, learned.clone()));
    lines.send(event("ADDED", &pod)).unwrap();
    let (_, web) = running.fact().await;
    let mut expected = learned;
    let kubernetes = expected.kubernetes.as_mut().unwrap();
    kubernetes.owner = Some("ReplicaSet/web-5d4f8".into());
    kubernetes.deletion_timestamp = Some("2026-11-24T10:50:55Z".into());
    expected.labels = vec![("app".into(), "renamed".into())];
    expected.grace_ns = Some(Configured { value: 9 * SECOND, source: Told::Kubernetes });
    expected.pre_stop = Some(vec!["/bin/sleep".into(), "5".into()]);
    assert_eq!(web, expected);
}
