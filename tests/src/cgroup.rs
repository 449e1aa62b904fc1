//! A cgroup of the harness' own in the v2 hierarchy, removed at the end.

use std::{
    fs::{self, File},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::clock::Deadline;

/// A cgroup below the v2 root; its processes are one workload.
#[derive(Debug)]
pub struct Cgroup {
    folder: PathBuf,
    handle: File,
    /// Path below the root of the hierarchy, as recordings show it.
    pub path: String,
}

impl Cgroup {
    /// Makes one with a name that nobody else has.
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = format!("/st-test-{}-{count}-{name}", std::process::id());
        let folder = v2_mount().join(&path[1..]);
        fs::create_dir(&folder).unwrap_or_else(|e| {
            panic!("cannot make the cgroup {}: {e} (the tests need root)", folder.display())
        });
        let handle = File::open(&folder).expect("the new cgroup can be opened");
        Self { folder, handle, path }
    }

    /// For `CLONE_INTO_CGROUP`.
    pub fn handle(&self) -> impl AsFd {
        &self.handle
    }

    /// The processes in it now.
    pub fn pids(&self) -> Vec<i32> {
        let list = fs::read_to_string(self.members()).expect("the cgroup is ours");
        list.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// The file that a process joins it by.
    pub fn members(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        empty_and_remove(&self.folder);
    }
}

/// Ends what a run that was killed outright left behind: its processes know no parent's end.
pub fn remove_leftovers() {
    for folder in fs::read_dir(v2_mount()).into_iter().flatten().flatten() {
        let name = folder.file_name().into_string().unwrap_or_default();
        let owner = name.strip_prefix("st-test-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            empty_and_remove(&folder.path());
        }
    }
}

/// Kills the processes that a failed test left behind; the kernel needs a moment to let go of them.
fn empty_and_remove(folder: &Path) {
    for pid in fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default().lines() {
        if let Ok(pid) = pid.parse() {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _gone = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
    let deadline = Deadline::after(Duration::from_secs(2));
    while fs::remove_dir(folder).is_err() && folder.exists() && !deadline.passed() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where the v2 hierarchy is mounted: anywhere, on a machine that has v1 beside it.
fn v2_mount() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    let mount = mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        source.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4)).flatten()
    });
    let mount =
        mount.expect("no cgroup v2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup/unified");
    Path::new(mount).to_path_buf()
}
