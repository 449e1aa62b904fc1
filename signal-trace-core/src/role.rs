//! What the sender of a signal is to its target.

use crate::{
    event::{Generate, Process},
    labels::{self, Labels},
    signal::{InfoKind, Signal},
};

/// The role of a sender: the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The process itself.
    Itself,
    /// The kernel's OOM killer.
    OomKiller,
    /// The kernel, because PID 1 of the namespace died.
    PidnsTeardown,
    /// The kernel, because someone wrote `cgroup.kill`.
    CgroupKill,
    /// The kernel, for another reason (terminal, `PR_SET_PDEATHSIG`, `RLIMIT_CPU`).
    Kernel,
    /// An ancestor inside the same workload.
    Supervisor,
    /// Another process of the same workload.
    Peer,
    /// A container runtime.
    Runtime,
    /// The kubelet.
    Kubelet,
    /// systemd.
    Systemd,
    /// The parent, outside the workload.
    Parent,
    /// A process of another container.
    OtherContainer,
    /// Any other process of the node.
    Host,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 13] = [
        Self::Itself,
        Self::OomKiller,
        Self::PidnsTeardown,
        Self::CgroupKill,
        Self::Kernel,
        Self::Supervisor,
        Self::Peer,
        Self::Runtime,
        Self::Kubelet,
        Self::Systemd,
        Self::Parent,
        Self::OtherContainer,
        Self::Host,
    ];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Itself => "self",
            Self::OomKiller => "oom-killer",
            Self::PidnsTeardown => "pidns-teardown",
            Self::CgroupKill => "cgroup-kill",
            Self::Kernel => "kernel",
            Self::Supervisor => "supervisor",
            Self::Peer => "peer",
            Self::Runtime => "runtime",
            Self::Kubelet => "kubelet",
            Self::Systemd => "systemd",
            Self::Parent => "parent",
            Self::OtherContainer => "other-container",
            Self::Host => "host",
        }
    }
}

/// What the engine knows about both ends beside the event itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relation<'a> {
    /// Both belong to one workload.
    pub same_workload: bool,
    /// The sender is an ancestor of the target.
    pub ancestor: bool,
    /// Paths of their cgroups, as far as they are known.
    pub sender_path: &'a [u8],
    pub target_path: &'a [u8],
}

/// The sender (or, of a kernel signal, the process on whose account it was sent) and its role.
///
/// `siginfo.si_pid` is not used: it is 0 for senders outside the target's PID namespace.
pub(crate) fn of(sent: &Generate, relation: Relation<'_>) -> (Option<Process>, Role) {
    let current = sent.current;
    if sent.sent_by_current() && current.id == sent.target.id {
        return (Some(current), Role::Itself);
    }
    match sent.info {
        // cgroup_kill_control() sends to threads as a user would; prctl(2) PR_SET_PDEATHSIG
        // to the process, on account of the parent that is exiting.
        InfoKind::NoInfo if !sent.group && sent.signal == Signal::KILL => {
            return (Some(current), Role::CgroupKill);
        }
        InfoKind::NoInfo if current.flags.exiting => return (Some(current), Role::Kernel),
        // zap_pid_ns_processes(): the dying PID 1 of the target's namespace, or of one above it.
        InfoKind::Kernel if sent.signal == Signal::KILL && tears_down(&current, &sent.target) => {
            return (Some(current), Role::PidnsTeardown);
        }
        _ => {}
    }
    if !sent.sent_by_current() || current.flags.kernel_thread {
        return (None, Role::Kernel);
    }
    let container = Labels::of(relation.sender_path).container_id;
    let role = if relation.same_workload {
        if relation.ancestor { Role::Supervisor } else { Role::Peer }
    } else if let Some(role) = by_executable(sent, relation.sender_path) {
        role
    } else if sent.target.parent == Some(current.id) {
        Role::Parent
    } else if container.is_some() && container == Labels::of(relation.target_path).container_id {
        // Two units of one container, which runs a service manager of its own.
        Role::Host
    } else if current.ns_level > 0 || container.is_some() {
        Role::OtherContainer
    } else {
        Role::Host
    };
    (Some(current), role)
}

/// `current` is a dying PID 1, and `target` is in its namespace or below.
fn tears_down(current: &Process, target: &Process) -> bool {
    current.flags.exiting
        && current.is_namespace_init()
        && (current.ns_inum == target.ns_inum || current.ns_level < target.ns_level)
}

/// Names of executables of container runtimes; a trailing `*` stands for anything.
const RUNTIMES: [&str; 12] = [
    "runc",
    "memfd:runc_cloned*",
    "crun",
    "youki",
    "runsc*",
    "kata-runtime",
    "containerd",
    "containerd-shim*",
    "dockerd",
    "conmon*",
    "crio",
    "podman",
];

/// Decided by the executable and the place: a process can name itself anything, but it leaves
/// neither its PID namespace nor its cgroup. A runtime is never deeper than what it runs, and if
/// it is not above that (`--pid=host`), it is in no container.
fn by_executable(sent: &Generate, path: &[u8]) -> Option<Role> {
    if sent.current.ns_level > sent.target.ns_level {
        return None;
    }
    let above = sent.current.ns_level < sent.target.ns_level;
    let trusted = above || Labels::of(path).container_id.is_none();
    let manager = sent.current.ns_pid == 1 || labels::is_init_scope(path);
    let exe = core::str::from_utf8(sent.current_exe.as_bytes()).ok()?;
    let is = |pattern: &str| {
        pattern.strip_suffix('*').map_or(exe == pattern, |start| exe.starts_with(start))
    };
    if trusted && RUNTIMES.into_iter().any(is) {
        Some(Role::Runtime)
    } else if trusted && exe == "kubelet" {
        Some(Role::Kubelet)
    } else if manager && exe == "systemd" {
        Some(Role::Systemd)
    } else {
        None
    }
}
