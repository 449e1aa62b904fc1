//! Everything that can enter the engine; if it is not one of these, the engine did not see it.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    event::Comm,
    ids::{CgroupKey, ProcessId},
    signal::WaitStatus,
    time::{BootNs, ClockAnchor},
    workload::Workload,
};

/// One input. Live capture and replay make the same ones, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A record from a ring buffer, as it lay there (`signal_trace_common::wire`).
    Frame(Vec<u8>),
    /// Something learned elsewhere.
    Fact(Fact),
    /// Something is missing from the stream.
    Loss(Loss),
    /// The two clocks, read together.
    Clock(ClockAnchor),
    /// No event older than this will come any more, save for stragglers of the reorder window.
    /// Read from the clock before the rings were drained.
    Tick(BootNs),
    /// The session ends.
    End(BootNs),
}

/// Something learned outside the ring buffers, with the time at which it was so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Read before the source was looked at: the fact held at this time or after.
    pub at: BootNs,
    /// What.
    pub body: FactBody,
}

/// What was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactBody {
    /// A process in `/proc`, at start-up or because the engine asked.
    Process(ProcessFact),
    /// The engine asked for this process, and it is no more.
    ProcessGone(ProcessId),
    /// The path of a cgroup, relative to its hierarchy's root.
    Cgroup {
        /// Which.
        key: CgroupKey,
        /// Any bytes; starts with `/`.
        path: Vec<u8>,
    },
    /// What its manager says of the workload in a cgroup; in the place of what it said before.
    Workload {
        /// Which.
        key: CgroupKey,
        /// What.
        workload: Box<Workload>,
    },
}

/// A process as `/proc` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFact {
    /// Identity.
    pub id: ProcessId,
    /// Its parent; `None` if that has gone or is the kernel.
    pub parent: Option<ProcessId>,
    /// Process group.
    pub pgid: u32,
    /// Pid in its own PID namespace.
    pub ns_pid: u32,
    /// Depth of that namespace below ours.
    pub ns_level: u32,
    /// Real user id.
    pub uid: u32,
    /// Its cgroup.
    pub cgroup: CgroupKey,
    /// Its name.
    pub comm: Comm,
    /// State of its main thread, the letter of `/proc/PID/stat`: `S`, `D`, `T`.
    pub state: u8,
    /// Pending signals, of the process and of its main thread.
    pub pending: u64,
    /// Ignored signals.
    pub ignored: u64,
    /// Signals that have a handler.
    pub caught: u64,
    /// `Some` if it is a zombie without living threads: the status that waits for its parent.
    pub zombie: Option<WaitStatus>,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Of which kind.
    pub kind: LossKind,
    /// How many; at least one.
    pub count: u64,
    /// They were lost after this time,
    pub from: BootNs,
    /// and not after this.
    pub to: BootNs,
}

/// Where something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossKind {
    /// Sent signals.
    Generate,
    /// Taken signals.
    Deliver,
    /// Exits.
    Exit,
    /// Reaps.
    Free,
    /// Forks.
    Fork,
    /// Execs.
    Exec,
    /// OOM victims.
    Oom,
    /// New cgroups.
    CgroupMkdir,
    /// Processes that were moved to another cgroup.
    CgroupAttach,
    /// Runs of a program that the kernel skipped (`recursion_misses`), of any of the kinds above.
    Recursion,
    /// Records that could not be decoded.
    Undecodable,
    /// Processes that did not fit into the engine's table.
    ProcessTable,
}

impl LossKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Generate,
        Self::Deliver,
        Self::Exit,
        Self::Free,
        Self::Fork,
        Self::Exec,
        Self::Oom,
        Self::CgroupMkdir,
        Self::CgroupAttach,
        Self::Recursion,
        Self::Undecodable,
        Self::ProcessTable,
    ];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generate => "signal_generate",
            Self::Deliver => "signal_deliver",
            Self::Exit => "process_exit",
            Self::Free => "process_free",
            Self::Fork => "process_fork",
            Self::Exec => "process_exec",
            Self::Oom => "oom_victim",
            Self::CgroupMkdir => "cgroup_mkdir",
            Self::CgroupAttach => "cgroup_attach",
            Self::Recursion => "recursion_miss",
            Self::Undecodable => "undecodable",
            Self::ProcessTable => "process_table",
        }
    }
}
