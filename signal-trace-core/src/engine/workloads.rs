//! Cgroups and workloads by name: what is learned of them, and how records refer to them.

use alloc::{collections::BTreeMap, rc::Rc, vec::Vec};

use super::Engine;
use crate::{
    cgroups::Known,
    event::Process,
    ids::CgroupKey,
    labels::Labels,
    output::{Ask, Outputs, ProcessRef, WorkloadRef},
    plan::Plan,
    signal::Signal,
    table::ProcessTable,
    time::{BootNs, SECOND},
    timeline::{Timeline, WorkloadKey},
    workload::{Kind, Workload},
};

/// A container that was made so long ago has its name, if anybody knows it.
const NAMED_WITHIN_NS: u64 = 3 * SECOND;

/// How long a cgroup is remembered in which nobody is: events and questions still come.
const REMEMBERED_NS: u64 = 300 * SECOND;
const FORGET_EVERY_NS: u64 = 60 * SECOND;

impl Engine {
    /// Asks for the path of a process' cgroup, if that is new.
    pub(super) fn learn_cgroup(&mut self, process: &Process, out: &mut Outputs) {
        let key = process.cgroup;
        if key == CgroupKey::Root || self.cgroups.contains(key) {
            return;
        }
        self.known(key);
        out.asks.push(Ask::Cgroup(key, process.id));
    }

    /// `path` is `None` if it did not fit into a record; a process in it will be asked for it.
    pub(super) fn cgroup_made(&mut self, at: BootNs, key: CgroupKey, path: Option<&[u8]>) {
        if let Some(path) = path {
            self.learn_path(key, path);
            self.known(key).born = Some(at);
        }
    }

    pub(super) fn learn_path(&mut self, key: CgroupKey, path: &[u8]) {
        self.known(key).path = Some(path.to_vec());
        self.update_plan(key);
    }

    /// The container has just been started, and its manager may still tell what it is called: an
    /// engine answers no question about a container while it starts it.
    pub(super) fn awaits_name(&self, key: WorkloadKey) -> bool {
        let WorkloadKey::Cgroup(cgroup) = key else { return false };
        let is_young = || {
            let born = self.cgroups.born(cgroup);
            born.is_some_and(|born| self.now.since(born) < NAMED_WITHIN_NS)
        };
        self.config.asks_managers
            && self.cgroups.workload(cgroup).is_none_or(|known| known.name.is_none())
            && is_young()
            && Labels::of(self.cgroups.path(cgroup)).kind == Kind::Container
    }

    pub(super) fn learn_workload(&mut self, key: CgroupKey, workload: &Workload) {
        self.known(key).workload = Some(Rc::new(workload.clone()));
        if workload.sandbox {
            // Of what was taken for a workload until now, nothing is told.
            self.drop_timeline(WorkloadKey::Cgroup(key));
        }
        if let Some(signal) = self.own_stop_signal(key)
            && self.config.signal_mask & signal.bit() == 0
        {
            // What the kernel side is told when this arrives: about now, by the time of events.
            let since = self.now.plus(self.config.reorder_window_ns);
            self.watched_since.entry(signal).or_insert(since);
        }
        self.update_plan(key);
    }

    /// What is learned holds for a shutdown that goes on, too; but what was observed stays.
    fn update_plan(&mut self, key: CgroupKey) {
        let plan = self.plan(key);
        if let Some(timeline) = self.timelines.get_mut(&WorkloadKey::Cgroup(key)) {
            timeline.plan = Plan { pre_stop: timeline.plan.pre_stop, ..plan };
        }
    }

    fn known(&mut self, key: CgroupKey) -> &mut Known {
        let Self { cgroups, table, timelines, now, .. } = self;
        let known = cgroups.entry(key, |key| is_needed(table, timelines, key));
        known.told = *now;
        known
    }

    /// From time to time, forgets cgroups that are gone, or in which nobody is.
    pub(super) fn forget_cgroups(&mut self) {
        if self.now.since(self.cgroups_forgotten) < FORGET_EVERY_NS {
            return;
        }
        self.cgroups_forgotten = self.now;
        let Self { cgroups, table, timelines, now, .. } = self;
        cgroups.forget_before(now.minus(REMEMBERED_NS), |key| is_needed(table, timelines, key));
    }

    /// How the workload in a cgroup is to be stopped.
    pub(super) fn plan(&self, cgroup: CgroupKey) -> Plan {
        let workload = self.cgroups.workload(cgroup).map(Rc::as_ref);
        Plan::new(&self.config, self.cgroups.path(cgroup), workload)
    }

    /// The signal that the workload in this cgroup is configured to be stopped with. What is judged
    /// by process tree is no workload of a manager's.
    pub(super) fn own_stop_signal(&self, cgroup: CgroupKey) -> Option<Signal> {
        if self.config.is_split(cgroup) {
            return None;
        }
        let signal = self.cgroups.workload(cgroup)?.stop_signal?.value;
        Some(signal).filter(|signal| signal.is_for_stopping())
    }

    /// Whether `signal` asks a process in this cgroup to stop.
    pub(super) fn is_stop_signal(&self, signal: Signal, cgroup: CgroupKey) -> bool {
        self.config.is_stop_signal(signal) || self.own_stop_signal(cgroup) == Some(signal)
    }

    /// Whether `signal` is of interest there: the kernel side watches the stop signals of all
    /// workloads for everybody.
    pub(super) fn is_watched(&self, signal: Signal, cgroup: CgroupKey) -> bool {
        self.config.signal_mask & signal.bit() != 0 || self.own_stop_signal(cgroup) == Some(signal)
    }

    /// Whether a stop signal of the workload's own, sent at `from` or later, was not watched yet.
    pub(super) fn was_unwatched(&self, plan: &Plan, from: BootNs) -> bool {
        let since = plan.stop_signal.and_then(|signal| self.watched_since.get(&signal));
        since.is_some_and(|since| *since > from)
    }

    pub(super) fn process_ref(&self, process: &Process) -> ProcessRef {
        ProcessRef {
            process: *process,
            cgroup_path: self.cgroup_path(process.cgroup),
            workload: self.cgroups.workload(process.cgroup).cloned(),
        }
    }

    fn cgroup_path(&self, key: CgroupKey) -> Option<Vec<u8>> {
        Some(self.cgroups.path(key)).filter(|path| !path.is_empty()).map(<[u8]>::to_vec)
    }

    pub(super) fn workload_ref(&self, key: WorkloadKey, process: &Process) -> WorkloadRef {
        match key {
            WorkloadKey::Cgroup(cgroup) => self.workload_in(cgroup),
            WorkloadKey::Tree(_) => WorkloadRef {
                cgroup: process.cgroup,
                cgroup_path: self.cgroup_path(process.cgroup),
                known: None,
                root: Some(*process),
            },
        }
    }

    pub(super) fn workload_in(&self, cgroup: CgroupKey) -> WorkloadRef {
        WorkloadRef {
            cgroup,
            cgroup_path: self.cgroup_path(cgroup),
            known: self.cgroups.workload(cgroup).cloned(),
            root: None,
        }
    }
}

/// Whether somebody is in this cgroup, if only as a zombie, or it is being stopped.
fn is_needed(
    table: &ProcessTable,
    timelines: &BTreeMap<WorkloadKey, Timeline>,
    key: CgroupKey,
) -> bool {
    table.known_in(key).next().is_some() || timelines.contains_key(&WorkloadKey::Cgroup(key))
}
