//! The freezer of cgroup v1, and a limit of memory.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::{cgroup::Cgroup, clock::Deadline, folder::Folder};

/// What the processes of a memory cgroup may use.
const MEMORY_LIMIT: &str = "16777216";

/// A v1 hierarchy with one controller.
#[derive(Debug)]
pub struct Hierarchy {
    mount: PathBuf,
    /// Where it is mounted for us alone, on a machine that has no v1 otherwise.
    private: Option<Folder>,
}

impl Hierarchy {
    /// That of the freezer: cgroup v2 freezes without it, so it is free on every machine.
    pub fn freezer() -> Self {
        mounted("freezer")
            .map_or_else(|| Self::mount("freezer"), |mount| Self { mount, private: None })
    }

    fn mount(controller: &str) -> Self {
        let folder = Folder::new();
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("none"), folder.path(), Some("cgroup"), flags, Some(controller))
            .unwrap_or_else(|e| panic!("cannot mount the {controller} hierarchy of v1: {e}"));
        Self { mount: folder.path().to_path_buf(), private: Some(folder) }
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        if self.private.is_some() {
            // A failed test matters more than what it leaves mounted in the temporary folder.
            let _unmounted = umount2(&self.mount, MntFlags::MNT_DETACH);
        }
    }
}

/// Limits the memory of these processes and of what they start: by v1 where that has the
/// controller, else by their own cgroup.
pub fn limit_memory(pids: &[i32], own: Option<&Cgroup>) -> Option<V1> {
    if let Some(mount) = mounted("memory") {
        let cgroup = V1::new(&mount, pids);
        cgroup.write("memory.limit_in_bytes", MEMORY_LIMIT);
        return Some(cgroup);
    }
    let own = own.expect("a memory limit needs a cgroup of its own");
    own.enable("memory");
    own.write("memory.max", MEMORY_LIMIT);
    None
}

/// A cgroup of a v1 hierarchy, removed when it is dropped.
#[derive(Debug)]
pub struct V1 {
    folder: PathBuf,
}

impl V1 {
    /// One of the freezer, with these processes.
    pub fn freezer(hierarchy: &Hierarchy, pids: &[i32]) -> Self {
        Self::new(&hierarchy.mount, pids)
    }

    fn new(mount: &Path, pids: &[i32]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = mount.join(format!("st-test-{}-{count}", std::process::id()));
        fs::create_dir(&folder)
            .unwrap_or_else(|e| panic!("cannot make the cgroup {}: {e}", folder.display()));
        let cgroup = Self { folder };
        for pid in pids {
            cgroup.write("cgroup.procs", &pid.to_string());
        }
        cgroup
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{} to {}: {e}", text, path.display()));
    }

    /// Freezes or thaws it; see [`Self::is_frozen`].
    pub fn freeze(&self, freeze: bool) {
        self.write("freezer.state", if freeze { "FROZEN" } else { "THAWED" });
    }

    /// Whether all in it are.
    pub fn is_frozen(&self) -> bool {
        let state = fs::read_to_string(self.folder.join("freezer.state"));
        state.is_ok_and(|state| state.trim() == "FROZEN")
    }

    /// What thaws it again, whatever happens: nothing in it can be killed before.
    pub fn thaw_at_the_end(&self) -> Thaw {
        Thaw(self.folder.join("freezer.state"))
    }
}

impl Drop for V1 {
    fn drop(&mut self) {
        let deadline = Deadline::after(Duration::from_secs(2));
        while fs::remove_dir(&self.folder).is_err() && self.folder.exists() && !deadline.passed() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// See [`V1::thaw_at_the_end`].
#[derive(Debug)]
pub struct Thaw(PathBuf);

impl Drop for Thaw {
    fn drop(&mut self) {
        // It may be gone already.
        let _thawed = fs::write(&self.0, "THAWED");
    }
}

/// Where the v1 hierarchy of a controller is mounted, if it is.
fn mounted(controller: &str) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    let mount = mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut words = source.split(' ');
        let options = words.clone().nth(2)?;
        let found = words.next() == Some("cgroup") && options.split(',').any(|o| o == controller);
        found.then(|| mount.split(' ').nth(4)).flatten()
    });
    mount.map(PathBuf::from)
}
