//! The cgroup that a kubelet has its pods in: its own, in every hierarchy.
//!
//! A kubelet kills what it does not know of below its root, so it must not share one.

use std::{fs, path::Path};

use crate::cgroup;

/// What they are called: the pid of their owner is between.
const NAME: [&str; 2] = ["st-test-", "-kubelet"];

/// Made before the kubelet starts, which demands that; removed after it.
#[derive(Debug)]
pub struct Cgroups {
    root: String,
}

impl Cgroups {
    /// One that nobody else has.
    pub fn new() -> Self {
        let root = format!("/{}{}{}", NAME[0], std::process::id(), NAME[1]);
        for mount in cgroup::mounts() {
            let folder = mount.join(&root[1..]);
            fs::create_dir_all(&folder).unwrap_or_else(|error| {
                panic!("cannot make the cgroup {}: {error}", folder.display())
            });
        }
        Self { root }
    }

    /// Its path below that of each hierarchy.
    pub fn root(&self) -> &str {
        &self.root
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for mount in cgroup::mounts() {
            remove(&mount.join(&self.root[1..]));
        }
    }
}

/// Removes those of owners that are gone.
pub fn remove_leftovers() {
    for mount in cgroup::mounts() {
        for folder in fs::read_dir(&mount).into_iter().flatten().flatten() {
            let name = folder.file_name().into_string().unwrap_or_default();
            let owner = name.strip_prefix(NAME[0]).and_then(|rest| rest.strip_suffix(NAME[1]));
            if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
                remove(&folder.path());
            }
        }
    }
}

/// With those in it, from below.
fn remove(folder: &Path) {
    for inner in fs::read_dir(folder).into_iter().flatten().flatten() {
        if inner.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&inner.path());
        }
    }
    cgroup::empty_and_remove(folder);
}
