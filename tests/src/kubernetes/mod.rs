//! A Kubernetes cluster of one node on 127.0.0.1: the real kubelet, API server and controller
//! manager, with etcd and a containerd of the tests' own. There is no scheduler: pods name their
//! node. There is no pod network: pods use the node's.

mod cgroups;
mod configuration;
mod node;
pub mod pod;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use self::{
    cgroups::Cgroups,
    configuration::{Configuration, NODE, Ports},
    node::Node,
};
use crate::{
    clock::Deadline, containerd::Containerd, cri::Cri, daemon::Daemon, folder::Folder, programs,
};

/// Where pods are made.
pub const NAMESPACE: &str = "st-lab";
/// The API server answers in a second, the kubelet needs some more; but a machine can be busy.
const PATIENCE: Duration = Duration::from_secs(90);

/// All of it. Stopped in this order.
#[derive(Debug)]
pub struct Cluster {
    _controllers: Daemon,
    _kubelet: Daemon,
    _api: Daemon,
    _etcd: Daemon,
    cri: Cri,
    _cgroups: Cgroups,
    _node: Node,
    kubeconfig: PathBuf,
    folder: Folder,
}

/// Clears away what runs that were killed have left of a kubelet's.
pub fn remove_leftovers() {
    cgroups::remove_leftovers();
    node::remove_leftovers();
}

/// Where `cargo xtask lab kubernetes` puts the programs that it builds.
pub fn built() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab/kubernetes");
    folder.canonicalize().unwrap_or_else(|_| {
        panic!("there is no {}: cargo xtask lab kubernetes builds it", folder.display())
    })
}

impl Cluster {
    /// Starts it with the programs of a folder; returns when the node is ready.
    pub fn start(programs: &Path) -> Self {
        let cri = Cri::start_for_kubelet(&programs.join("pause"));
        let folder = Folder::new();
        let node = Node::keep();
        let cgroups = Cgroups::new();
        let configuration = Configuration {
            folder: &folder,
            ports: Ports::free(),
            socket: cri.containerd().socket(),
            cgroup_root: cgroups.root(),
        };
        configuration.write();
        let start = |name: &'static str, program: PathBuf, arguments: Vec<String>| {
            Daemon::start(name, Command::new(program).args(arguments), &folder)
        };
        let etcd = programs::system("etcd", "etcd-server");
        let mut etcd = start("etcd", etcd, configuration.etcd());
        etcd.until("answer", || configuration.ports.etcd_answers());
        let kubeconfig = configuration.kubeconfig();
        let mut api =
            start("kube-apiserver", programs.join("kube-apiserver"), configuration.api_server());
        let ask = |words: &[&str]| kubectl(&folder, &kubeconfig, words);
        api.until("be ready", || {
            ask(&["get", "--raw", "/readyz"]).is_ok()
                && ask(&["create", "namespace", NAMESPACE]).is_ok()
        });
        let mut kubelet = start("kubelet", programs.join("kubelet"), configuration.kubelet());
        let controllers = start(
            "kube-controllers",
            programs.join("kube-controller-manager"),
            configuration.controllers(),
        );
        kubelet.until("make its node ready", || {
            ask(&["get", "node", NODE, "--output=json"]).is_ok_and(|node| is_ready(&node))
        });
        Self {
            _controllers: controllers,
            _kubelet: kubelet,
            _api: api,
            _etcd: etcd,
            cri,
            _cgroups: cgroups,
            _node: node,
            kubeconfig,
            folder,
        }
    }

    /// `containerd=SOCKET`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        self.cri.runtime_argument()
    }

    /// Its containerd, which tells pids and ends.
    pub fn containerd(&self) -> &Containerd {
        self.cri.containerd()
    }

    /// Where there is room for more.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Runs `kubectl WORDS`; what it prints.
    pub fn kubectl(&self, words: &[&str]) -> String {
        self.try_kubectl(words).unwrap_or_else(|error| panic!("kubectl {words:?}: {error}"))
    }

    /// The same; what it says if it fails.
    pub fn try_kubectl(&self, words: &[&str]) -> Result<String, String> {
        kubectl(&self.folder, &self.kubeconfig, words)
    }

    /// Makes an object.
    pub fn create(&self, object: &Value) {
        let kind = object["kind"].as_str().expect("objects have a kind");
        let name = object["metadata"]["name"].as_str().expect("ours have a name");
        let file = self.folder.file(&format!("{kind}-{name}.json"));
        std::fs::write(&file, object.to_string()).expect("the folder is ours");
        self.kubectl(&["create", "--validate=false", "--filename", &file.display().to_string()]);
    }

    /// An object, as the API server knows it; null if there is none.
    pub fn get(&self, kind: &str, name: &str) -> Value {
        let text = self.kubectl(&["get", kind, name, "--output=json", "--ignore-not-found"]);
        if text.is_empty() { Value::Null } else { parse(&text) }
    }

    /// Waits until an object is as wanted.
    pub fn wait_for(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let object = self.get(kind, name);
            if wanted(&object) {
                return object;
            }
            assert!(!deadline.passed(), "{kind} {name} is not {what}: {}", object["status"]);
            // kubectl is slow to start, and the cases share two processors.
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// The reasons of the events about an object, each once.
    pub fn events(&self, name: &str) -> Vec<String> {
        let about = format!("involvedObject.name={name}");
        let list = self.kubectl(&["get", "events", "--field-selector", &about, "--output=json"]);
        let list = parse(&list);
        let events = list["items"].as_array().into_iter().flatten();
        let mut reasons: Vec<_> =
            events.filter_map(|event| Some(event["reason"].as_str()?.to_owned())).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

fn kubectl(folder: &Folder, kubeconfig: &Path, words: &[&str]) -> Result<String, String> {
    let output = Command::new(programs::system("kubectl", "kubernetes-client"))
        // What it caches goes away with the folder.
        .env("HOME", folder.path())
        .env("KUBECONFIG", kubeconfig)
        .args(["--namespace", NAMESPACE])
        .args(words)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("kubectl prints {text:?}: {error}"))
}

fn is_ready(node: &str) -> bool {
    let node = parse(node);
    let conditions = node["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}
