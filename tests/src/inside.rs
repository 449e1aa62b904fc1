//! What is inside of a container, seen from the node: no engine has to be asked for it.

use std::{path::PathBuf, time::Duration};

use crate::clock::Deadline;

/// What a script does when its signal handling is in place.
pub const UP: &str = ": > /tmp/up";

/// A path in the root file system of a process.
pub fn path(pid: i32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/root/{name}"))
}

/// Waits until the script of a container has run [`UP`].
pub fn wait_until_up(pid: i32) {
    let up = path(pid, "tmp/up");
    Deadline::after(Duration::from_secs(20)).until("the container to be up", || up.exists());
}
