//! Cgroup paths and ids: the id of a cgroup is the inode number of its directory.

mod base;
mod mount;
mod names;
mod namespace;

use std::{fs, io, path::PathBuf};

use mount::Mount;
pub use names::CgroupNames;
pub use namespace::leave as leave_cgroup_namespace;
use signal_trace_core::ids::CgroupKey;

use super::procfs::{Hierarchy, Root, cgroup_path};

/// The two hierarchies that [`CgroupKey`] knows, as far as they are mounted.
#[derive(Debug)]
pub struct Hierarchies {
    v2: Option<Mount>,
    /// Of the controller whose v1 id the kernel side reads.
    v1: Option<Mount>,
    controller: &'static str,
    proc: Root,
}

/// Where a process is: its key and the path that belongs to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the kernel's records of this process carry.
    pub key: CgroupKey,
    /// Relative to the root of the key's hierarchy; `/` for [`CgroupKey::Root`].
    pub path: Vec<u8>,
}

impl Hierarchies {
    /// Looks up where they are mounted. The processes in them are those of `proc`.
    ///
    /// # Errors
    /// There is no `/proc/self/mountinfo`.
    pub fn discover(proc: &Root) -> io::Result<Self> {
        let mounts = fs::read("/proc/self/mountinfo")?;
        // The kernel side takes the pids controller if the kernel was built with it, mounted or
        // not, else memory: the same rule here, or the keys would differ.
        let controllers = fs::read(proc.join("cgroups")).unwrap_or_default();
        let mut found = Self::from_mounts(&mounts, has_controller(&controllers, "pids"), proc);
        let own = fs::read(proc.join("self/cgroup")).unwrap_or_default();
        for (mount, hierarchy) in [
            (&mut found.v2, Hierarchy::Unified),
            (&mut found.v1, Hierarchy::Controller(found.controller)),
        ] {
            if let (Some(mount), Some(own)) = (mount, cgroup_path(&own, hierarchy)) {
                mount.find_base(own);
            }
        }
        Ok(found)
    }

    fn from_mounts(mountinfo: &[u8], pids: bool, proc: &Root) -> Self {
        let controller = if pids { "pids" } else { "memory" };
        Self {
            v2: Mount::find(mountinfo, "cgroup2", None),
            v1: Mount::find(mountinfo, "cgroup", Some(controller)),
            controller,
            proc: proc.clone(),
        }
    }

    /// Where the processes are shown that live in them.
    pub const fn proc(&self) -> &Root {
        &self.proc
    }

    /// Whether cgroups have their real paths although we are in a cgroup namespace of our own.
    pub fn show_the_node(&self) -> bool {
        self.any() && [&self.v2, &self.v1].into_iter().flatten().all(Mount::shows_the_node)
    }

    /// Whether any of them is mounted: without, every process is in [`CgroupKey::Root`].
    pub const fn any(&self) -> bool {
        self.v2.is_some() || self.v1.is_some()
    }

    /// The place of the process whose `/proc/PID/cgroup` this is. A cgroup that has been removed
    /// or lies outside our mounts has no id any more and counts as the root.
    pub fn place(&self, proc_cgroup: &[u8]) -> Place {
        let look = |mount: &Option<Mount>, hierarchy| {
            let mount = mount.as_ref()?;
            let path = mount.whole_path(cgroup_path(proc_cgroup, hierarchy)?)?;
            Some((mount.id(&path)?, path))
        };
        let v2 = look(&self.v2, Hierarchy::Unified);
        let v1 = look(&self.v1, Hierarchy::Controller(self.controller));
        let id = |found: &Option<_>| found.as_ref().map_or(0, |(id, _)| *id);
        let key = CgroupKey::from_ids(id(&v2), id(&v1));
        let path = match key {
            CgroupKey::Root => None,
            CgroupKey::V2(_) => v2,
            CgroupKey::V1(_) => v1,
        };
        Place { key, path: path.map_or_else(|| b"/".to_vec(), |(_, path)| path.into_owned()) }
    }

    /// The directories that the cgroup at `path` has, if it is there at all: one in each hierarchy.
    pub fn directories(&self, path: &[u8]) -> impl Iterator<Item = PathBuf> {
        [&self.v2, &self.v1].into_iter().flatten().filter_map(move |mount| mount.dir(path))
    }

    /// Visits every cgroup below the roots, parents first.
    pub fn walk(&self, mut visit: impl FnMut(CgroupKey, &[u8])) {
        if let Some(mount) = &self.v2 {
            mount.walk(|id, path| visit(CgroupKey::from_ids(id, 0), path));
        }
        if let Some(mount) = &self.v1 {
            mount.walk(|id, path| visit(CgroupKey::from_ids(0, id), path));
        }
    }
}

/// Whether `/proc/cgroups` lists this controller.
fn has_controller(proc_cgroups: &[u8], name: &str) -> bool {
    proc_cgroups
        .split(|byte| *byte == b'\n')
        .any(|line| line.split(u8::is_ascii_whitespace).next() == Some(name.as_bytes()))
}

#[cfg(test)]
mod tests;
