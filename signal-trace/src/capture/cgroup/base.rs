//! Paths as a tracer in a cgroup namespace of its own sees them, and as the node does.
//!
//! In there, `/proc/PID/cgroup` tells paths from the namespace's root on (`/../web`), and the host's
//! hierarchy, mounted into the container, is a mount of `/../..`. Its folders have their real names.

use std::{borrow::Cow, fs, os::unix::fs::MetadataExt as _};

use super::mount::Mount;

/// Inode number of the root of every hierarchy.
const ROOT_INODE: u64 = 1;

impl Mount {
    /// Whether what is mounted lies around our cgroup namespace.
    pub fn is_outside(&self) -> bool {
        self.root.starts_with(b"/..") && parts(&self.root).all(|part| part == b"..")
    }

    /// Whether the whole hierarchy is mounted.
    pub fn is_whole(&self) -> bool {
        fs::metadata(&self.point).is_ok_and(|root| root.ino() == ROOT_INODE)
    }

    /// Finds out where the root of our namespace is; `own` is our path from there on. Nothing else
    /// tells but the folder that holds our pid.
    pub fn find_base(&mut self, own: &[u8]) {
        if !self.is_outside() {
            return;
        }
        let outside = std::mem::replace(&mut self.root, b"/".to_vec());
        let pid = std::process::id();
        let mut home = None;
        self.walk(|_, path| {
            if home.is_none() && self.holds(path, pid) {
                home = Some(path.to_vec());
            }
        });
        let below = own.strip_suffix(b"/").unwrap_or(own);
        match home.as_ref().and_then(|home| home.strip_suffix(below)) {
            Some(base) => self.base = base.to_vec(),
            None => self.root = outside,
        }
    }

    /// Whether every process' cgroup is found in it.
    pub fn shows_the_node(&self) -> bool {
        self.root == b"/" && self.is_whole()
    }

    fn holds(&self, path: &[u8], pid: u32) -> bool {
        let list = self.dir(path).and_then(|dir| fs::read_to_string(dir.join("cgroup.procs")).ok());
        list.is_some_and(|list| list.lines().any(|line| line.parse() == Ok(pid)))
    }

    /// A path of `/proc/PID/cgroup` from the root of the hierarchy on; `None` if it leads out of
    /// there, or out of a namespace of which we do not know where it is.
    pub fn whole_path<'a>(&self, path: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.base.is_empty() {
            return Some(Cow::Borrowed(path));
        }
        let mut whole: Vec<&[u8]> = parts(&self.base).collect();
        for part in parts(path) {
            if part == b".." {
                whole.pop()?;
            } else {
                whole.push(part);
            }
        }
        let mut path = Vec::new();
        for part in whole {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        Some(Cow::Owned(if path.is_empty() { b"/".to_vec() } else { path }))
    }
}

/// What is between the slashes.
fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(root: &str, base: &str) -> Mount {
        Mount { root: root.into(), point: "/nonexistent".into(), base: base.into() }
    }

    #[test]
    fn paths_are_told_from_the_root_on() {
        let inside = mount("/", "/docker/a");
        for (path, whole) in [
            ("/", "/docker/a"),
            ("/init.scope", "/docker/a/init.scope"),
            ("/../b", "/docker/b"),
            ("/../../system.slice/x.service", "/system.slice/x.service"),
            ("/../..", "/"),
        ] {
            let found = inside.whole_path(path.as_bytes());
            assert_eq!(found.as_deref(), Some(whole.as_bytes()), "{path}");
        }
        assert_eq!(inside.whole_path(b"/../../.."), None);
        assert_eq!(mount("/", "").whole_path(b"/a").as_deref(), Some(&b"/a"[..]));
    }

    #[test]
    fn a_mount_around_the_namespace_is_known_by_its_root() {
        for (root, outside) in
            [("/..", true), ("/../..", true), ("/", false), ("/../a", false), ("/..a", false)]
        {
            assert_eq!(mount(root, "").is_outside(), outside, "{root}");
        }
    }
}
