//! What the kernel holds of eBPF: the ids of programs, maps and links, and whose they are.

use std::{collections::BTreeSet, fs, io};

/// Kinds of objects that have ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Programs.
    Program,
    /// Maps.
    Map,
    /// Links.
    Link,
}

/// An object: its id is not given again while the kernel runs, short of 2^31 others.
pub type Object = (Kind, u32);

impl Kind {
    const ALL: [Self; 3] = [Self::Program, Self::Map, Self::Link];

    /// How `/proc/PID/fdinfo` names the id.
    const fn key(self) -> &'static str {
        match self {
            Self::Program => "prog_id:",
            Self::Map => "map_id:",
            Self::Link => "link_id:",
        }
    }

    /// `BPF_*_GET_NEXT_ID` of linux/bpf.h.
    const fn command(self) -> i64 {
        match self {
            Self::Program => 11,
            Self::Map => 12,
            Self::Link => 31,
        }
    }
}

/// The part of `union bpf_attr` that is for `BPF_*_GET_NEXT_ID`.
#[repr(C)]
#[derive(Default)]
struct NextId {
    start: u32,
    next: u32,
    open_flags: u32,
}

/// Everything that the kernel holds now, whoever made it.
pub fn all() -> BTreeSet<Object> {
    Kind::ALL.into_iter().flat_map(|kind| ids(kind).into_iter().map(move |id| (kind, id))).collect()
}

fn ids(kind: Kind) -> Vec<u32> {
    let mut found = Vec::new();
    let mut attribute = NextId::default();
    loop {
        // SAFETY: the kernel reads and writes no more than the size that it is told, all of which
        // is there as long as the call takes.
        let result = unsafe {
            let size = size_of::<NextId>();
            libc::syscall(libc::SYS_bpf, kind.command(), &raw mut attribute, size)
        };
        if result != 0 {
            let error = io::Error::last_os_error();
            let ended = error.kind() == io::ErrorKind::NotFound;
            assert!(ended, "bpf({kind:?}): {error} (the tests need root)");
            return found;
        }
        found.push(attribute.next);
        attribute.start = attribute.next;
    }
}

/// What a process holds open.
pub fn of(pid: i32) -> BTreeSet<Object> {
    let folder = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut found = BTreeSet::new();
    for entry in entries.flatten() {
        // A descriptor may be closed meanwhile.
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        for line in text.lines() {
            for kind in Kind::ALL {
                let id = line.strip_prefix(kind.key()).and_then(|id| id.trim().parse().ok());
                found.extend(id.map(|id| (kind, id)));
            }
        }
    }
    found
}
