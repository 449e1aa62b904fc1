//! A cgroup of the harness' own, removed at the end: in the v2 hierarchy, or in one of v1.

use std::{
    fs::{self, File},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::clock::Deadline;

/// In which hierarchies a cgroup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hierarchies {
    /// v2.
    Unified,
    /// That of v1's pids controller, as by a manager that ignores v2.
    Pids,
    /// Both, as by runc on a machine that has both.
    Both,
}

/// A cgroup below the root of its hierarchy; its processes are one workload.
#[derive(Debug)]
pub struct Cgroup {
    /// In v2, if it is there; the place of its files.
    folder: PathBuf,
    /// Of v2.
    handle: Option<File>,
    /// In the hierarchy of v1, if it is there.
    pids: Option<PathBuf>,
    /// Path below the root of the hierarchy, as recordings show it.
    pub path: String,
    /// The one around it; goes after it.
    around: Option<Box<Self>>,
}

impl Cgroup {
    /// Makes one with a name that nobody else has.
    pub fn new(name: &str) -> Self {
        Self::new_in(Hierarchies::Unified, name)
    }

    /// The same, in other hierarchies.
    pub fn new_in(hierarchies: Hierarchies, name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::at_in(hierarchies, format!("/st-test-{}-{count}-{name}", std::process::id()))
    }

    /// Makes one that looks like that of a Docker container. What is above it stays behind, empty,
    /// as it does with the engine itself.
    pub fn container() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(v2_mount().join("docker")).expect("root may make cgroups");
        Self::at(format!("/docker/{:032x}{count:032x}", std::process::id()))
    }

    /// Makes one that looks like that of the service manager.
    pub fn init_scope() -> Self {
        let around = Self::new("manager");
        let mut scope = Self::at(format!("{}/init.scope", around.path));
        scope.around = Some(Box::new(around));
        scope
    }

    /// Makes one below another, which is to live longer.
    pub fn below(path: &str, name: &str) -> Self {
        Self::at(format!("{path}/{name}"))
    }

    fn at(path: String) -> Self {
        Self::at_in(Hierarchies::Unified, path)
    }

    fn at_in(hierarchies: Hierarchies, path: String) -> Self {
        let make = |mount: PathBuf| {
            let folder = mount.join(&path[1..]);
            fs::create_dir(&folder).unwrap_or_else(|e| {
                panic!("cannot make the cgroup {}: {e} (the tests need root)", folder.display())
            });
            folder
        };
        let unified = (hierarchies != Hierarchies::Pids).then(|| make(v2_mount()));
        let pids = (hierarchies != Hierarchies::Unified).then(|| make(pids_mount()));
        let open = |folder| File::open(folder).expect("the new cgroup can be opened");
        let handle = unified.as_ref().map(open);
        let folder = unified.or_else(|| pids.clone()).expect("it is in one of them");
        Self { folder, handle, pids, path, around: None }
    }

    /// One of its files: `cgroup.procs`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes to one of its files.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{text} to {}: {e}", path.display()));
    }

    /// Lets a controller work in it. It stays switched on above it, which changes nothing there.
    pub fn enable(&self, controller: &str) {
        let above = self.folder.parent().expect("it is below the root");
        fs::write(above.join("cgroup.subtree_control"), format!("+{controller}"))
            .unwrap_or_else(|e| panic!("no {controller} controller for {}: {e}", self.path));
    }

    /// Freezes or thaws its processes; see [`Self::is_frozen`].
    pub fn freeze(&self, freeze: bool) {
        self.write("cgroup.freeze", if freeze { "1" } else { "0" });
    }

    /// Whether all of them are.
    pub fn is_frozen(&self) -> bool {
        let events = fs::read_to_string(self.file("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "frozen 1")
    }

    /// For `CLONE_INTO_CGROUP`, which v1 does not have.
    pub fn handle(&self) -> Option<BorrowedFd<'_>> {
        self.handle.as_ref().map(AsFd::as_fd)
    }

    /// The file of v1 that a process joins by writing `0` to it.
    pub fn entry(&self) -> Option<File> {
        let path = self.pids.as_ref()?.join("cgroup.procs");
        Some(File::options().write(true).open(path).expect("the cgroup is ours"))
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
        for folder in [Some(&self.folder), self.pids.as_ref()].into_iter().flatten() {
            empty_and_remove(folder);
        }
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

/// Removes what an engine left in every hierarchy: this cgroup and those around it, as far as they
/// are empty.
pub fn remove_empty(path: &str) {
    for mount in mounts() {
        for folder in Path::new(path.trim_start_matches('/')).ancestors() {
            if folder.as_os_str().is_empty() || fs::remove_dir(mount.join(folder)).is_err() {
                break;
            }
        }
    }
}

/// Where the hierarchies are mounted.
pub fn mounts() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    let cgroups = mounts.lines().filter(|line| line.contains(" - cgroup"));
    cgroups.filter_map(|line| line.split(' ').nth(4).map(PathBuf::from)).collect()
}

/// Kills the processes that a failed test left behind; the kernel needs a moment to let go of them.
pub fn empty_and_remove(folder: &Path) {
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
    mount_of(|source| source.starts_with("cgroup2 "))
        .expect("no cgroup v2 hierarchy: mount -t cgroup2 none /sys/fs/cgroup/unified")
}

/// Where that of v1's pids controller is.
fn pids_mount() -> PathBuf {
    mount_of(|source| {
        let options = source.rsplit(' ').next().unwrap_or_default();
        source.starts_with("cgroup ") && options.split(',').any(|option| option == "pids")
    })
    .expect("no v1 hierarchy with pids: mount -t cgroup -o pids none /sys/fs/cgroup/pids")
}

/// `wanted` is asked with the type, the source and the options of each mount.
fn mount_of(wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        wanted(source).then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
    })
}
