//! The cgroup namespace: paths in `/proc/PID/cgroup` are as the reader's own namespace sees them, so
//! a tracer in a container must leave that of its container (`cgroup_namespaces(7)`).

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use anyhow::Context as _;
use nix::sched::{CloneFlags, setns};

use crate::capture::procfs::Root;

/// What the link of the initial one reads (`PROC_CGROUP_INIT_INO`, `include/linux/proc_ns.h`).
const INITIAL: &str = "cgroup:[4026531835]";

/// Puts the calling thread, and those that it starts, into the initial cgroup namespace, unless it
/// is there.
///
/// # Errors
/// It may not, or there is no process in `/proc` to take it from: paths then begin with `/..`.
pub fn leave(proc: &Root) -> anyhow::Result<()> {
    if is_initial("/proc/thread-self/ns/cgroup").unwrap_or(true) {
        // Or a kernel without such namespaces.
        return Ok(());
    }
    // PID 2 of the node is a thread of the kernel; not everybody may look at PID 1.
    let found = ["1/ns/cgroup", "2/ns/cgroup"]
        .into_iter()
        .map(|link| proc.join(link))
        .find(|link| is_initial(link).unwrap_or(false));
    let found = found.with_context(|| {
        format!(
            "the processes in {} are not those of the node, or it may not look at them",
            proc.path().display()
        )
    })?;
    let namespace =
        File::open(&found).with_context(|| format!("cannot open {}", found.display()))?;
    setns(namespace, CloneFlags::CLONE_NEWCGROUP)
        .context("not allowed to enter the node's cgroup namespace")
}

fn is_initial(link: impl AsRef<Path>) -> io::Result<bool> {
    Ok(fs::read_link(link)?.as_os_str() == INITIAL)
}

#[cfg(test)]
mod tests {
    use nix::sched::unshare;

    use super::*;

    /// Needs root, as the tests of this workspace do.
    #[test]
    fn a_thread_that_has_one_of_its_own_comes_back() {
        std::thread::spawn(|| {
            assert!(is_initial("/proc/thread-self/ns/cgroup").expect("readable"));
            unshare(CloneFlags::CLONE_NEWCGROUP).expect("root may");
            assert!(!is_initial("/proc/thread-self/ns/cgroup").expect("readable"));
            leave(&Root::default()).expect("root may");
            assert!(is_initial("/proc/thread-self/ns/cgroup").expect("readable"));
        })
        .join()
        .expect("no panic");
    }
}
