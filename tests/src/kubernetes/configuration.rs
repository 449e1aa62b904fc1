//! What the programs of a cluster are told: files, and arguments.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{folder::Folder, image, programs, workshop::free_port};

/// What the node is called.
pub const NODE: &str = "st-node";
/// Only what listens on 127.0.0.1 takes it, while the tests run.
const TOKEN: &str = "st-test-token";

/// Where they listen on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    etcd: u16,
    etcd_peers: u16,
    api: u16,
    kubelet: u16,
    kubelet_health: u16,
}

impl Ports {
    /// Some that nobody uses.
    pub fn free() -> Self {
        Self {
            etcd: free_port(),
            etcd_peers: free_port(),
            api: free_port(),
            kubelet: free_port(),
            kubelet_health: free_port(),
        }
    }

    /// Whether etcd listens.
    pub fn etcd_answers(self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.etcd)).is_ok()
    }
}

/// What it depends on.
#[derive(Debug)]
pub struct Configuration<'a> {
    /// For all files.
    pub folder: &'a Folder,
    /// See there.
    pub ports: Ports,
    /// containerd's.
    pub socket: &'a Path,
    /// Pods are below it.
    pub cgroup_root: &'a str,
}

impl Configuration<'_> {
    /// For kubectl and the kubelet.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.file("kubeconfig")
    }

    /// Writes all files.
    pub fn write(&self) {
        let write = |name: &str, text: &str| {
            fs::write(self.folder.file(name), text).expect("the folder is ours");
        };
        write("tokens.csv", &format!("{TOKEN},admin,admin,system:masters\n"));
        let server = format!("https://127.0.0.1:{}", self.ports.api);
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "st",
                "cluster": { "server": server, "insecure-skip-tls-verify": true },
            }],
            "users": [{ "name": "admin", "user": { "token": TOKEN } }],
            "contexts": [{ "name": "st", "context": { "cluster": "st", "user": "admin" } }],
            "current-context": "st",
        });
        write("kubeconfig", &kubeconfig.to_string());
        let kubelet = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "port": self.ports.kubelet,
            "healthzPort": self.ports.kubelet_health,
            "authentication": { "anonymous": { "enabled": true }, "webhook": { "enabled": false } },
            "authorization": { "mode": "AlwaysAllow" },
            "cgroupDriver": "cgroupfs",
            // It kills what it does not know of below its own root.
            "cgroupRoot": self.cgroup_root,
            "volumePluginDir": self.path("volume-plugins"),
            "volumeStatsAggPeriod": "2s",
            "failSwapOn": false,
            "oomScoreAdj": 0,
            "resolvConf": "",
            // Nothing of the machine's network is touched.
            "makeIPTablesUtilChains": false,
            "enableControllerAttachDetach": false,
            // A full disk of the machine is no reason to evict anybody.
            "evictionHard": { "memory.available": "10Mi" },
            "imageGCHighThresholdPercent": 100,
            // It would have its socket in a place that is not ours.
            "featureGates": { "DevicePlugins": false },
        });
        write("kubelet.json", &kubelet.to_string());
        let key = Command::new(programs::system("openssl", "openssl"))
            .args(["genrsa", "-out", &self.path("key.pem"), "2048"])
            .output()
            .expect("openssl can be started");
        assert!(key.status.success(), "openssl: {}", String::from_utf8_lossy(&key.stderr));
    }

    /// Arguments of etcd.
    pub fn etcd(&self) -> Vec<String> {
        let Ports { etcd, etcd_peers, .. } = self.ports;
        let peers = format!("http://127.0.0.1:{etcd_peers}");
        vec![
            format!("--data-dir={}", self.path("etcd")),
            format!("--listen-client-urls=http://127.0.0.1:{etcd}"),
            format!("--advertise-client-urls=http://127.0.0.1:{etcd}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=default={peers}"),
        ]
    }

    /// Arguments of the API server.
    pub fn api_server(&self) -> Vec<String> {
        let key = self.path("key.pem");
        vec![
            format!("--etcd-servers=http://127.0.0.1:{}", self.ports.etcd),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            format!("--secure-port={}", self.ports.api),
            format!("--cert-dir={}", self.path("api-certificates")),
            format!("--token-auth-file={}", self.path("tokens.csv")),
            "--authorization-mode=AlwaysAllow".into(),
            "--service-account-issuer=https://st-test.local".into(),
            format!("--service-account-key-file={key}"),
            format!("--service-account-signing-key-file={key}"),
            "--service-cluster-ip-range=10.99.0.0/24".into(),
            // Nobody makes accounts for pods here.
            "--disable-admission-plugins=ServiceAccount".into(),
            "--enable-aggregator-routing=false".into(),
            "--endpoint-reconciler-type=none".into(),
        ]
    }

    /// Arguments of the kubelet.
    pub fn kubelet(&self) -> Vec<String> {
        let socket = format!("unix://{}", self.socket.display());
        vec![
            format!("--config={}", self.path("kubelet.json")),
            format!("--kubeconfig={}", self.path("kubeconfig")),
            format!("--root-dir={}", self.path("kubelet")),
            format!("--cert-dir={}", self.path("kubelet-certificates")),
            "--container-runtime=remote".into(),
            format!("--container-runtime-endpoint={socket}"),
            format!("--image-service-endpoint={socket}"),
            format!("--pod-infra-container-image={}", image::PAUSE),
            format!("--hostname-override={NODE}"),
            "--v=2".into(),
        ]
    }

    /// Arguments of the controller manager: what rolls out deployments.
    pub fn controllers(&self) -> Vec<String> {
        vec![
            format!("--kubeconfig={}", self.path("kubeconfig")),
            "--controllers=deployment,replicaset".into(),
            "--leader-elect=false".into(),
            "--bind-address=127.0.0.1".into(),
            "--port=0".into(),
            "--secure-port=0".into(),
            format!("--cert-dir={}", self.path("controller-certificates")),
        ]
    }

    fn path(&self, name: &str) -> String {
        self.folder.file(name).display().to_string()
    }
}
