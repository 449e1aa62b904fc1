//! The Helm chart: it renders with whatever is switched on, to what Kubernetes takes and to no more
//! privileges than are named here.

use std::{fs, process::Command};

use serde_json::{Value, json};
use signal_trace_tests::{
    chart::{KUBERNETES, committed, faults, object, objects, render, try_render},
    cri::agent::{Node, environment},
    folder::Folder,
    programs,
};

/// Everything at once.
const ALL: [&str; 15] = [
    "namespace.create=true",
    "hostPID=true",
    "capabilities.sysResource=true",
    "capabilities.sysAdmin=true",
    "kubeApi.enabled=true",
    "metrics.ipv6=true",
    "podMonitor.enabled=true",
    "podMonitor.labels.release=prometheus",
    "serviceMonitor.enabled=true",
    "prometheusRule.enabled=true",
    "dashboard.enabled=true",
    "networkPolicy.enabled=true",
    "networkPolicy.from[0].namespaceSelector.matchLabels.team=monitoring",
    "networkPolicy.egress[0].ports[0].port=4318",
    "runtimes.paths={/run/containerd,/run/crio,/run/docker.sock,/run/systemd/private,/run/dbus}",
];
/// Nothing that can be left out.
const LEAST: [&str; 9] = [
    "metrics.enabled=false",
    "history.enabled=false",
    "watch.enabled=false",
    "service.enabled=false",
    "serviceAccount.create=false",
    "runtimes.paths=null",
    "tolerations=null",
    "seLinuxOptions=null",
    "appArmorProfile=null",
];

fn daemon_set(values: &[&str]) -> Value {
    object(&objects(&render(KUBERNETES, values)), "DaemonSet").clone()
}

fn container(daemon_set: &Value) -> &Value {
    let containers = daemon_set["spec"]["template"]["spec"]["containers"].as_array();
    let [container] = containers.expect("it has containers").as_slice() else {
        panic!("more than one container")
    };
    container
}

#[test]
fn every_combination_is_valid_in_every_version() {
    for version in ["1.25", "1.29", "1.30", "1.35", "1.37"] {
        for values in [&[][..], &ALL, &LEAST, &["seccompProfile.type=RuntimeDefault"]] {
            let faults = faults(version, &render(version, values));
            assert!(faults.is_empty(), "Kubernetes {version} with {values:?}:\n{faults}");
        }
    }
}

#[test]
fn wrong_manifests_are_found() {
    let good = render(KUBERNETES, &ALL);
    for (right, wrong) in [
        ("hostPID:", "hostPid:"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: \"yes\""),
        ("honorLabels:", "honourLabels:"),
        ("interval: 30s", "interval: often"),
        ("kind: NetworkPolicy", "kind: NetworkPolice"),
    ] {
        assert!(good.contains(right), "nothing like `{right}` is rendered");
        let found = faults(KUBERNETES, &good.replace(right, wrong));
        assert!(!found.is_empty(), "`{wrong}` in place of `{right}` is not found");
    }
}

#[test]
fn committed_manifests_are_what_the_chart_gives() {
    let rendered = render(KUBERNETES, &["namespace.create=true"]);
    let same = objects(&committed()) == objects(&rendered);
    assert!(same, "deploy/kubernetes is stale: run `cargo xtask manifests` and commit it");
}

#[test]
fn wrong_values_are_refused_by_name() {
    for (value, named) in [
        ("capabilites.sysAdmin=true", "capabilites"),
        ("hostPID=maybe", "hostPID"),
        ("runtimes.paths={run}", "runtimes/paths/0"),
        ("seccompProfile.type=None", "seccompProfile/type"),
        ("seccompProfile.type=Localhost", "localhostProfile"),
        ("history.maxTotal=1", "history/maxTotal"),
        ("metrics.port=0", "metrics/port"),
        ("terminationGracePeriodSeconds=0", "terminationGracePeriodSeconds"),
    ] {
        let refused = try_render(KUBERNETES, &[value]).expect_err(value);
        assert!(refused.contains(named), "{value}: {refused}");
    }
    let values = ["podMonitor.enabled=true", "metrics.enabled=false"];
    let refused = try_render(KUBERNETES, &values).expect_err("nothing to scrape");
    assert!(refused.contains("podMonitor.enabled needs metrics.enabled"), "{refused}");
}

#[test]
fn daemon_takes_its_configuration_and_environment() {
    for (values, ip) in [(&[][..], "10.0.0.7"), (&ALL, "fd00::7"), (&LEAST, "10.0.0.7")] {
        let objects = objects(&render(KUBERNETES, values));
        let daemon_set = object(&objects, "DaemonSet");
        let node = Node { name: "worker-7", ip, paths: &[], environment: &[] };
        let mut maps = objects.iter().filter(|object| object["kind"] == "ConfigMap");
        let file = maps.find_map(|map| map["data"]["config.toml"].as_str()).expect("a file");
        let folder = Folder::new();
        fs::write(folder.file("config.toml"), file).expect("the folder is ours");
        let checked = Command::new(programs::signal_trace())
            .args(["daemon", "--check-config", "--config"])
            .arg(folder.file("config.toml"))
            .envs(
                environment(&container(daemon_set)["env"], &node)
                    .into_iter()
                    // Of the image, which has the feature that this program is built without.
                    .filter(|e| e.key != "SIGNAL_TRACE__KUBE_API")
                    .map(|e| (e.key, e.value)),
            )
            .output()
            .expect("it can be started");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{values:?}: {said}");
    }
}

#[test]
fn privileges_are_the_least() {
    let daemon_set = daemon_set(&[]);
    let pod = &daemon_set["spec"]["template"]["spec"];
    assert_eq!(pod["hostPID"], false);
    assert_eq!(pod["hostNetwork"], Value::Null);
    assert_eq!(pod["hostIPC"], Value::Null);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let security = json!({
        "runAsUser": 0,
        "runAsGroup": 0,
        "privileged": false,
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {
            "drop": ["ALL"],
            "add": ["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH"],
        },
        "seccompProfile": { "type": "Unconfined" },
        "appArmorProfile": { "type": "Unconfined" },
        "seLinuxOptions": { "type": "spc_t" },
    });
    assert_eq!(container(&daemon_set)["securityContext"], security);
    let mounts = container(&daemon_set)["volumeMounts"].as_array().expect("a list").iter();
    let writable: Vec<_> =
        mounts.filter(|m| m["readOnly"] != true).map(|m| &m["mountPath"]).collect();
    assert_eq!(writable, ["/var/log/signal-trace", "/run/signal-trace"]);
}

#[test]
fn old_kernels_get_more_only_when_asked() {
    let all = daemon_set(&["capabilities.sysResource=true", "capabilities.sysAdmin=true"]);
    let added = &container(&all)["securityContext"]["capabilities"]["add"];
    let names = ["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "SYS_RESOURCE", "SYS_ADMIN"];
    assert_eq!(*added, json!(names));
}

#[test]
fn every_volume_is_mounted_and_every_mount_has_a_volume() {
    for values in [&[][..], &ALL, &LEAST] {
        let daemon_set = daemon_set(values);
        let names = |list: &Value| -> Vec<String> {
            let mut names: Vec<_> = list.as_array().expect("a list").iter().map(name).collect();
            names.sort();
            names
        };
        let volumes = names(&daemon_set["spec"]["template"]["spec"]["volumes"]);
        assert_eq!(volumes, names(&container(&daemon_set)["volumeMounts"]), "{values:?}");
    }
}

fn name(thing: &Value) -> String {
    thing["name"].as_str().expect("it has a name").to_owned()
}

#[test]
fn monitors_carry_the_alerts_and_the_dashboard_of_the_repository() {
    let objects = objects(&render(KUBERNETES, &ALL));
    let groups = &object(&objects, "PrometheusRule")["spec"]["groups"];
    assert!(groups.as_array().is_some_and(|groups| !groups.is_empty()), "no alerts: {groups}");
    let mut maps = objects.iter().filter(|object| object["kind"] == "ConfigMap");
    let dashboard = maps.find_map(|map| map["data"]["signal-trace.json"].as_str());
    let dashboard: Value =
        serde_json::from_str(dashboard.expect("a dashboard")).expect("it is JSON");
    assert_eq!(dashboard["uid"], "signal-trace");
}
