//! What pods of the lab run on: a cluster, and a session that watches its node.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;

use super::super::{
    System,
    case::{Case, Got, run_all},
    pods::in_namespace,
    row::Row,
};
use crate::{
    clock::boot_ns,
    expected::Expected,
    kubernetes::{
        self, Cluster,
        pod::{Container, Pod},
    },
    session::{Session, wait_until_told},
};

/// How many cases run side by side: most of their time is waiting.
const AT_A_TIME: usize = 6;

/// See above.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) cluster: Cluster,
    recording: PathBuf,
}

pub(super) fn run(system: &System, cases: &[Case<Bench>]) -> Vec<Row> {
    let cluster = Cluster::start(&kubernetes::built());
    let session = Session::start(&["--runtime", &cluster.runtime_argument()]);
    let bench = Bench { cluster, recording: session.recording().to_owned() };
    run_all(system, bench, session, cases, AT_A_TIME)
}

impl Bench {
    /// Starts a pod; signal-trace has been told of its containers then.
    pub(super) fn start(&self, manifest: &Value) -> Pod<'_> {
        let pod = self.cluster.run_pod(manifest);
        self.wait_until_told(&pod);
        pod
    }

    /// Of all its containers.
    pub(super) fn wait_until_told(&self, pod: &Pod) {
        let object = pod.object();
        let containers = object["spec"]["containers"].as_array().into_iter().flatten();
        for name in containers.filter_map(|container| container["name"].as_str()) {
            wait_until_told(&self.recording, &pod.container(name).id);
        }
    }

    /// Starts a pod, deletes it, and tells what became of one container.
    pub(super) fn deleted(&self, manifest: &Value, container: &str) -> Got {
        let pod = self.start(manifest);
        let container = pod.container(container);
        let got = ended(&pod, &container, || pod.delete(&[]));
        let got = as_the_api_says(&pod, &container, got);
        pod.release();
        got
    }
}

/// What became of a container after something that ends it, as containerd tells it.
pub(super) fn ended(pod: &Pod, container: &Container, by: impl FnOnce()) -> Got {
    let before = boot_ns();
    by();
    let exit = pod.wait(container);
    Got {
        id: container.id.clone(),
        pid: container.pid,
        exit_code: exit.code,
        seconds: Duration::from_nanos(boot_ns() - before).as_secs_f64(),
        facts: Vec::new(),
        also: Vec::new(),
    }
}

/// The same exit code must be what the API server says, if it knows; its reason is a fact, unless it
/// says no more than the code.
pub(super) fn as_the_api_says(pod: &Pod, container: &Container, mut got: Got) -> Got {
    let Some(ended) = pod.terminated(container) else { return got };
    assert_eq!(ended["exitCode"], got.exit_code, "containerd says otherwise: {ended}");
    let reason = ended["reason"].as_str().unwrap_or_default();
    if !["Completed", "Error"].contains(&reason) {
        got.facts.push(reason.to_owned());
    }
    got
}

/// What is said of every container of a pod: who it is, and its grace period.
pub(super) fn in_pod(expected: Expected, pod: &str, container: &str, grace: u32) -> Expected {
    in_a_pod(expected, container, grace).says("workload/kubernetes/pod", pod)
}

/// The same, of a pod whose name is made up by a controller.
pub(super) fn in_a_pod(expected: Expected, container: &str, grace: u32) -> Expected {
    in_namespace(expected, kubernetes::NAMESPACE, container, grace)
}
