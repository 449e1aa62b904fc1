//! Controllers of cgroup v1, where a machine has them beside v2: the freezer and the memory limit.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::clock::Deadline;

/// What the processes of a memory cgroup may use.
const MEMORY_LIMIT: &str = "16777216";

/// A cgroup of a v1 hierarchy, removed when it is dropped.
#[derive(Debug)]
pub struct V1 {
    folder: PathBuf,
}

impl V1 {
    /// One of the freezer, with these processes.
    pub fn freezer(pids: &[i32]) -> Self {
        Self::new("freezer", pids)
    }

    /// One with a limit of memory, with these processes and what they start.
    pub fn memory(pids: &[i32]) -> Self {
        let cgroup = Self::new("memory", pids);
        cgroup.write("memory.limit_in_bytes", MEMORY_LIMIT);
        cgroup
    }

    fn new(controller: &str, pids: &[i32]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = mount(controller).join(format!("st-test-{}-{count}", std::process::id()));
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

    /// Freezes or thaws it, and waits until that is so.
    pub fn freeze(&self, freeze: bool) {
        let wanted = if freeze { "FROZEN" } else { "THAWED" };
        self.write("freezer.state", wanted);
        Deadline::after(Duration::from_secs(10)).until(wanted, || {
            fs::read_to_string(self.folder.join("freezer.state"))
                .is_ok_and(|state| state.trim() == wanted)
        });
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

/// Where the hierarchy of a controller is mounted.
fn mount(controller: &str) -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    let mount = mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut words = source.split(' ');
        let options = words.clone().nth(2)?;
        let found = words.next() == Some("cgroup") && options.split(',').any(|o| o == controller);
        found.then(|| mount.split(' ').nth(4)).flatten()
    });
    let mount = mount.unwrap_or_else(|| {
        panic!(
            "no {controller} hierarchy of cgroup v1: mkdir /sys/fs/cgroup/{controller} && \
             mount -t cgroup -o {controller} none /sys/fs/cgroup/{controller}"
        )
    });
    Path::new(mount).to_path_buf()
}
