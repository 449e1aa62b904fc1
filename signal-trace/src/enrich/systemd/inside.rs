//! The socket of a service manager that is not the node's: of one in a container, or of a user's.
//!
//! Whoever it belongs to decides what lies below its `/`. Nothing of that may lead us out of there,
//! nor hold us up: a path can lie in a file system whose server never answers.

use std::{
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::Path,
    sync::Arc,
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    sys::stat::{SFlag, fstat},
};
use tokio::sync::{Semaphore, oneshot};

use crate::capture::{cgroup::Hierarchies, procfs::Status};

/// Processes of a cgroup that are looked at, at most.
const MAX_PROCESSES: usize = 256;

/// Paths that may hold us up at the same time, before no more is tried.
const MAX_THREADS: usize = 4;

/// Units of the two programs that are the bus.
const BUSES: [&str; 2] = ["dbus.service", "dbus-broker.service"];

/// Opens sockets in threads of their own.
#[derive(Clone, Debug)]
pub struct Opener(Arc<Semaphore>);

impl Default for Opener {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_THREADS)))
    }
}

impl Opener {
    /// What `open` returns, as soon as it does. A thread that never ends is left to itself.
    pub async fn run<T: Send + 'static>(
        &self,
        open: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        let (result, opened) = oneshot::channel();
        let thread = std::thread::Builder::new().name("manager".into());
        thread
            .spawn(move || {
                // It may be waited for no longer.
                let _late = result.send(open());
                drop(permit);
            })
            .ok()?;
        opened.await.ok()?
    }

    /// How many more may be opened now.
    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }
}

/// What a manager sees as `/`: the root of its first process. `None` if it has gone, or is not the
/// first process of its container (`container`) and so not what it claims to be.
pub fn root(hierarchies: &Hierarchies, manager: &[u8], container: bool) -> Option<OwnedFd> {
    let scope = [manager, b"/init.scope"].concat();
    processes(hierarchies, &scope).into_iter().find_map(|pid| {
        let process = hierarchies.proc().process(pid).ok()??;
        // By now the pid may be another process.
        let cgroups = process.read("cgroup").ok()??;
        let status = Status::parse(&process.read("status").ok()??)?;
        let at_home = lives_in(hierarchies, &cgroups, &scope);
        let is_init = status.ns_pid == 1 && status.ns_level > 0;
        (at_home && (is_init || !container)).then(|| process.root().ok()?)?
    })
}

/// Whether the process with this `/proc/PID/cgroup` is in the cgroup at `path`, in any hierarchy.
pub fn lives_in(hierarchies: &Hierarchies, cgroups: &[u8], path: &[u8]) -> bool {
    let mut lines = cgroups.split(|byte| *byte == b'\n');
    lines.any(|line| line.splitn(3, |byte| *byte == b':').nth(2) == Some(path))
        // As a cgroup namespace of our own has it, none of them is like that.
        || hierarchies.place(cgroups).path == path
}

/// Whether the system bus of this manager's container runs: else asking it would start it.
pub fn bus_runs(hierarchies: &Hierarchies, manager: &[u8]) -> bool {
    BUSES.iter().any(|unit| {
        let path = [manager, b"/system.slice/", unit.as_bytes()].concat();
        !processes(hierarchies, &path).is_empty()
    })
}

/// The process in the cgroup at `path` that has this pid in its own namespace.
pub fn translate(hierarchies: &Hierarchies, path: &[u8], ns_pid: u32) -> Option<u32> {
    processes(hierarchies, path).into_iter().find(|pid| {
        let process = || hierarchies.proc().process(*pid).ok()?;
        let status = || Status::parse(&process()?.read("status").ok()??);
        status().is_some_and(|status| status.ns_pid == ns_pid && status.tgid == *pid)
    })
}

fn processes(hierarchies: &Hierarchies, path: &[u8]) -> Vec<u32> {
    if !hierarchies.proc().is_our_namespace() {
        return processes_elsewhere(hierarchies, path);
    }
    let lists = hierarchies.directories(path).filter_map(|directory| {
        let pids = std::fs::read_to_string(directory.join("cgroup.procs")).ok()?;
        let pids = pids.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0);
        Some(pids.take(MAX_PROCESSES).collect::<Vec<u32>>())
    });
    lists.into_iter().find(|pids| !pids.is_empty()).unwrap_or_default()
}

/// The same, where the list of a cgroup has 0 in place of each pid, for we are in a PID namespace of
/// our own.
pub fn processes_elsewhere(hierarchies: &Hierarchies, path: &[u8]) -> Vec<u32> {
    let proc = hierarchies.proc();
    let cgroups = |pid| proc.process(pid).ok()??.read("cgroup").ok()?;
    let pids = proc.pids().unwrap_or_default().into_iter();
    pids.filter(|pid| cgroups(*pid).is_some_and(|found| lives_in(hierarchies, &found, path)))
        .take(MAX_PROCESSES)
        .collect()
}

/// Connects to the socket at `path` below `root`; symbolic links stay below it. May never return.
pub fn connect(root: &OwnedFd, path: &Path) -> Option<UnixStream> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let socket = openat2(root.as_fd(), path, how).ok()?;
    let kind = SFlag::from_bits_truncate(fstat(&socket).ok()?.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFSOCK {
        return None;
    }
    let stream = UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}
