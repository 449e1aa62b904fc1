//! A tracefs that only this program sees, for machines on which nobody mounted one: minimal
//! containers, small virtual machines without systemd.

use std::{path::Path, thread};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

use super::requirements::Paths;

/// Runs `work` on a thread of its own, in a mount namespace of its own, with tracefs mounted at
/// the first of its usual places. The mount goes away with the thread; the descriptors that `work`
/// opened stay. `None` if it could not be mounted (no `CAP_SYS_ADMIN`, a kernel without it), or
/// `work` panicked.
pub fn with<T: Send>(paths: &Paths, work: impl FnOnce() -> T + Send) -> Option<T> {
    let at = paths.tracefs.first()?;
    thread::scope(|scope| scope.spawn(|| mount_privately(at).ok().map(|()| work())).join().ok()?)
}

fn mount_privately(at: &Path) -> nix::Result<()> {
    // Of a thread too, it is the namespace of that thread alone.
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Mounts must not spread from here to where everybody sees them.
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("tracefs"), at, Some("tracefs"), flags, None::<&str>)
}
