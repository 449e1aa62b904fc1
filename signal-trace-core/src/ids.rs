//! Identities: processes, cgroups, records.

use crate::time::BootNs;

/// A process, for as long as the machine is up.
///
/// A bare pid is reused within minutes on a busy node, so the start time belongs to it. It is kept
/// in the clock ticks of `/proc/PID/stat` field 22 (`USER_HZ`, 10 ms), because that is the
/// one resolution in which the kernel's `start_boottime` and `/proc` agree exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// Thread group id in the initial PID namespace: what users call the pid.
    pub pid: u32,
    /// Start of the group leader, clock ticks (10 ms) since boot.
    pub start_ticks: u64,
}

impl ProcessId {
    /// Nanoseconds in a clock tick: `USER_HZ` is 100 on every architecture that we build for.
    pub const TICK_NS: u64 = 10_000_000;

    /// From the kernel's `start_boottime` in nanoseconds.
    pub const fn from_boot_ns(pid: u32, start_boottime_ns: u64) -> Self {
        Self { pid, start_ticks: start_boottime_ns / Self::TICK_NS }
    }

    /// When it started, to a clock tick.
    pub const fn start(self) -> BootNs {
        BootNs(self.start_ticks.saturating_mul(Self::TICK_NS))
    }
}

/// A cgroup by its kernel id: of the v2 hierarchy if the process is in one below its root there,
/// else of the v1 hierarchy of the pids (or memory) controller. Ids are unique per hierarchy only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CgroupKey {
    /// The root cgroup of every hierarchy: no container, no unit.
    Root,
    /// Inode number in the v2 hierarchy.
    V2(u64),
    /// Inode number in the v1 hierarchy.
    V1(u64),
}

impl CgroupKey {
    /// Id of a hierarchy's root directory (`kernfs_create_root()` numbers from 1).
    const ROOT_ID: u64 = 1;

    /// From the two ids that a record carries; 0 stands for unknown.
    pub const fn from_ids(v2: u64, v1: u64) -> Self {
        if v2 > Self::ROOT_ID {
            Self::V2(v2)
        } else if v1 > Self::ROOT_ID {
            Self::V1(v1)
        } else {
            Self::Root
        }
    }
}

/// Running number of an output record within a session, from 1; what evidence refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);
