//! How the API server is reached: what Kubernetes gives every container, and nothing else.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use nix::unistd::gethostname;

/// Where Kubernetes mounts token and CA certificates of the service account.
const CREDENTIALS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Of a name in the DNS, which a node's is.
const MOST_NAME: usize = 253;

/// How the API server is reached, and of which node it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(super) host: String,
    pub(super) port: u16,
    /// Folder of `token` and `ca.crt`. Both are replaced while we run.
    pub(super) credentials: PathBuf,
    pub(super) node: String,
}

impl Config {
    /// As Kubernetes tells a container of it.
    ///
    /// # Errors
    /// This is no container of Kubernetes, or it has no service account or no name of a node.
    pub fn in_cluster() -> anyhow::Result<Self> {
        let hostname = || gethostname().ok()?.into_string().ok();
        Self::read(|name| env::var(name).ok(), hostname, Path::new(CREDENTIALS))
    }

    pub(in super::super) fn read(
        variable: impl Fn(&str) -> Option<String>,
        hostname: impl FnOnce() -> Option<String>,
        credentials: &Path,
    ) -> anyhow::Result<Self> {
        let given = |name| variable(name).filter(|value| !value.is_empty());
        let host = given("KUBERNETES_SERVICE_HOST").context(
            "--kube-api is for a container in Kubernetes, but this is none: \
             KUBERNETES_SERVICE_HOST is not set",
        )?;
        let port = given("KUBERNETES_SERVICE_PORT").and_then(|port| port.parse().ok()).context(
            "--kube-api needs the port of the API server, but KUBERNETES_SERVICE_PORT holds none",
        )?;
        for name in ["token", "ca.crt"] {
            ensure!(
                credentials.join(name).is_file(),
                "--kube-api needs the service account of this pod, but there is no {}: see that \
                 `automountServiceAccountToken` is not false",
                credentials.join(name).display()
            );
        }
        // The kubelet names its node in small letters.
        let node = given("NODE_NAME").or_else(|| Some(hostname()?.to_lowercase()));
        let node = node.filter(|node| is_name(node)).context(
            "--kube-api needs the name of this node: set NODE_NAME from the field `spec.nodeName`",
        )?;
        Ok(Self { host, port, credentials: credentials.to_owned(), node })
    }

    /// The TCP port that is connected to.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `host:port` as it stands in an address.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        // An IPv6 address.
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// Whether a node can be called that; then it needs no escaping in a query, either.
fn is_name(node: &str) -> bool {
    (1..=MOST_NAME).contains(&node.len())
        && node.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}
