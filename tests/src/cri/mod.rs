//! A containerd of the tests' own that is driven through CRI, as the kubelet does it.

pub mod agent;
pub mod client;
pub mod messages;
mod spec;

use std::{collections::BTreeMap, fs, path::Path, sync::Mutex, time::Duration};

pub use self::spec::{ContainerSpec, PodSpec};
use self::{
    client::Client,
    messages::{
        CONTAINER_EXITED, ContainerConfig, ContainerId, ContainerMetadata, ContainerStatus,
        ContainerStatusResponse, CreateContainerRequest, Empty, ExecSyncRequest, ExecSyncResponse,
        ImageSpec, LinuxContainerConfig, LinuxContainerResources, LinuxContainerSecurityContext,
        LinuxPodSandboxConfig, LinuxSandboxSecurityContext, ListPodSandboxResponse, Mount,
        NAMESPACE_NODE, NAMESPACE_POD, NamespaceOption, PodSandboxConfig, PodSandboxId,
        PodSandboxMetadata, RunPodSandboxRequest, StopContainerRequest,
    },
};
use crate::{
    cgroup,
    clock::Deadline,
    containerd::{self, Containerd},
    daemon,
    folder::Folder,
    image, inside,
};

/// containerd with its CRI plugin, and images of busybox and of a pause program.
#[derive(Debug)]
pub struct Cri {
    client: Client,
    /// Cgroups of its pods, which the kubelet would remove.
    parents: Mutex<Vec<String>>,
    // Stopped in this order.
    containerd: Containerd,
    folder: Folder,
}

/// A pod that runs.
#[derive(Debug)]
pub struct Pod {
    /// Of its sandbox.
    pub id: String,
    /// The pid of the pause program.
    pub pause: i32,
    config: PodSandboxConfig,
}

impl Cri {
    /// Starts it and makes the images.
    pub fn start() -> Self {
        daemon::remove_leftovers();
        let folder = Folder::new();
        let pause = image::pause(&folder);
        Self::start_in(folder, &pause)
    }

    /// The same, for a kubelet, which wants a network; pods are on the node's all the same. `pause`
    /// is Kubernetes' own.
    pub fn start_for_kubelet(pause: &Path) -> Self {
        daemon::remove_leftovers();
        let folder = Folder::new();
        let network = serde_json::json!({
            "cniVersion": "0.4.0",
            "name": "st-test",
            "plugins": [{ "type": "loopback" }],
        });
        let networks = folder.file(containerd::NETWORKS);
        fs::create_dir(&networks).expect("the folder is ours");
        fs::write(networks.join("10-st-test.conflist"), network.to_string())
            .expect("the folder is ours");
        let pause = image::pause_of(&folder, pause, &["/pause"]);
        Self::start_in(folder, &pause)
    }

    fn start_in(folder: Folder, pause: &Path) -> Self {
        let containerd = Containerd::start(&folder, containerd::Client::Kubelet);
        containerd.import(pause);
        containerd.import(&image::busybox(&folder));
        let cri = Self {
            client: Client::new(containerd.socket()),
            parents: Mutex::default(),
            containerd,
            folder,
        };
        Deadline::after(Duration::from_secs(30)).until("CRI", || cri.pods().is_ok());
        cri
    }

    /// `containerd=SOCKET`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        format!("containerd={}", self.containerd.socket().display())
    }

    /// Its containerd, which tells pids and has the bundles.
    pub fn containerd(&self) -> &Containerd {
        &self.containerd
    }

    /// Starts a pod on the node's network: there is no other here.
    pub fn run_pod(&self, spec: &PodSpec) -> Pod {
        let metadata = PodSandboxMetadata {
            name: spec.name.clone(),
            uid: spec.uid.clone(),
            namespace: spec.namespace.clone(),
            attempt: 0,
        };
        self.parents.lock().expect("nobody panicked").push(spec.cgroup_parent.clone());
        let namespaces =
            NamespaceOption { network: NAMESPACE_NODE, pid: spec.pids, ipc: NAMESPACE_POD };
        let mut labels = pod_labels(&metadata);
        labels.extend(spec.labels.iter().cloned());
        let config = PodSandboxConfig {
            labels,
            metadata: Some(metadata),
            log_directory: self.folder.path().display().to_string(),
            annotations: strings(&[("kubernetes.io/config.source", "api")]),
            linux: Some(LinuxPodSandboxConfig {
                cgroup_parent: spec.cgroup_parent.clone(),
                security_context: Some(LinuxSandboxSecurityContext {
                    namespace_options: Some(namespaces),
                }),
            }),
        };
        let request = RunPodSandboxRequest { config: Some(config.clone()) };
        let PodSandboxId { pod_sandbox_id: id } = self.call("RunPodSandbox", &request);
        let pause = self.containerd.pid_of("start", &id);
        Pod { id, pause, config }
    }

    /// Starts a container in a pod as the kubelet does; its id and the pid of its first process. The
    /// command runs [`inside::UP`] when its signal handling is in place.
    pub fn start_container(&self, pod: &Pod, spec: &ContainerSpec) -> (String, i32) {
        let metadata = pod.config.metadata.as_ref().expect("every pod has it");
        let linux = pod.config.linux.as_ref().and_then(|linux| linux.security_context.clone());
        let mut labels = pod_labels(metadata);
        labels.extend(strings(&[("io.kubernetes.container.name", spec.name)]));
        let mut annotations = strings(&[
            ("io.kubernetes.container.hash", "5f1c9cbd"),
            ("io.kubernetes.container.restartCount", "0"),
            ("io.kubernetes.container.terminationMessagePath", "/dev/termination-log"),
            ("io.kubernetes.container.terminationMessagePolicy", "File"),
            ("io.kubernetes.pod.terminationGracePeriod", &spec.grace.to_string()),
        ]);
        if let Some(command) = spec.pre_stop {
            let hook = serde_json::json!({ "exec": { "command": command } });
            annotations.insert("io.kubernetes.container.preStopHandler".into(), hook.to_string());
        }
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: spec.name.to_owned(), attempt: 0 }),
            image: Some(ImageSpec { image: spec.image.to_owned() }),
            command: spec.command.iter().map(ToString::to_string).collect(),
            labels,
            annotations,
            mounts: spec.mounts.iter().map(|(from, to)| mount(from, to)).collect(),
            linux: Some(LinuxContainerConfig {
                resources: spec
                    .memory
                    .map(|limit| LinuxContainerResources { memory_limit_in_bytes: limit }),
                security_context: Some(LinuxContainerSecurityContext {
                    namespace_options: linux.and_then(|context| context.namespace_options),
                    ..Default::default()
                }),
            }),
            ..Default::default()
        };
        let (id, pid) = self.create_and_start(pod, config);
        inside::wait_until_up(pid);
        (id, pid)
    }

    fn create_and_start(&self, pod: &Pod, config: ContainerConfig) -> (String, i32) {
        let request = CreateContainerRequest {
            pod_sandbox_id: pod.id.clone(),
            config: Some(config),
            sandbox_config: Some(pod.config.clone()),
        };
        let ContainerId { container_id: id } = self.call("CreateContainer", &request);
        let _started: Empty =
            self.call("StartContainer", &ContainerId { container_id: id.clone() });
        let pid = self.containerd.pid_of("start", &id);
        (id, pid)
    }

    /// Runs a command in a container to its end, as the kubelet does its hooks; its exit code and
    /// the pid that it had.
    pub fn exec_sync(&self, id: &str, command: &[&str]) -> (i32, i32) {
        let code = self.try_exec_sync(id, command).unwrap_or_else(|error| panic!("{error}"));
        (code, self.containerd.pid_of("exec-started", id))
    }

    /// The same, of a command that may be cut off: its exit code.
    pub fn try_exec_sync(&self, id: &str, command: &[&str]) -> Result<i32, String> {
        let request = ExecSyncRequest {
            container_id: id.to_owned(),
            cmd: command.iter().map(ToString::to_string).collect(),
            timeout: 0,
        };
        let answer: ExecSyncResponse = self.client.call("ExecSync", &request)?;
        Ok(answer.exit_code)
    }

    /// Stops a container, with that many seconds until it is killed.
    pub fn stop_container(&self, id: &str, timeout: i64) {
        let request = StopContainerRequest { container_id: id.to_owned(), timeout };
        let _stopped: Empty = self.call("StopContainer", &request);
    }

    /// What the runtime knows of a container.
    pub fn status(&self, id: &str) -> ContainerStatus {
        let request = ContainerId { container_id: id.to_owned() };
        let answer: ContainerStatusResponse = self.call("ContainerStatus", &request);
        answer.status.expect("the container is there")
    }

    /// The same of one that has just ended: it learns of that a little later than we do.
    pub fn status_at_the_end(&self, id: &str) -> ContainerStatus {
        let mut status = self.status(id);
        Deadline::after(Duration::from_secs(10)).until_or_not(|| {
            status = self.status(id);
            status.state == CONTAINER_EXITED
        });
        status
    }

    /// Stops and removes a pod with all that is in it.
    pub fn remove_pod(&self, id: &str) -> Result<(), String> {
        let request = PodSandboxId { pod_sandbox_id: id.to_owned() };
        let _stopped: Empty = self.client.call("StopPodSandbox", &request)?;
        let _removed: Empty = self.client.call("RemovePodSandbox", &request)?;
        Ok(())
    }

    fn pods(&self) -> Result<Vec<String>, String> {
        let answer: ListPodSandboxResponse = self.client.call("ListPodSandbox", &Empty {})?;
        Ok(answer.items.into_iter().map(|pod| pod.id).collect())
    }

    fn call<Answer: prost::Message + Default>(
        &self,
        method: &str,
        request: &impl prost::Message,
    ) -> Answer {
        self.client.call(method, request).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Cri {
    fn drop(&mut self) {
        // Best effort: a test that failed has already said why.
        for id in self.pods().unwrap_or_default() {
            let _removed = self.remove_pod(&id);
        }
        self.containerd.stop();
        daemon::clear(self.folder.path());
        for parent in std::mem::take(&mut *self.parents.lock().expect("nobody panicked")) {
            cgroup::remove_empty(&parent);
        }
    }
}

fn mount(from: &Path, to: &str) -> Mount {
    Mount {
        container_path: to.to_owned(),
        host_path: from.display().to_string(),
        ..Default::default()
    }
}

fn pod_labels(metadata: &PodSandboxMetadata) -> BTreeMap<String, String> {
    strings(&[
        ("io.kubernetes.pod.name", &metadata.name),
        ("io.kubernetes.pod.namespace", &metadata.namespace),
        ("io.kubernetes.pod.uid", &metadata.uid),
    ])
}

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
