//! What is kept of a pod and how many of them, and where the API server is looked for.

use std::path::Path;

use serde_json::{Value, json};
use signal_trace_core::{
    time::BootNs,
    workload::{Configured, Kind, Runtime, Source, Workload},
};

use super::{Change, Config, Pods, What, pod::Pod, pod_uid, pods::MOST_PODS};

const UID: &str = "12345678-9abc-def0-1234-56789abcdef0";
const OTHER: &str = "87654321-9abc-def0-1234-56789abcdef0";
const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const INNER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

fn read(json: &Value) -> Pod {
    serde_json::from_str(&json.to_string()).expect("a pod")
}

fn named(uid: &str) -> Pod {
    Pod { uid: uid.to_owned(), name: Some(format!("of {uid}")), ..Pod::default() }
}

fn change(what: What) -> Change {
    Change { at: BootNs(0), what }
}

fn is_known(pods: &Pods, uid: &str) -> bool {
    let container = Workload { kind: Kind::Container, ..Workload::default() };
    pods.complete(Some(uid), b"", Some(&container), None) != Some(container)
}

#[test]
fn the_owner_is_who_controls_the_pod() {
    let owner = |labels: Value, owners: Value| {
        read(&json!({"metadata": {"labels": labels, "ownerReferences": owners}})).owner
    };
    let by = |kind: &str, name: &str| json!([{"kind": kind, "name": name, "controller": true}]);
    let hash = json!({"pod-template-hash": "5d4f8"});
    for (labels, owners, expected) in [
        (&hash, by("ReplicaSet", "web-5d4f8"), Some("Deployment/web")),
        (&hash, by("ReplicaSet", "web-a-5d4f8"), Some("Deployment/web-a")),
        (&hash, by("ReplicaSet", "web"), Some("ReplicaSet/web")),
        (&hash, by("ReplicaSet", "web5d4f8"), Some("ReplicaSet/web5d4f8")),
        (&hash, by("ReplicaSet", "-5d4f8"), Some("ReplicaSet/-5d4f8")),
        (&json!({"pod-template-hash": ""}), by("ReplicaSet", "web-"), Some("ReplicaSet/web-")),
        (&json!({}), by("ReplicaSet", "web-5d4f8"), Some("ReplicaSet/web-5d4f8")),
        (&Value::Null, by("Job", "backup-29390400"), Some("Job/backup-29390400")),
        (&hash, by("StatefulSet", "db-5d4f8"), Some("StatefulSet/db-5d4f8")),
        (&hash, json!([{"kind": "Gadget", "name": "g", "controller": false}]), None),
        (&hash, json!([{"kind": "Gadget", "name": "g"}]), None),
        (&hash, by("", "g"), None),
        (&hash, Value::Null, None),
    ] {
        assert_eq!(owner(labels.clone(), owners.clone()).as_deref(), expected, "{owners}");
    }
}

#[test]
fn hostile_pods_are_cut() {
    let long = "\u{20ac}\u{1b}[2J".repeat(800);
    let words = vec![long.clone(); 70];
    let containers: Vec<_> = (0..70)
        .map(|number| {
            json!({"name": format!("{number}{long}"), "image": long,
                "lifecycle": {"preStop": {"exec": {"command": words}}}})
        })
        .collect();
    let statuses = json!([{"name": format!("0{long}"), "containerID": format!("docker://{long}")},
        {"name": null, "containerID": "no-scheme"}]);
    let pod = read(&json!({
        "metadata": {"name": long, "namespace": long, "uid": UID, "deletionTimestamp": long,
            "deletionGracePeriodSeconds": -1, "labels": {"app": long, &long: long},
            "ownerReferences": [{"kind": long, "name": long, "controller": true}]},
        "spec": {"terminationGracePeriodSeconds": i64::MAX, "containers": containers,
            "initContainers": containers},
        "status": {"containerStatuses": statuses}
    }));
    for text in [&pod.name, &pod.namespace, &pod.owner, &pod.deletion_timestamp] {
        assert!((4090..=4096).contains(&text.as_ref().unwrap().len()));
    }
    assert_eq!((pod.labels.len(), pod.containers.len()), (1, 64));
    for container in &pod.containers {
        let bytes: usize = container.pre_stop.iter().flatten().map(String::len).sum();
        assert!((12 << 10..=16 << 10).contains(&bytes) && container.name.len() <= 4096, "{bytes}");
        assert_eq!(container.id, None);
    }
    let mut pods = Pods::default();
    pods.take_in(change(What::Now(pod)));
    let path = format!("/kubepods/pod{UID}/{ID}");
    let told = pods.complete(Some(UID), path.as_bytes(), None, None).unwrap();
    assert_eq!(told.grace_ns, Some(Configured { value: u64::MAX, source: Source::Kubernetes }));
    assert_eq!(told.name, None);

    // Texts that are none, and what is not as it should be in places that nobody looks at.
    let text = r#"{"metadata": {"name": "a\ud800\u0000", "managedFields": [[{}]]}, "x": -1e9}"#;
    let pod = serde_json::from_str::<Pod>(text).unwrap();
    assert_eq!(pod.name.as_deref(), Some("a\u{fffd}\u{fffd}\u{fffd}\0"));
    assert!(serde_json::from_str::<Pod>(&"[".repeat(100_000)).is_err());
}

#[test]
fn pods_are_bounded_and_those_that_have_gone_make_room() {
    let mut pods = Pods::default();
    let uid = |number: usize| format!("uid-{number}");
    let all = |range: std::ops::Range<usize>| What::All(range.map(|n| named(&uid(n))).collect());
    assert_eq!(pods.take_in(change(all(0..MOST_PODS))).len(), MOST_PODS);
    assert!(pods.take_in(change(What::Now(named("new")))).is_empty());
    assert!(!is_known(&pods, "new") && is_known(&pods, &uid(7)));
    // It is still known for a while, until its place is needed.
    assert!(pods.take_in(change(What::Gone(named(&uid(7))))).is_empty());
    assert!(is_known(&pods, &uid(7)));
    assert_eq!(pods.take_in(change(What::Now(named("new")))).len(), 1);
    assert!(is_known(&pods, "new") && !is_known(&pods, &uid(7)));
    // One that is there again after all makes no room.
    pods.take_in(change(What::Gone(named(&uid(8)))));
    pods.take_in(change(What::Now(named(&uid(8)))));
    assert!(pods.take_in(change(What::Now(named("newer")))).is_empty());
    assert!(is_known(&pods, &uid(8)));
    // Of those that are not in a list any more, a few are known for a while.
    assert!(pods.take_in(change(all(0..1))).is_empty());
    let known = (1..MOST_PODS).filter(|number| is_known(&pods, &uid(*number))).count();
    assert!((63..=64).contains(&known), "{known}");
    // One without a uid cannot be told from others.
    assert!(pods.take_in(change(What::Now(named("")))).is_empty());
}

#[test]
fn only_the_containers_of_the_pod_are_in_it() {
    let uid = |path: &str| {
        let path = path.replace("$UID", UID).replace("$ID", ID).replace("$INNER", INNER);
        pod_uid(path.as_bytes(), None)
    };
    for path in [
        "/kubepods/burstable/pod$UID/$ID",
        "/kubepods/pod$UID/$ID/init",
        "/kubepods.slice/kubepods-pod12345678_9abc_def0_1234_56789abcdef0.slice/crio-$ID.scope/container",
        "/system.slice/containerd.service/kubepods-burstable-pod12345678_9abc_def0_1234_56789abcdef0.slice:cri-containerd:$ID",
        "/docker/$INNER/kubelet/kubepods/pod$UID/$ID",
    ] {
        assert_eq!(uid(path).as_deref(), Some(UID), "{path}");
    }
    for path in [
        "/kubepods/pod$UID/$ID/docker/$INNER",
        "/kubepods/pod$UID/$ID/system.slice/cron.service",
        "/kubepods/pod$UID",
        "/docker/$ID",
        "/",
    ] {
        assert_eq!(uid(path), None, "{path}");
    }
}

#[test]
fn a_pod_of_a_file_is_known_by_its_hash() {
    let mirror = |uid: &str| {
        let annotations = json!({"kubernetes.io/config.mirror": uid});
        read(&json!({"metadata": {"uid": OTHER, "annotations": annotations}})).uid
    };
    let hash = "0123456789abcdef0123456789abcdef";
    assert_eq!(mirror(hash), hash);
    // Nobody takes the place of another pod that way.
    assert_eq!(mirror(UID), OTHER);
}

#[test]
fn what_others_say_stands_and_nothing_is_lost_when_a_container_is_started_anew() {
    let pod = |id: &str| {
        read(&json!({
            "metadata": {"uid": UID, "name": "web-0", "namespace": "shop"},
            "spec": {"containers": [{"name": "web", "image": "web:1"}], "ephemeralContainers": []},
            "status": {"containerStatuses": [{"name": "web", "containerID": format!("cri-o://{id}")}]}
        }))
    };
    let mut pods = Pods::default();
    pods.take_in(change(What::Now(pod(ID))));
    let path = format!("/kubepods/pod{UID}/{ID}");
    let first = pods.complete(Some(UID), path.as_bytes(), None, None).unwrap();
    assert_eq!((first.name.as_deref(), first.runtime), (Some("web"), Some(Runtime::CriO)));
    pods.take_in(change(What::Now(pod(INNER))));
    assert_eq!(pods.complete(Some(UID), path.as_bytes(), None, Some(&first)), Some(first.clone()));

    let sandbox = Workload {
        kind: Kind::Container,
        sandbox: true,
        id: Some(INNER.to_owned()),
        image: Some("pause:3".to_owned()),
        ..Workload::default()
    };
    let told = pods.complete(Some(UID), path.as_bytes(), Some(&sandbox), None).unwrap();
    assert_eq!((told.name, told.image.as_deref(), told.sandbox), (None, Some("pause:3"), true));
    let unit = Workload { kind: Kind::Unit, ..Workload::default() };
    assert_eq!(pods.complete(Some(UID), path.as_bytes(), Some(&unit), None), Some(unit));
}

#[test]
fn the_api_server_is_found_in_the_cluster_only() {
    let folder = std::env::temp_dir().join(format!("st-kube-config-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    for name in ["token", "ca.crt"] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    let config = |variables: [&str; 3], host: Option<&str>, folder: &Path| {
        let names = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "NODE_NAME"];
        let variable = |name: &str| {
            let index = names.iter().position(|known| *known == name).unwrap();
            Some(variables[index].to_owned())
        };
        Config::read(variable, || host.map(str::to_owned), folder)
    };
    let node = |variables, host| config(variables, host, &folder).map(|config| config.node);
    assert_eq!(node(["h", "443", "node-1"], None).unwrap(), "node-1");
    assert_eq!(node(["h", "443", ""], Some("Node-2.lan")).unwrap(), "node-2.lan");
    let ipv6 = config(["fd00::1", "443", "n"], None, &folder).unwrap();
    assert_eq!(ipv6.authority(), "[fd00::1]:443");
    for (variables, expected) in [
        (["", "443", "n"], "this is none: KUBERNETES_SERVICE_HOST is not set"),
        (["h", "", "n"], "KUBERNETES_SERVICE_PORT holds none"),
        (["h", "https", "n"], "KUBERNETES_SERVICE_PORT holds none"),
        (["h", "443", ""], "set NODE_NAME"),
        (["h", "443", "n&watch=1"], "set NODE_NAME"),
    ] {
        let error = config(variables, None, &folder).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let error = config(["h", "443", "n"], None, &folder).unwrap_err().to_string();
    assert!(error.contains("there is no ") && error.contains("/token"), "{error}");
}
