//! Pods: how ours are written down, and what the API server and containerd say of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Cluster, configuration::NODE};
use crate::{containerd::Exit, image, inside};

/// Longer than any grace period here.
const PATIENCE: Duration = Duration::from_secs(120);
/// Keeps an object that is deleted, so that it can be asked how its containers ended.
const FINALIZER: &str = "st-test.local/asked";

/// The reason of an end that the kubelet did not see; the exit code is made up.
const UNKNOWN: &str = "ContainerStatusUnknown";

/// A pod that runs.
#[derive(Debug)]
pub struct Pod<'a> {
    cluster: &'a Cluster,
    /// What the API server calls it.
    pub name: String,
}

/// A container that runs.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name in the pod.
    pub name: String,
    /// What containerd calls it.
    pub id: String,
    /// The pid of its first process, as the node sees it.
    pub pid: i32,
}

/// A container of busybox with a shell script, which runs [`inside::UP`] when its signal handling is
/// in place.
pub fn container(name: &str, script: &str) -> Value {
    json!({
        "name": name,
        "image": image::BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["sh", "-c", script],
    })
}

/// The specification of a pod.
pub fn specification(grace_seconds: u32, containers: &[Value]) -> Value {
    json!({
        "nodeName": NODE,
        "hostNetwork": true,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": grace_seconds,
        "containers": containers,
    })
}

/// A pod that stays, once it is deleted, until [`Pod::release`].
pub fn pod(name: &str, specification: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "finalizers": [FINALIZER] },
        "spec": specification,
    })
}

impl Cluster {
    /// Makes a pod, and waits until it runs.
    pub fn run_pod(&self, manifest: &Value) -> Pod<'_> {
        self.create(manifest);
        self.running(manifest["metadata"]["name"].as_str().expect("ours have a name"))
    }

    /// Waits until all containers of a pod run, and are up.
    pub fn running(&self, name: &str) -> Pod<'_> {
        let runs = |status: &Value| !status["state"]["running"].is_null();
        let object = self.wait_for("pod", name, "running", |pod| {
            let statuses = pod["status"]["containerStatuses"].as_array();
            statuses.is_some_and(|all| !all.is_empty() && all.iter().all(runs))
        });
        let pod = Pod { cluster: self, name: name.to_owned() };
        for status in object["status"]["containerStatuses"].as_array().into_iter().flatten() {
            inside::wait_until_up(pod.container_of(status).pid);
        }
        pod
    }
}

impl Pod<'_> {
    /// One of its containers.
    pub fn container(&self, name: &str) -> Container {
        self.container_of(&self.status(name))
    }

    /// `kubectl delete pod`, with more words; does not wait for its end.
    pub fn delete(&self, words: &[&str]) {
        self.cluster.kubectl(&[&["delete", "pod", &self.name, "--wait=false"], words].concat());
    }

    /// Waits for the end of a container, as containerd tells it.
    pub fn wait(&self, container: &Container) -> Exit {
        self.cluster.containerd().exit_of(&container.id, PATIENCE)
    }

    /// How a container ended, as the API server knows it (`ContainerStateTerminated`). The pod must
    /// be one that stays. It may not know: this kubelet removes containers of a deleted pod as soon
    /// as they have ended, at times before it has looked at how they did.
    pub fn terminated(&self, container: &Container) -> Option<Value> {
        let id = format!("containerd://{}", container.id);
        let find = |pod: &Value| {
            let statuses = pod["status"]["containerStatuses"].as_array().into_iter().flatten();
            let states = statuses.flat_map(|status| [&status["state"], &status["lastState"]]);
            let mut ended = states.map(|state| &state["terminated"]);
            let is_ours =
                |ended: &&Value| ended["containerID"] == id.as_str() || ended["reason"] == UNKNOWN;
            ended.find(is_ours).cloned()
        };
        let pod = self.cluster.wait_for("pod", &self.name, "terminated", |pod| find(pod).is_some());
        find(&pod).filter(|ended| ended["reason"] != UNKNOWN)
    }

    /// The object, as the API server knows it; null if it knows it no more.
    pub fn object(&self) -> Value {
        self.cluster.get("pod", &self.name)
    }

    /// Lets the API server forget a deleted pod.
    pub fn release(&self) {
        let patch = json!({ "metadata": { "finalizers": null } }).to_string();
        self.cluster.kubectl(&["patch", "pod", &self.name, "--type=merge", "--patch", &patch]);
    }

    fn status(&self, container: &str) -> Value {
        let object = self.object();
        let mut statuses = object["status"]["containerStatuses"].as_array().into_iter().flatten();
        let status = statuses.find(|status| status["name"] == container).cloned();
        status.unwrap_or_else(|| panic!("pod {} has no container {container}", self.name))
    }

    fn container_of(&self, status: &Value) -> Container {
        let id = status["containerID"].as_str().and_then(|id| id.strip_prefix("containerd://"));
        let id = id.expect("it runs: it has an id").to_owned();
        let pid = self.cluster.containerd().pid_of("start", &id);
        Container { name: status["name"].as_str().expect("they have one").to_owned(), id, pid }
    }
}
