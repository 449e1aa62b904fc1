//! The messages of the Container Runtime Interface, as far as we read them.
//!
//! Numbers and types are those of `pkg/apis/runtime/v1/api.proto` in kubernetes/cri-api; in
//! `runtime.v1alpha2` these fields have the same. Fields left out here are skipped by prost.

use std::collections::BTreeMap;

use prost::Message;
use signal_trace_core::signal::Signal;

/// Asks for one container.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatusRequest {
    /// Its id.
    #[prost(string, tag = "1")]
    pub container_id: String,
    /// With `info`.
    #[prost(bool, tag = "2")]
    pub verbose: bool,
}

/// One container.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatusResponse {
    /// What there is to know.
    #[prost(message, optional, tag = "1")]
    pub status: Option<ContainerStatus>,
    /// What the runtime knows beyond; JSON.
    #[prost(btree_map = "string, string", tag = "2")]
    pub info: BTreeMap<String, String>,
}

/// What there is to know of a container.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerStatus {
    /// Its name.
    #[prost(message, optional, tag = "2")]
    pub metadata: Option<ContainerMetadata>,
    /// Its image.
    #[prost(message, optional, tag = "8")]
    pub image: Option<ImageSpec>,
    /// Its image, resolved.
    #[prost(string, tag = "9")]
    pub image_ref: String,
    /// Labels of whoever made it: the kubelet's.
    #[prost(btree_map = "string, string", tag = "12")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the same.
    #[prost(btree_map = "string, string", tag = "13")]
    pub annotations: BTreeMap<String, String>,
    /// The enum `Signal`; 0 if the runtime does not tell. Kubernetes 1.33 and later.
    #[prost(int32, tag = "19")]
    pub stop_signal: i32,
}

/// Name of a container.
#[derive(Clone, PartialEq, Message)]
pub struct ContainerMetadata {
    /// As in the pod's specification.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// An image.
#[derive(Clone, PartialEq, Message)]
pub struct ImageSpec {
    /// The image that it was resolved to, or as it was asked for: runtimes differ.
    #[prost(string, tag = "1")]
    pub image: String,
    /// As it was asked for; Kubernetes 1.29 and later.
    #[prost(string, tag = "18")]
    pub user_specified_image: String,
}

/// Asks for one pod sandbox.
#[derive(Clone, PartialEq, Message)]
pub struct PodSandboxStatusRequest {
    /// Its id.
    #[prost(string, tag = "1")]
    pub pod_sandbox_id: String,
    /// With `info`.
    #[prost(bool, tag = "2")]
    pub verbose: bool,
}

/// One pod sandbox.
#[derive(Clone, PartialEq, Message)]
pub struct PodSandboxStatusResponse {
    /// What there is to know.
    #[prost(message, optional, tag = "1")]
    pub status: Option<PodSandboxStatus>,
    /// What the runtime knows beyond; JSON.
    #[prost(btree_map = "string, string", tag = "2")]
    pub info: BTreeMap<String, String>,
}

/// What there is to know of a pod sandbox.
#[derive(Clone, PartialEq, Message)]
pub struct PodSandboxStatus {
    /// Its pod.
    #[prost(message, optional, tag = "2")]
    pub metadata: Option<PodSandboxMetadata>,
    /// The pod's labels, and the kubelet's.
    #[prost(btree_map = "string, string", tag = "7")]
    pub labels: BTreeMap<String, String>,
}

/// The pod of a sandbox.
#[derive(Clone, PartialEq, Message)]
pub struct PodSandboxMetadata {
    /// Name of the pod.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Uid of the pod.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// Namespace of the pod.
    #[prost(string, tag = "3")]
    pub namespace: String,
}

/// Asks for one image.
#[derive(Clone, PartialEq, Message)]
pub struct ImageStatusRequest {
    /// Which.
    #[prost(message, optional, tag = "1")]
    pub image: Option<ImageSpec>,
    /// With `info`.
    #[prost(bool, tag = "2")]
    pub verbose: bool,
}

/// One image, as far as we want it.
#[derive(Clone, PartialEq, Message)]
pub struct ImageStatusResponse {
    /// What the runtime knows beyond; JSON.
    #[prost(btree_map = "string, string", tag = "2")]
    pub info: BTreeMap<String, String>,
}

/// Signals by their number in the enum `Signal`, which is alphabetical; 0 is the runtime's default.
const SIGNALS: [&str; 35] = [
    "", "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT",
    "KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP",
    "TSTP", "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// Number of `SIGRTMIN` in the enum `Signal`: the others follow in their order, up to `SIGRTMAX`.
const RTMIN: u32 = 35;

/// The signal of an enum `Signal`; `None` for the default and for what we do not know.
pub fn signal(number: i32) -> Option<Signal> {
    let number = u32::try_from(number).ok()?;
    match SIGNALS.get(usize::try_from(number).ok()?) {
        Some(name) => Signal::parse(name),
        // 34 in the kernel's numbers.
        None => Signal::new(number.checked_sub(RTMIN)?.checked_add(34)?),
    }
}

#[cfg(test)]
mod tests {
    use super::{Signal, signal};

    #[test]
    fn the_enum_is_not_in_the_kernels_order() {
        for (number, name) in [
            (1, Some("SIGABRT")),
            (5, Some("SIGCHLD")),
            (8, Some("SIGHUP")),
            (18, Some("SIGQUIT")),
            (23, Some("SIGTERM")),
            (32, Some("SIGWINCH")),
            (34, Some("SIGXFSZ")),
            (35, Some("SIGRTMIN")),
            (38, Some("SIGRTMIN+3")),
            (50, Some("SIGRTMIN+15")),
            (51, Some("SIGRTMIN+16")),
            (65, Some("SIGRTMIN+30")),
            (0, None),
            (66, None),
            (-1, None),
            (i32::MAX, None),
            (i32::MIN, None),
        ] {
            assert_eq!(signal(number).map(Signal::name).as_deref(), name, "{number}");
        }
    }
}
