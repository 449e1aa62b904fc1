//! Where the node's processes are shown: `/proc`, or in a container the host's, mounted elsewhere.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, bail};
use nix::{
    fcntl::{OFlag, open},
    sys::{
        stat::Mode,
        statfs::{PROC_SUPER_MAGIC, statfs},
    },
};

use super::{ProcDir, Stat, helper::Helper, present};

/// Where it is, unless somebody says otherwise.
const USUAL: &str = "/proc";
/// Inode number of the initial PID namespace (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// What to do about a folder that is something else.
const REMEDY: &str = "mount the host's /proc there, read-only (Docker: `-v /proc:/host/proc:ro`; \
    Kubernetes: a `hostPath` volume of /proc), or share the host's PID namespace and leave it out";

/// A mounted procfs. Its pids are those that the kernel's records carry if it shows the initial PID
/// namespace; who reads it may be in another.
///
/// What is about this program alone (`/proc/self/fdinfo`) does not need it.
#[derive(Clone, Debug)]
pub struct Root {
    path: Arc<Path>,
    helper: Arc<OnceLock<Helper>>,
}

impl Default for Root {
    fn default() -> Self {
        Self::of(Path::new(USUAL))
    }
}

/// Who may look on its behalf is no part of what it is.
impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Root {}

impl Root {
    fn of(path: &Path) -> Self {
        Self { path: path.into(), helper: Arc::default() }
    }

    /// The host's, mounted at `path`.
    ///
    /// # Errors
    /// It is none, or not that of the node: what to mount.
    pub fn at(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let kind = statfs(path).with_context(|| format!("cannot look at {shown}: {REMEDY}"))?;
        if kind.filesystem_type() != PROC_SUPER_MAGIC {
            bail!("{shown} is no procfs: {REMEDY}");
        }
        let root = Self::of(path);
        if root.shows_the_node() == Some(false) {
            bail!(
                "the procfs at {shown} shows the processes of a container, not those of the node: \
                 {REMEDY}"
            );
        }
        Ok(root)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it: `1/ns/pid`.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether it shows the initial PID namespace; `None` if that cannot be told.
    pub fn shows_the_node(&self) -> Option<bool> {
        // PID 2 of the node is a thread of the kernel, and everybody may look at its state; not
        // everybody may look at the namespaces of PID 1.
        let namespace = ["1/ns/pid", "2/ns/pid"]
            .into_iter()
            .find_map(|link| Some(fs::metadata(self.join(link)).ok()?.ino()));
        let kernel_thread =
            || Some(Stat::parse(&fs::read(self.join("2/stat")).ok()?)?.is_kernel_thread());
        // The link `self` leads nowhere if we have no pid in there: then it is another container's.
        let strange = || self.own_pid().is_err().then_some(false);
        namespace
            .map(|inode| inode == INITIAL_PID_NAMESPACE)
            .or_else(kernel_thread)
            .or_else(strange)
    }

    /// The pid that this program has there.
    ///
    /// # Errors
    /// It has none: another container's processes are shown.
    pub fn own_pid(&self) -> anyhow::Result<u32> {
        let link = self.join("self");
        let target = fs::read_link(&link)
            .with_context(|| format!("{} does not show this program", self.path.display()))?;
        let pid = target.to_str().and_then(|text| text.parse().ok());
        pid.with_context(|| format!("{} is no pid", link.display()))
    }

    /// Whether pids in there are those that system calls take and give here.
    pub fn is_our_namespace(&self) -> bool {
        self.own_pid().is_ok_and(|pid| pid == std::process::id())
    }

    /// `/proc/PID` of a process; `None` if there is no such process.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn process(&self, pid: u32) -> io::Result<Option<ProcDir>> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = present(open(&self.path.join(pid.to_string()), flags, Mode::empty()))?;
        Ok(fd.map(|fd| ProcDir { fd, helper: Arc::clone(&self.helper) }))
    }

    /// All processes that are there now, in order.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        let mut pids: Vec<u32> = fs::read_dir(&self.path)?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        Ok(pids)
    }

    /// From now on, `helper` is asked for what we may not see ourselves. The first one stays.
    pub fn set_helper(&self, helper: Helper) {
        // The second one ends here.
        drop(self.helper.set(helper));
    }
}
