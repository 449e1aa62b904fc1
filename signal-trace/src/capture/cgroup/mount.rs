//! One mounted hierarchy: which directory is which cgroup.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{DirEntryExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

/// Directories that a walk looks at, at most: a node with more has other problems.
const MAX_WALK: usize = 50_000;

/// A mounted hierarchy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Which of its cgroups is mounted: `/`, unless we are in a container.
    pub root: Vec<u8>,
    pub point: PathBuf,
    /// Where the root of our cgroup namespace is, from that of the hierarchy on: empty if we are in
    /// the initial one, or cannot tell.
    pub base: Vec<u8>,
}

impl Mount {
    /// From `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`); one that shows all is preferred.
    pub fn find(mountinfo: &[u8], fs_type: &str, controller: Option<&str>) -> Option<Self> {
        let mounts = mountinfo.split(|byte| *byte == b'\n').filter_map(|line| {
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            let dash = fields.iter().position(|field| *field == b"-")?;
            let options = fields.get(dash + 3)?;
            let right = *fields.get(dash + 1)? == fs_type.as_bytes()
                && controller.is_none_or(|name| {
                    options.split(|byte| *byte == b',').any(|option| option == name.as_bytes())
                });
            let point = std::ffi::OsString::from_vec(unescape(fields.get(4)?));
            right.then(|| Self { root: unescape(fields[3]), point: point.into(), base: vec![] })
        });
        // In a cgroup namespace of our own, `/` is the root of that, and the host's mount shows more.
        mounts.filter(|mount| !mount.is_outside() || mount.is_whole()).min_by_key(|mount| {
            if mount.is_outside() { 0 } else { 1 + u8::from(mount.root != b"/") }
        })
    }

    /// The directory of the cgroup at `path`; `None` if it is outside of what is mounted.
    pub fn dir(&self, path: &[u8]) -> Option<PathBuf> {
        let below = if self.root == b"/" { path } else { path.strip_prefix(&*self.root)? };
        // A path out of our cgroup namespace starts with `/..`: joined, it would name another.
        if below.split(|byte| *byte == b'/').any(|part| part == b"..") {
            return None;
        }
        let below = match below {
            [] => below,
            [b'/', rest @ ..] => rest,
            // `/ab` is not below `/a`.
            _ => return None,
        };
        Some(self.point.join(OsStr::from_bytes(below)))
    }

    pub fn id(&self, path: &[u8]) -> Option<u64> {
        fs::symlink_metadata(self.dir(path)?).ok().map(|metadata| metadata.ino())
    }

    pub fn walk(&self, mut visit: impl FnMut(u64, &[u8])) {
        let mut queue = vec![(self.point.clone(), trim_root(&self.root).to_vec())];
        let mut next = 0;
        while let Some((dir, path)) = queue.get(next).cloned() {
            next += 1;
            for (id, name) in subdirectories(&dir) {
                if queue.len() == MAX_WALK {
                    return;
                }
                let below = [&*path, b"/", name.as_bytes()].concat();
                visit(id, &below);
                queue.push((dir.join(name), below));
            }
        }
    }
}

/// `/` as the empty prefix of its children.
fn trim_root(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}

/// Inode number and name of each; none if the directory has gone meanwhile.
fn subdirectories(dir: &Path) -> impl Iterator<Item = (u64, std::ffi::OsString)> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| (entry.ino(), entry.file_name()))
}

/// Undoes the `\040` escapes of blanks and such in mountinfo.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut rest = field;
    let mut plain = Vec::with_capacity(field.len());
    while let [first, tail @ ..] = rest {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] = rest {
            plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = tail;
        } else {
            plain.push(*first);
            rest = tail;
        }
    }
    plain
}
