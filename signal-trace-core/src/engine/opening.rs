//! How a timeline begins: for whom it stands, and who belongs to it.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::Engine;
use crate::{
    ids::ProcessId,
    time::{BootNs, SECOND},
    timeline::{Member, Stop, Timeline, WorkloadKey},
};

/// The signals of one request to a group of processes lie closer together than this.
pub(super) const ONE_REQUEST_NS: u64 = SECOND;

/// What is known of a timeline before its members are.
pub(super) struct Opening {
    pub(super) key: WorkloadKey,
    pub(super) at: BootNs,
    pub(super) main: ProcessId,
    /// `None`: a SIGKILL opens it.
    pub(super) stop: Option<Stop>,
    pub(super) provisional: bool,
}

impl Engine {
    /// The process that stands for the workload: PID 1 of its namespace, else the oldest one that
    /// was not started from inside.
    pub(super) fn main_of(&self, key: WorkloadKey, target: ProcessId) -> ProcessId {
        let cgroup = match key {
            WorkloadKey::Tree(root) => return root,
            WorkloadKey::Cgroup(cgroup) => cgroup,
        };
        let from_inside = |parent: Option<ProcessId>| {
            parent
                .and_then(|parent| self.table.get(parent))
                .is_some_and(|parent| parent.process.cgroup == cgroup)
        };
        // What outlived an earlier main process is not the new one.
        let survivor = |id: &ProcessId| {
            let earlier = self.timelines.get(&key).and_then(|earlier| earlier.members.get(id));
            earlier.is_some_and(|member| member.from_start)
        };
        self.table
            .living_in(cgroup)
            .min_by_key(|entry| {
                let process = &entry.process;
                (
                    !process.is_namespace_init(),
                    survivor(&process.id),
                    process.ns_level,
                    from_inside(entry.lineage),
                    process.id.start_ticks,
                    process.id.pid,
                )
            })
            .map_or(target, |entry| entry.process.id)
    }

    /// Opens a timeline with all that live in the workload now.
    pub(super) fn open(&mut self, opening: Opening) {
        let Opening { key, at, main, stop, provisional } = opening;
        let ids: BTreeSet<ProcessId> = match key {
            WorkloadKey::Tree(root) => self.table.living_tree(root),
            WorkloadKey::Cgroup(cgroup) => {
                self.table.living_in(cgroup).map(|entry| entry.process.id).collect()
            }
        };
        let mut timeline = Timeline {
            key,
            opened: at,
            stop,
            provisional,
            main,
            members: BTreeMap::new(),
            first_kill: None,
            reports: 0,
        };
        for id in &ids {
            let Some(entry) = self.table.get(*id) else { continue };
            let foreign = *id != main && entry.lineage.is_none_or(|parent| !ids.contains(&parent));
            timeline.members.insert(*id, Member::new(entry.process, true, foreign));
        }
        let smaller: Vec<_> =
            ids.iter().filter_map(|id| self.timelines.remove(&WorkloadKey::Tree(*id))).collect();
        for smaller in smaller {
            for id in smaller.members.keys() {
                self.member_of.remove(id);
            }
            absorb(&mut timeline, smaller);
        }
        for id in timeline.members.keys() {
            // It is a member of one timeline only.
            self.leave(*id);
            self.member_of.insert(*id, key);
        }
        self.timelines.insert(key, timeline);
    }
}

/// A tree takes in the timeline of a smaller tree in it: a whole group can be told from the leaves
/// up, and then the first of them was the stop of all.
fn absorb(timeline: &mut Timeline, smaller: Timeline) {
    let one_request = match (&timeline.stop, &smaller.stop) {
        (Some(stop), Some(earlier)) => {
            stop.signal == earlier.signal && stop.at.since(earlier.at) < ONE_REQUEST_NS
        }
        _ => false,
    };
    if one_request {
        timeline.opened = smaller.opened;
        timeline.stop = smaller.stop;
        timeline.first_kill = smaller.first_kill;
        timeline.members.extend(smaller.members);
    } else {
        // Of an earlier request only those are of interest that still live.
        let living = smaller.members.into_iter().filter(|(_, member)| member.ended.is_none());
        timeline.members.extend(living);
    }
}
