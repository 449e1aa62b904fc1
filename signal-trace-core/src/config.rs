//! What a session was told; stored in the recording, so that a replay is told the same.

use alloc::{collections::BTreeSet, vec, vec::Vec};

use crate::{
    ids::CgroupKey,
    output::GraceSource,
    signal::Signal,
    time::{MS, SECOND},
};

/// Configuration of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Time that a workload has to stop, nanoseconds, where nothing better is known.
    pub grace_ns: u64,
    /// Who said so.
    pub grace_source: GraceSource,
    /// Signals that are told of: bit `n - 1` stands for signal `n`. Of a workload that has a stop
    /// signal of its own, that one too.
    pub signal_mask: u64,
    /// Signals that stop a workload beside TERM, INT, QUIT and HUP (`--stop-signal`).
    pub stop_signals: Vec<Signal>,
    /// Age at which an unreaped process is called a zombie, nanoseconds.
    pub zombie_after_ns: u64,
    /// Time after SIGKILL from which a process that lives is called unkillable, nanoseconds.
    pub unkillable_after_ns: u64,
    /// Cgroups that are no workloads, beside the root: the one that the tracer runs in, and login
    /// sessions. Like the root they are split by process tree.
    pub split_cgroups: BTreeSet<CgroupKey>,
    /// The tracer itself: that it is told to end, and takes a moment for it, is no shutdown.
    pub tracer_pid: Option<u32>,
    /// Managers are asked what their workloads are called: an answer may be on its way.
    pub asks_managers: bool,
    /// Events are held back for this long to be put in order, nanoseconds.
    pub reorder_window_ns: u64,
    /// Processes that the engine remembers at most.
    pub max_processes: usize,
}

impl Config {
    /// Default grace period: what Docker gives.
    pub const DEFAULT_GRACE_NS: u64 = 10 * SECOND;

    /// The documented defaults.
    pub fn new() -> Self {
        Self {
            grace_ns: Self::DEFAULT_GRACE_NS,
            grace_source: GraceSource::Default,
            signal_mask: u64::MAX,
            stop_signals: vec![],
            zombie_after_ns: 5 * SECOND,
            unkillable_after_ns: 5 * SECOND,
            split_cgroups: BTreeSet::new(),
            tracer_pid: None,
            asks_managers: false,
            reorder_window_ns: 100 * MS,
            max_processes: 262_144,
        }
    }

    /// Whether `signal` asks a process to stop.
    pub fn is_stop_signal(&self, signal: Signal) -> bool {
        matches!(signal, Signal::TERM | Signal::INT | Signal::QUIT | Signal::HUP)
            || self.stop_signals.contains(&signal)
    }

    /// Whether `signal` may as well mean something else (reload, thread dump), unless the user
    /// named it as a stop signal.
    pub fn is_ambiguous(&self, signal: Signal) -> bool {
        matches!(signal, Signal::INT | Signal::QUIT | Signal::HUP)
            && !self.stop_signals.contains(&signal)
    }

    /// Whether `signal` asks a process to end, whatever it answers. HUP mostly asks for a reload,
    /// unless the user named it as a stop signal.
    pub fn is_request(&self, signal: Signal) -> bool {
        self.is_stop_signal(signal)
            && (signal != Signal::HUP || self.stop_signals.contains(&signal))
    }

    /// Whether the processes of `cgroup` are judged by process tree.
    pub fn is_split(&self, cgroup: CgroupKey) -> bool {
        cgroup == CgroupKey::Root || self.split_cgroups.contains(&cgroup)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
