//! What pods and containers are to be like.

use std::path::PathBuf;

use super::messages::NAMESPACE_CONTAINER;

/// What a pod is to be like.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// The cgroup that its containers' are made in.
    pub cgroup_parent: String,
    /// Whose PID namespace its containers are in: a `NamespaceMode`. In that of the pod the pause
    /// program is PID 1.
    pub pids: i32,
    /// Its labels, which its containers do not have in CRI.
    pub labels: Vec<(String, String)>,
}

impl PodSpec {
    /// A burstable pod, with cgroups as the kubelet's cgroupfs driver names them.
    pub fn burstable(name: &str, uid: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: "st-test".to_owned(),
            uid: uid.to_owned(),
            cgroup_parent: format!("/kubepods/burstable/pod{uid}"),
            pids: NAMESPACE_CONTAINER,
            labels: Vec::new(),
        }
    }

    /// The same, with the names of its systemd driver.
    #[must_use]
    pub fn in_slices(mut self) -> Self {
        let uid = self.uid.replace('-', "_");
        self.cgroup_parent =
            format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice");
        self
    }
}

/// What a container is to be like.
#[derive(Clone, Debug, Default)]
pub struct ContainerSpec<'a> {
    /// Its name in the pod's specification.
    pub name: &'a str,
    /// What it runs.
    pub command: &'a [&'a str],
    /// Its image.
    pub image: &'a str,
    /// `terminationGracePeriodSeconds`.
    pub grace: u32,
    /// The command of its preStop hook.
    pub pre_stop: Option<&'a [&'a str]>,
    /// Its memory limit, bytes.
    pub memory: Option<i64>,
    /// Folders of the node, and where it has them.
    pub mounts: &'a [(PathBuf, &'a str)],
}
