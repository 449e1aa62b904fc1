//! The table of processes that are alive, or dead and not yet reaped.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    event::Process,
    ids::{CgroupKey, ProcessId, Seq},
    member::{Further, Kill},
    signal::{Disposition, WaitStatus},
    time::BootNs,
    timeline::WorkloadKey,
};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When; of a zombie that was there before us, when we found it.
    pub at: BootNs,
    /// How.
    pub status: WaitStatus,
    /// Signals still pending then.
    pub pending: u64,
    /// Signals blocked then.
    pub blocked: u64,
    /// The record that says so; `None` if it was a zombie before we came.
    pub seq: Option<Seq>,
}

/// One process.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As last seen.
    pub process: Process,
    /// Its parent when it was first seen: by this the tree is drawn, for the kernel gives the
    /// children of a dead process to another parent.
    pub lineage: Option<ProcessId>,
    /// The first of its line in the cgroup and PID namespace that it is in: itself, if what started
    /// it is elsewhere.
    root: ProcessId,
    /// Its end, if that has come.
    pub ended: Option<Ended>,
    /// A watched signal was sent to it.
    pub signalled: bool,
    /// The last stop signal that another process sent to it; not a HUP, which may be a reload.
    pub asked: Option<Further>,
    /// The SIGKILL that ends it.
    pub kill: Option<Box<Kill>>,
    /// What it does with SIGCHLD, if `/proc` was asked.
    pub sigchld: Option<Disposition>,
    /// When `/proc` is asked about it, once it is dead.
    pub ask_at: Option<BootNs>,
    /// Reported as a zombie.
    pub zombie: Option<Zombie>,
}

/// A zombie that was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zombie {
    /// Among whose zombies it is counted.
    pub home: WorkloadKey,
    /// Age at which it is told of again, nanoseconds.
    pub next_age_ns: u64,
}

/// A child of `parent` is where that is.
fn is_home(parent: &Process, child: &Process) -> bool {
    parent.cgroup == child.cgroup && parent.ns_level == child.ns_level
}

/// All processes, with the two indexes that workloads are drawn up from.
#[derive(Debug)]
pub struct ProcessTable {
    entries: BTreeMap<ProcessId, Entry>,
    by_cgroup: BTreeSet<(CgroupKey, ProcessId)>,
    by_lineage: BTreeSet<(ProcessId, ProcessId)>,
    capacity: usize,
}

/// What [`ProcessTable::see`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Known before.
    Known,
    /// New.
    New,
    /// New, and there is no room for it.
    NoRoom,
}

impl ProcessTable {
    pub const fn new(capacity: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            by_cgroup: BTreeSet::new(),
            by_lineage: BTreeSet::new(),
            capacity,
        }
    }

    /// How many are kept; each stands in both indexes.
    pub fn len(&self) -> usize {
        debug_assert_eq!(self.by_cgroup.len(), self.entries.len());
        debug_assert!(self.by_lineage.len() <= self.entries.len());
        self.entries.len()
    }

    pub fn get(&self, id: ProcessId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub fn get_mut(&mut self, id: ProcessId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// Takes in a process as an event shows it. What the event could not read (0, none) does not
    /// overwrite what is known.
    pub fn see(&mut self, process: &Process) -> Seen {
        if let Some(entry) = self.entries.get_mut(&process.id) {
            let before = entry.process.cgroup;
            let known = entry.process;
            entry.process = Process {
                parent: process.parent.or(known.parent),
                pgid: if process.pgid == 0 { known.pgid } else { process.pgid },
                ns_pid: if process.ns_pid == 0 { known.ns_pid } else { process.ns_pid },
                ns_level: if process.ns_pid == 0 { known.ns_level } else { process.ns_level },
                ns_inum: if process.ns_inum == 0 { known.ns_inum } else { process.ns_inum },
                ..*process
            };
            if before != process.cgroup {
                entry.root = process.id;
                self.by_cgroup.remove(&(before, process.id));
                self.by_cgroup.insert((process.cgroup, process.id));
            }
            return Seen::Known;
        }
        if self.entries.len() >= self.capacity {
            return Seen::NoRoom;
        }
        self.by_cgroup.insert((process.cgroup, process.id));
        if let Some(parent) = process.parent {
            self.by_lineage.insert((parent, process.id));
        }
        let parent = process.parent.and_then(|parent| self.entries.get(&parent));
        let parent = parent.filter(|parent| is_home(&parent.process, process));
        let entry = Entry {
            process: *process,
            lineage: process.parent,
            root: parent.map_or(process.id, |parent| parent.root),
            ended: None,
            signalled: false,
            asked: None,
            kill: None,
            sigchld: None,
            ask_at: None,
            zombie: None,
        };
        self.entries.insert(process.id, entry);
        Seen::New
    }

    /// Whether a process was started from inside the cgroup that it is in. A `docker exec` session
    /// was not: what started it entered the namespace from above.
    pub fn is_from_inside(&self, entry: &Entry) -> bool {
        self.above(entry).is_some()
    }

    /// The first of a process' line that is where it is. All that a `docker exec` session starts
    /// has that session for its root, and not the main process of the container.
    pub fn root_of(&self, entry: &Entry) -> ProcessId {
        let mut at = entry;
        // The bound guards against a loop in hostile input.
        for _ in 0..self.entries.len() {
            let Some(above) = self.above(at) else { break };
            let Some(next) = self.get(above) else { return above };
            at = next;
        }
        at.process.id
    }

    fn above(&self, entry: &Entry) -> Option<ProcessId> {
        if entry.root != entry.process.id {
            return Some(entry.root);
        }
        // The list of processes at the start can hold a parent after its child.
        let parent = entry.lineage.and_then(|parent| self.get(parent));
        parent.filter(|parent| is_home(&parent.process, &entry.process)).map(|p| p.process.id)
    }

    /// Forgets a process.
    pub fn remove(&mut self, id: ProcessId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.by_cgroup.remove(&(entry.process.cgroup, id));
        if let Some(parent) = entry.lineage {
            self.by_lineage.remove(&(parent, id));
        }
        Some(entry)
    }

    /// Processes that had the same pid before this one: a pid is given again only after its
    /// holder was reaped.
    pub fn earlier_holders(&self, id: ProcessId) -> impl Iterator<Item = ProcessId> + '_ {
        let first = ProcessId { pid: id.pid, start_ticks: 0 };
        self.entries.range(first..id).map(|(earlier, _)| *earlier)
    }

    /// The newest process that has this pid.
    pub fn by_pid(&self, pid: u32) -> Option<&Entry> {
        let last = ProcessId { pid, start_ticks: u64::MAX };
        let first = ProcessId { pid, start_ticks: 0 };
        self.entries.range(first..=last).next_back().map(|(_, entry)| entry)
    }

    /// The living processes of a cgroup.
    pub fn living_in(&self, cgroup: CgroupKey) -> impl Iterator<Item = &Entry> {
        self.known_in(cgroup).filter(|entry| entry.ended.is_none())
    }

    /// The same with those that are dead and not yet reaped.
    pub fn known_in(&self, cgroup: CgroupKey) -> impl Iterator<Item = &Entry> {
        let first = ProcessId { pid: 0, start_ticks: 0 };
        self.by_cgroup
            .range((cgroup, first)..)
            .take_while(move |(key, _)| *key == cgroup)
            .filter_map(|(_, id)| self.entries.get(id))
    }

    /// The living processes of the tree below `root`, that one included; but what is below another
    /// dead process is on its own.
    pub fn living_tree(&self, root: ProcessId) -> BTreeSet<ProcessId> {
        let mut found = BTreeSet::new();
        // Input can be hostile: lines of descent that loop.
        let mut visited = BTreeSet::new();
        let mut todo = alloc::vec![root];
        while let Some(id) = todo.pop() {
            let lives = self.get(id).is_some_and(|entry| entry.ended.is_none());
            if !(lives || id == root) || !visited.insert(id) {
                continue;
            }
            if lives {
                found.insert(id);
            }
            let first = ProcessId { pid: 0, start_ticks: 0 };
            let children = self.by_lineage.range((id, first)..);
            todo.extend(children.take_while(|(parent, _)| *parent == id).map(|(_, child)| child));
        }
        found
    }

    /// Whether `ancestor` is above `id`. Lines of descent end where a process was forgotten.
    pub fn descends_from(&self, id: ProcessId, ancestor: ProcessId) -> bool {
        // A line is no longer than the table; the bound guards against a loop in hostile input.
        let mut at = self.get(id).and_then(|entry| entry.lineage);
        for _ in 0..self.entries.len() {
            match at {
                Some(parent) if parent == ancestor => return true,
                Some(parent) => at = self.get(parent).and_then(|entry| entry.lineage),
                None => return false,
            }
        }
        false
    }
}
