//! How a timeline begins: for whom it stands, and who belongs to it.

use alloc::{collections::BTreeSet, vec::Vec};

use super::Engine;
use crate::{
    ids::{CgroupKey, ProcessId},
    member::{Member, ONE_REQUEST_NS, Stop},
    time::BootNs,
    timeline::{Timeline, WorkloadKey},
};

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
    /// The process that stands for the workload: the one that its manager names, PID 1 of its
    /// namespace, else the oldest one that
    /// was not started from inside.
    pub(super) fn main_of(&self, key: WorkloadKey, target: ProcessId) -> ProcessId {
        let cgroup = match key {
            WorkloadKey::Tree(root) => return root,
            WorkloadKey::Cgroup(cgroup) => cgroup,
        };
        // What outlived an earlier main process is not the new one.
        let survivor = |id: &ProcessId| {
            let earlier = self.timelines.get(&key).and_then(|earlier| earlier.members.get(id));
            earlier.is_some_and(|member| member.from_start)
        };
        let pid1 = self.cgroups.workload(cgroup).and_then(|workload| workload.pid1);
        self.table
            .living_in(cgroup)
            .min_by_key(|entry| {
                let process = &entry.process;
                (
                    // In a PID namespace that it shares, only its manager knows.
                    Some(process.id.pid) != pid1,
                    !process.is_namespace_init(),
                    survivor(&process.id),
                    process.ns_level,
                    self.table.is_from_inside(entry),
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
            WorkloadKey::Tree(root) => {
                // What lives in a cgroup that is a workload belongs to that: the containers below
                // a daemon.
                let mut tree = self.table.living_tree(root);
                let is_here = |id: &ProcessId| {
                    let entry = self.table.get(*id);
                    entry.is_none_or(|entry| self.config.is_split(entry.process.cgroup))
                };
                tree.retain(|id| *id == root || is_here(id));
                tree
            }
            WorkloadKey::Cgroup(cgroup) => {
                self.table.living_in(cgroup).map(|entry| entry.process.id).collect()
            }
        };
        let cgroup = match key {
            WorkloadKey::Cgroup(cgroup) => cgroup,
            // A tree is no workload of a manager's.
            WorkloadKey::Tree(_) => CgroupKey::Root,
        };
        let mut plan = self.plan(cgroup);
        // In a PID namespace that it shares, the main process too is started from outside.
        let hook = stop.as_ref().and_then(|stop| self.hook_before(stop, cgroup, plan.grace_ns));
        plan.pre_stop = hook.filter(|hook| hook.process.id != main);
        let mut timeline = Timeline::new(key, at, main, stop, provisional, plan);
        let root = self.table.get(main).map_or(main, |main| self.table.root_of(main));
        for id in &ids {
            let Some(entry) = self.table.get(*id) else { continue };
            let foreign = match key {
                WorkloadKey::Cgroup(_) => *id != main && self.table.root_of(entry) != root,
                WorkloadKey::Tree(_) => false,
            };
            timeline.members.insert(*id, Member::new(entry, true, foreign));
        }
        self.add_dead_main(&mut timeline);
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

    /// The main process can be dead already: what is left behind by PID 1 dies after it.
    fn add_dead_main(&self, timeline: &mut Timeline) {
        let main = self.table.get(timeline.main).filter(|entry| entry.ended.is_some());
        if let Some(entry) = main {
            timeline.members.insert(timeline.main, Member::new(entry, true, false));
        }
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
        if smaller.opened < timeline.opened {
            timeline.opened = smaller.opened;
            timeline.stop = smaller.stop;
        }
        let first_kill = timeline.first_kill.into_iter().chain(smaller.first_kill).min();
        timeline.first_kill = first_kill;
        timeline.last_kill = timeline.last_kill.max(smaller.last_kill);
        timeline.forwards.extend(smaller.forwards);
        timeline.members.extend(smaller.members);
    } else {
        // Of an earlier request only those are of interest that still live.
        let living = smaller.members.into_iter().filter(|(_, member)| member.ended.is_none());
        timeline.members.extend(living);
    }
}
