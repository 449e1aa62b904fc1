//! Which cgroup belongs to which container of a runtime without an engine: only its state tells.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use signal_trace_core::{ids::CgroupKey, workload::Workload};

use super::{Folder, state};
use crate::enrich::{Failure, Subject, files};

/// Containers of one folder.
const MOST_CONTAINERS: usize = 4096;

/// State folders as they were when last looked at.
#[derive(Debug)]
pub(super) struct Scan {
    folders: Vec<Watched>,
    mounts: Vec<PathBuf>,
}

#[derive(Debug)]
struct Watched {
    folder: Folder,
    mark: Option<Mark>,
    containers: HashMap<OsString, Known>,
}

/// What changes when an entry comes or goes: the time alone has the kernel's coarse clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    modified: (i64, i64),
    links: u64,
}

#[derive(Debug)]
struct Known {
    mark: Mark,
    /// Nothing, as long as its state is not written.
    cgroups: Option<Cgroups>,
}

/// Relative to the hierarchy's root.
#[derive(Debug)]
struct Cgroups {
    v2: Option<Vec<u8>>,
    v1: Option<Vec<u8>>,
}

impl Scan {
    pub fn of(folders: impl Iterator<Item = Folder>) -> Self {
        let watched = |folder| Watched { folder, mark: None, containers: HashMap::new() };
        Self { folders: folders.map(watched).collect(), mounts: mounts() }
    }

    /// The container whose cgroup is the subject's or around it; the innermost.
    pub fn find(&mut self, subject: &Subject) -> Result<Option<Workload>, Failure> {
        let mut there = false;
        for folder in &mut self.folders {
            there |= folder.refresh(&self.mounts)?;
        }
        if !there {
            return Err(Failure::Absent);
        }
        let all = self.folders.iter().flat_map(|watched| {
            watched.containers.iter().map(move |(name, known)| (&watched.folder, name, known))
        });
        let holds = |known: &Known| Some(known.cgroups.as_ref()?.holds(subject)?.len());
        let found = all
            .filter_map(|(folder, name, known)| Some((holds(known)?, folder, name)))
            .max_by_key(|(length, _, _)| *length);
        let Some((_, folder, name)) = found else { return Ok(None) };
        let id = name.to_string_lossy();
        let workload = state::read(&folder.path.join(name), &id, folder.runtime);
        Ok(workload.map(|workload| Workload {
            // Its id is the name that it was given.
            name: workload.name.or_else(|| workload.id.clone()),
            ..workload
        }))
    }
}

impl Watched {
    /// Looks at what is new since; whether the folder is there.
    fn refresh(&mut self, mounts: &[PathBuf]) -> Result<bool, Failure> {
        let path = &self.folder.path;
        let failed = |error: std::io::Error| {
            Failure::Broken(format!("cannot read {}: {error}", path.display()))
        };
        let mark = match Mark::of(path) {
            Ok(mark) => mark,
            Err(error) if files::is_absent(&error) => {
                self.mark = None;
                self.containers.clear();
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        };
        let unread = self.containers.values().any(|known| known.cgroups.is_none());
        if self.mark == Some(mark) && !unread {
            return Ok(true);
        }
        let mut containers = HashMap::new();
        for entry in fs::read_dir(path).map_err(failed)?.take(MOST_CONTAINERS) {
            let name = entry.map_err(failed)?.file_name();
            // One that goes away meanwhile is none.
            let Ok(mark) = Mark::of(&path.join(&name)) else { continue };
            let known = match self.containers.remove(&name) {
                Some(known) if known.mark == mark && known.cgroups.is_some() => known,
                _ => Known { mark, cgroups: Cgroups::read(&path.join(&name), mounts) },
            };
            containers.insert(name, known);
        }
        self.containers = containers;
        self.mark = Some(mark);
        Ok(true)
    }
}

impl Mark {
    fn of(path: &Path) -> std::io::Result<Self> {
        let entry = path.metadata()?;
        Ok(Self {
            inode: entry.ino(),
            modified: (entry.mtime(), entry.mtime_nsec()),
            links: entry.nlink(),
        })
    }
}

impl Cgroups {
    fn read(folder: &Path, mounts: &[PathBuf]) -> Option<Self> {
        if let Some(state) = state::runc(folder) {
            let path = |controller| below_mount(state.cgroup_paths.get(controller)?, mounts);
            // The kernel side goes by the first of these that there is.
            return Some(Self { v2: path(""), v1: path("pids").or_else(|| path("memory")) });
        }
        let path = state::crun(folder)?.cgroup_path?.0.into_bytes();
        let path = (path.len() > 1 && path.starts_with(b"/")).then_some(path);
        Some(Self { v2: path.clone(), v1: path })
    }

    /// The container's cgroup, if the subject's is that or is in it.
    fn holds(&self, subject: &Subject) -> Option<&[u8]> {
        let cgroup = match subject.key {
            CgroupKey::V2(_) => self.v2.as_deref()?,
            CgroupKey::V1(_) => self.v1.as_deref()?,
            CgroupKey::Root => return None,
        };
        let rest = subject.path.strip_prefix(cgroup)?;
        (rest.is_empty() || rest.starts_with(b"/")).then_some(cgroup)
    }
}

/// `path` from the root of its hierarchy on; nothing for that root, which is no container's.
fn below_mount(path: &str, mounts: &[PathBuf]) -> Option<Vec<u8>> {
    let path = Path::new(path);
    let below = mounts.iter().filter_map(|mount| path.strip_prefix(mount).ok());
    let below = below.min_by_key(|below| below.as_os_str().len())?.as_os_str();
    (!below.is_empty()).then(|| [b"/", below.as_bytes()].concat())
}

/// Where cgroup hierarchies are mounted.
fn mounts() -> Vec<PathBuf> {
    let mountinfo = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts = Vec::new();
    for line in mountinfo.split(|byte| *byte == b'\n') {
        let fields = line.split(|byte| *byte == b' ').collect::<Vec<_>>();
        let kind = fields.iter().position(|field| *field == b"-").and_then(|at| fields.get(at + 1));
        if let (Some(mount), Some(b"cgroup" | b"cgroup2")) =
            (fields.get(4), kind.map(|kind| &**kind))
        {
            mounts.push(PathBuf::from(OsStr::from_bytes(mount)));
        }
    }
    mounts
}
