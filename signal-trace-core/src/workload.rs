//! What is known of a workload beside its processes: what it is called, and how it is to be
//! stopped. All of it comes from outside the kernel (a runtime, the kubelet, systemd) as a
//! [`crate::input::FactBody::Workload`], and changes names, grace and stop signal only.

use alloc::{string::String, vec::Vec};

use crate::signal::Signal;

/// What a workload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A container.
    Container,
    /// A systemd service or scope.
    Unit,
    /// A cgroup that is neither.
    #[default]
    Cgroup,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Container, Self::Unit, Self::Cgroup];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Unit => "unit",
            Self::Cgroup => "cgroup",
        }
    }
}

/// What runs containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// Docker Engine.
    Docker,
    /// containerd, by CRI or by itself (`nerdctl`).
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// runc without an engine above it.
    Runc,
    /// crun without an engine above it.
    Crun,
}

impl Runtime {
    /// Every runtime.
    pub const ALL: [Self; 6] =
        [Self::Docker, Self::Containerd, Self::CriO, Self::Podman, Self::Runc, Self::Crun];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }
}

/// Who told how a workload is to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Docker: `StopSignal` and `StopTimeout` of the container, or its defaults (TERM, 10 s).
    Docker,
    /// Podman: the same, of its own.
    Podman,
    /// The container runtime, through CRI.
    Cri,
    /// Kubernetes: `terminationGracePeriodSeconds` of the pod.
    Kubernetes,
    /// systemd: `KillSignal=` and `TimeoutStopSec=` of the unit.
    Systemd,
    /// The image: its `StopSignal`.
    Image,
    /// The OCI state or bundle of the container.
    Oci,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 7] = [
        Self::Docker,
        Self::Podman,
        Self::Cri,
        Self::Kubernetes,
        Self::Systemd,
        Self::Image,
        Self::Oci,
    ];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Cri => "cri",
            Self::Kubernetes => "kubernetes",
            Self::Systemd => "systemd",
            Self::Image => "image",
            Self::Oci => "oci",
        }
    }
}

/// A setting and who told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configured<T> {
    /// The setting.
    pub value: T,
    /// Who told it.
    pub source: Source,
}

/// A pod and the container in it; what is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubernetes {
    /// Namespace.
    pub namespace: Option<String>,
    /// Name of the pod.
    pub pod: Option<String>,
    /// Uid of the pod.
    pub uid: Option<String>,
    /// Name of the container in the pod.
    pub container: Option<String>,
    /// What the pod belongs to, as `Deployment/web`; from the Kubernetes API only.
    pub owner: Option<String>,
    /// When it has to be gone, its grace included, RFC 3339; from the Kubernetes API only.
    pub deletion_timestamp: Option<String>,
}

/// A workload as its manager describes it; what is not known is `None`. Untrusted: names, images
/// and labels are whatever their authors wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// What it is.
    pub kind: Kind,
    /// It holds the namespaces of a Kubernetes pod (`pause`), and is never judged.
    pub sandbox: bool,
    /// What runs it.
    pub runtime: Option<Runtime>,
    /// Container id.
    pub id: Option<String>,
    /// Name: of the container, as its engine lists it; of a container in a pod, that of the pod's
    /// specification.
    pub name: Option<String>,
    /// Image, as it was asked for.
    pub image: Option<String>,
    /// Systemd service or scope.
    pub unit: Option<String>,
    /// Pod and container.
    pub kubernetes: Option<Kubernetes>,
    /// Labels, sorted; those of use to tell workloads apart.
    pub labels: Vec<(String, String)>,
    /// Its first process, in the initial PID namespace.
    pub pid1: Option<u32>,
    /// The signal that it is to be stopped with.
    pub stop_signal: Option<Configured<Signal>>,
    /// The time that it has to stop, nanoseconds; `u64::MAX` if there is no limit.
    pub grace_ns: Option<Configured<u64>>,
    /// The command of its preStop hook; the time that it takes is part of the grace.
    pub pre_stop: Option<Vec<String>>,
}
