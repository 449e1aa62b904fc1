//! Objects that several line types share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Name, Time, names};

/// A process; what is not known is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Process id in the initial PID namespace.
    pub pid: u32,
    /// Start time, to 10 ms: with `pid` the identity of the process.
    pub start_time: Time,
    /// Name of the main thread. Untrusted; bytes that are no UTF-8 are written `\xNN`.
    pub comm: String,
    /// Process id of its parent.
    pub ppid: Option<u32>,
    /// Real user id.
    pub uid: u32,
    /// Process id in its own PID namespace.
    pub ns_pid: Option<u32>,
    /// Path of its cgroup. Untrusted, as `comm`.
    pub cgroup: Option<String>,
}

/// Whose shutdown; what is not known is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// What it is.
    #[schemars(extend("enum" = names::WORKLOAD_KINDS))]
    pub kind: Name,
    /// Container id, unit name, cgroup path, or `pid:start` of the root process.
    pub id: Option<String>,
    /// Name for people: of the container, the unit, the process. Untrusted, as all that follows.
    pub name: Option<String>,
    /// Container runtime.
    #[schemars(extend("enum" = names::runtimes_or_null()))]
    pub runtime: Option<Name>,
    /// Container image.
    pub image: Option<String>,
    /// Path of its cgroup.
    pub cgroup: Option<String>,
    /// Kubernetes pod.
    pub kubernetes: Option<Kubernetes>,
    /// Systemd unit.
    pub unit: Option<String>,
    /// Those of its labels that tell workloads apart: of Compose, and `app` and the like.
    pub labels: BTreeMap<String, String>,
    /// The signal that it is configured to be stopped with.
    pub stop_signal: Option<StopSignal>,
    /// Root process of a workload of kind `process`.
    pub process: Option<Process>,
}

/// A Kubernetes pod and container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// When the pod has to be gone, its grace included; from the Kubernetes API only.
    pub deletion_timestamp: Option<String>,
}

/// A configured stop signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StopSignal {
    /// Its name.
    pub signal: String,
    /// Who told it.
    #[schemars(extend("enum" = names::sources()))]
    pub source: Name,
}

/// Who sent a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// The process; null if the kernel sent it on no process' behalf.
    pub process: Option<Process>,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// What it is to the target.
    #[schemars(extend("enum" = names::roles()))]
    pub role: Name,
}

/// How a process ended: exactly one of `code` and `signal` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exit {
    /// Exit code, if it exited by itself.
    pub code: Option<u8>,
    /// The signal that killed it.
    pub signal: Option<String>,
    /// It dumped core.
    pub core_dumped: bool,
    /// The raw status of wait(2).
    pub wait_status: u32,
}

/// The first stop signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// Its name.
    pub signal: String,
    /// When it was sent.
    pub time: Time,
    /// By whom.
    pub sender: Sender,
}

/// A finding: what went wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable id; `signal-trace explain ID` tells more.
    pub id: Name,
    /// How bad.
    #[schemars(extend("enum" = names::severities()))]
    pub severity: Name,
    /// This case in one sentence.
    pub summary: String,
    /// What to do about it.
    pub fix: String,
    /// `seq` of the records that show it.
    pub evidence: Vec<u64>,
}
