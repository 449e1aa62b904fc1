//! How cgroups are mounted in a guest, one way after the other in the same boot.

use std::fs;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::cgroup::Hierarchies;

const CGROUPS: &str = "/sys/fs/cgroup";
const PIDS: &str = "/sys/fs/cgroup/pids";
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// What a machine's cgroups look like, and what its container manager makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// v2 only.
    Unified,
    /// v2 and v1, and workloads in both.
    Hybrid,
    /// v2 and v1, and workloads in v1 only.
    HybridV1,
    /// v1 only.
    V1,
}

impl Layout {
    /// In the order in which a boot can have them: a controller leaves v2 only while v2 is empty,
    /// and comes back late.
    pub const ALL: [Self; 4] = [Self::Unified, Self::Hybrid, Self::HybridV1, Self::V1];

    /// For lines and arguments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unified => "v2",
            Self::Hybrid => "hybrid",
            Self::HybridV1 => "hybrid, v1 used",
            Self::V1 => "v1",
        }
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// Where the cases put their processes.
    pub const fn hierarchies(self) -> Hierarchies {
        match self {
            Self::Unified => Hierarchies::Unified,
            Self::Hybrid => Hierarchies::Both,
            Self::HybridV1 | Self::V1 => Hierarchies::Pids,
        }
    }

    /// Mounts it over what the one before has left.
    pub fn enter(self) {
        match self {
            Self::Unified => mount_at("cgroup2", CGROUPS, ""),
            Self::Hybrid => {
                unmount(CGROUPS);
                mount_at("tmpfs", CGROUPS, "mode=755");
                mount_at("cgroup", PIDS, "pids");
                mount_at("cgroup2", UNIFIED, "");
            }
            Self::HybridV1 => {}
            Self::V1 => unmount(UNIFIED),
        }
    }
}

/// What a system that has just booted lacks: all that signal-trace and the harness look into.
pub fn mount_system() {
    mount_at("proc", "/proc", "");
    mount_at("sysfs", "/sys", "");
    mount_at("devtmpfs", "/dev", "");
    mount_at("tracefs", "/sys/kernel/tracing", "");
    mount_at("debugfs", "/sys/kernel/debug", "");
    mount_at("tmpfs", "/tmp", "");
}

fn mount_at(kind: &str, folder: &str, options: &str) {
    // Those of /sys are there already, and cannot be made.
    let _there_already = fs::create_dir_all(folder);
    mount(Some(kind), folder, Some(kind), MsFlags::empty(), Some(options))
        .unwrap_or_else(|error| panic!("cannot mount {kind} at {folder} ({options}): {error}"));
}

fn unmount(folder: &str) {
    umount2(folder, MntFlags::empty())
        .unwrap_or_else(|error| panic!("cannot unmount {folder}: {error}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for layout in Layout::ALL {
            assert_eq!(Layout::of(layout.name()), Some(layout));
        }
        assert_eq!(Layout::of("v3"), None);
    }
}
