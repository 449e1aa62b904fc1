//! Cgroup paths and ids: the id of a cgroup is the inode number of its directory.

mod names;
mod namespace;

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{DirEntryExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

pub use names::CgroupNames;
pub use namespace::leave as leave_cgroup_namespace;
use signal_trace_core::ids::CgroupKey;

use super::procfs::{Hierarchy, cgroup_path};

/// Directories that a walk looks at, at most: a node with more has other problems.
const MAX_WALK: usize = 50_000;

/// The two hierarchies that [`CgroupKey`] knows, as far as they are mounted.
#[derive(Debug)]
pub struct Hierarchies {
    v2: Option<Mount>,
    /// Of the controller whose v1 id the kernel side reads.
    v1: Option<Mount>,
    controller: &'static str,
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
    /// Looks up where they are mounted.
    pub fn discover() -> io::Result<Self> {
        let mounts = fs::read("/proc/self/mountinfo")?;
        // The kernel side takes the pids controller if the kernel was built with it, mounted or
        // not, else memory: the same rule here, or the keys would differ.
        let controllers = fs::read("/proc/cgroups").unwrap_or_default();
        Ok(Self::from_mounts(&mounts, has_controller(&controllers, "pids")))
    }

    fn from_mounts(mountinfo: &[u8], pids: bool) -> Self {
        let controller = if pids { "pids" } else { "memory" };
        Self {
            v2: Mount::find(mountinfo, "cgroup2", None),
            v1: Mount::find(mountinfo, "cgroup", Some(controller)),
            controller,
        }
    }

    /// Whether any of them is mounted: without, every process is in [`CgroupKey::Root`].
    pub const fn any(&self) -> bool {
        self.v2.is_some() || self.v1.is_some()
    }

    /// The place of the process whose `/proc/PID/cgroup` this is. A cgroup that has been removed
    /// or lies outside our mounts has no id any more and counts as the root.
    pub fn place(&self, proc_cgroup: &[u8]) -> Place {
        let look = |mount: &Option<Mount>, hierarchy| {
            let path = cgroup_path(proc_cgroup, hierarchy)?;
            Some((mount.as_ref()?.id(path)?, path))
        };
        let v2 = look(&self.v2, Hierarchy::Unified);
        let v1 = look(&self.v1, Hierarchy::Controller(self.controller));
        let id = |found: Option<(u64, &[u8])>| found.map_or(0, |(id, _)| id);
        let key = CgroupKey::from_ids(id(v2), id(v1));
        let path = match key {
            CgroupKey::Root => None,
            CgroupKey::V2(_) => v2,
            CgroupKey::V1(_) => v1,
        };
        Place { key, path: path.map_or_else(|| b"/".to_vec(), |(_, path)| path.to_vec()) }
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

/// A mounted hierarchy.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// Which of its cgroups is mounted: `/`, unless we are in a container.
    root: Vec<u8>,
    point: PathBuf,
}

impl Mount {
    /// From `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`); one that shows all is preferred.
    fn find(mountinfo: &[u8], fs_type: &str, controller: Option<&str>) -> Option<Self> {
        let mounts = mountinfo.split(|byte| *byte == b'\n').filter_map(|line| {
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            let dash = fields.iter().position(|field| *field == b"-")?;
            let options = fields.get(dash + 3)?;
            let right = *fields.get(dash + 1)? == fs_type.as_bytes()
                && controller.is_none_or(|name| {
                    options.split(|byte| *byte == b',').any(|option| option == name.as_bytes())
                });
            let point = std::ffi::OsString::from_vec(unescape(fields.get(4)?));
            right.then(|| Self { root: unescape(fields[3]), point: point.into() })
        });
        mounts.min_by_key(|mount| mount.root != b"/")
    }

    /// The directory of the cgroup at `path`; `None` if it is outside of what is mounted.
    fn dir(&self, path: &[u8]) -> Option<PathBuf> {
        let below = if self.root == b"/" { path } else { path.strip_prefix(&*self.root)? };
        // A path out of our cgroup namespace starts with `/..`: joined, it would name another.
        if below.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return None;
        }
        let below = match below {
            [] => below,
            [b'/', rest @ ..] => rest,
            // `/ab` is not below `/a`.
            _ => return None,
        };
        Some(self.point.join(OsStr::from_bytes(below)))
    }

    fn id(&self, path: &[u8]) -> Option<u64> {
        fs::symlink_metadata(self.dir(path)?).ok().map(|metadata| metadata.ino())
    }

    fn walk(&self, mut visit: impl FnMut(u64, &[u8])) {
        let mut queue = vec![(self.point.clone(), trim_root(&self.root).to_vec())];
        let mut next = 0;
        while let Some((dir, path)) = queue.get(next).cloned() {
            next += 1;
            for (id, name) in subdirectories(&dir) {
                if queue.len() == MAX_WALK {
                    return;
                }
                let below = [&*path, b"/", name.as_bytes()].concat();
                visit(id, &below);
                queue.push((dir.join(name), below));
            }
        }
    }
}

/// `/` as the empty prefix of its children.
fn trim_root(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Inode number and name of each; none if the directory has gone meanwhile.
fn subdirectories(dir: &Path) -> impl Iterator<Item = (u64, std::ffi::OsString)> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| (entry.ino(), entry.file_name()))
}

/// Undoes the `\040` escapes of blanks and such in mountinfo.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut rest = field;
    let mut plain = Vec::with_capacity(field.len());
    while let [first, tail @ ..] = rest {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] = rest {
            plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = tail;
        } else {
            plain.push(*first);
            rest = tail;
        }
    }
    plain
}

#[cfg(test)]
mod tests;
