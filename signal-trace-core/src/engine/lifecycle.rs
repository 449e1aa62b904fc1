//! Births, deaths and reaps, and who belongs to an open timeline.

use super::Engine;
use crate::{
    event::{Exit, Oom, Process, ProcessFlags},
    ids::ProcessId,
    input::{Loss, LossKind, ProcessFact},
    member::Member,
    output::{ExitRecord, OomRecord, Outputs, ReapRecord, RecordBody},
    role::Role,
    signal::{Disposition, Signal},
    table::{Ended, Seen},
    time::{BootNs, SECOND},
    timeline::WorkloadKey,
};

/// Processes that a timeline takes in at most; more are counted as lost.
const MAX_MEMBERS: usize = 65_536;

impl Engine {
    /// A process that appears in the workload of an open timeline belongs to that.
    pub(super) fn join(&mut self, at: BootNs, process: &Process, seen: Seen, out: &mut Outputs) {
        let id = process.id;
        let Some(entry) = self.table.get(id) else { return };
        let known = entry.process;
        let old = self.member_of.get(&id).copied();
        let now_in = self.workload_of(process);
        if let Some(member) = self.member_mut(id) {
            if old.is_none_or(|key| !member.has_left(key, now_in)) {
                // comm changes with an exec.
                if member.ended.is_none() {
                    member.process = known;
                }
                return;
            }
            self.leave(id);
        }
        let Some(entry) = self.table.get(id) else { return };
        if entry.ended.is_some() || self.timelines.is_empty() {
            return;
        }
        let by_cgroup = WorkloadKey::Cgroup(process.cgroup);
        let key = if self.timelines.contains_key(&by_cgroup) {
            Some(by_cgroup)
        } else if seen == Seen::New && self.config.is_split(process.cgroup) {
            entry.lineage.and_then(|parent| self.member_of.get(&parent)).copied()
        } else {
            None
        };
        let Some(key) = key else { return };
        let inside = match key {
            WorkloadKey::Cgroup(_) => self.table.is_from_inside(entry),
            WorkloadKey::Tree(_) => true,
        };
        let Some(timeline) = self.timelines.get_mut(&key) else { return };
        // Known by its start only: it can have been there before, and its fork lost.
        let before = id.start_ticks.saturating_mul(ProcessId::TICK_NS) < timeline.opened.0
            && timeline.opened.0 - id.start_ticks * ProcessId::TICK_NS > ProcessId::TICK_NS;
        let parent = entry.lineage.and_then(|parent| timeline.members.get(&parent));
        let foreign = !inside || parent.is_some_and(|parent| parent.foreign);
        if timeline.members.len() >= MAX_MEMBERS {
            self.loss(Loss { kind: LossKind::ProcessTable, count: 1, from: at, to: at }, out);
            return;
        }
        timeline.members.insert(id, Member::new(entry, before, foreign));
        self.member_of.insert(id, key);
    }

    /// Takes a process out of its timeline: it belongs to another workload now.
    pub(super) fn leave(&mut self, id: ProcessId) {
        let Some(key) = self.member_of.remove(&id) else { return };
        let Some(timeline) = self.timelines.get_mut(&key) else { return };
        timeline.members.remove(&id);
        if timeline.members.is_empty() || (timeline.reports > 0 && timeline.all_ended()) {
            self.drop_timeline(key);
        }
    }

    pub(super) fn exited(&mut self, at: BootNs, exit: &Exit, out: &mut Outputs) {
        let id = exit.process.id;
        self.see(at, &exit.process, out);
        let Some(entry) = self.table.get(id) else { return };
        // Two threads that exit together both report the end of the process: the first counts.
        // What `/proc` showed just before it comes knows less, such as the status.
        let known = entry.ended;
        if known.is_some_and(|ended| ended.seq.is_some()) {
            return;
        }
        self.totals.exits += 1;
        self.hooks.ended(at, id);
        let member = self.member_of.contains_key(&id);
        let record = ExitRecord {
            process: self.process_ref(&entry.process),
            status: exit.status,
            notable: entry.signalled || member || exit.status.signal().is_some(),
        };
        let seq = self.emit(at, RecordBody::Exit(record), out);
        let ended = Ended {
            at,
            status: exit.status,
            pending: exit.pending,
            blocked: exit.blocked,
            seq: Some(seq),
        };
        if let Some(entry) = self.table.get_mut(id) {
            entry.ended = Some(ended);
        }
        if known.is_none() {
            self.watch_zombie(id, at);
        }
        if member {
            self.member_exited(id, ended);
        } else {
            self.ended_itself(at, id, ended, out);
        }
    }

    fn member_exited(&mut self, id: ProcessId, ended: Ended) {
        let Some(key) = self.member_of.get(&id).copied() else { return };
        let Some(timeline) = self.timelines.get_mut(&key) else { return };
        let Some(member) = timeline.members.get_mut(&id) else { return };
        member.ended = Some(ended);
        // The helpers that a shutdown starts (sleep, kill, date) are no part of its story, and what
        // comes and goes in a workload that lives on after its report is none either.
        let told = member.own_stop.is_some() || ended.status.signal().is_some();
        let helper = !member.from_start && id != timeline.main && (timeline.reports > 0 || !told);
        let parent = member.lineage;
        if helper {
            if member.own_stop.is_some() {
                timeline.forwards.retain(|forward| forward.to != id);
            }
            timeline.members.remove(&id);
            self.member_of.remove(&id);
        }
        let parent = parent.and_then(|parent| timeline.members.get_mut(&parent));
        if let Some(own) = parent.and_then(|parent| parent.own_stop.as_mut()) {
            own.child_ended.get_or_insert(ended.at);
        }
    }

    /// The memory of a process was freed: it has been reaped.
    pub(super) fn freed(&mut self, at: BootNs, process: &Process, out: &mut Outputs) {
        // Not every kernel counts the runs of programs that it skips (6.1 does not on classic
        // tracepoints): an exit that did not come is the only sign then.
        let from = at.minus(SECOND);
        let alive = self.table.get(process.id).is_some_and(|entry| entry.ended.is_none());
        if alive && !self.losses.touch(from, at) {
            self.loss(Loss { kind: LossKind::Exit, count: 1, from, to: at }, out);
        }
        self.reaped(at, process.id, out);
    }

    /// A process is no more: freed by the kernel, not found in `/proc`, or its pid given again.
    pub(super) fn reaped(&mut self, at: BootNs, id: ProcessId, out: &mut Outputs) {
        let Some(entry) = self.table.remove(id) else { return };
        // Where its exit was lost.
        self.hooks.ended(at, id);
        self.zombie_gone(id, &entry);
        if let Some(member) = self.member_mut(id) {
            member.reaped = Some(at);
        }
        // Without an exit it was lost: a loss record tells of that, if the kernel counted it.
        let Some(ended) = entry.ended else { return };
        let record =
            ReapRecord { process: self.process_ref(&entry.process), zombie_ns: at.since(ended.at) };
        self.emit(at, RecordBody::Reap(record), out);
    }

    pub(super) fn oom(&mut self, at: BootNs, oom: &Oom, out: &mut Outputs) {
        // 5.10 names a thread only.
        let pid = if oom.victim.id.pid == 0 { oom.tid } else { oom.victim.id.pid };
        if oom.victim.id.pid != 0 {
            self.see(at, &oom.victim, out);
        }
        let known = self.table.by_pid(pid).map(|entry| entry.process);
        let victim = known.unwrap_or(oom.victim);
        let record = OomRecord { process: self.process_ref(&victim), oom: oom.clone() };
        let seq = self.emit(at, RecordBody::Oom(record), out);
        if let Some(kill) = self.table.get_mut(victim.id).and_then(|entry| entry.kill.as_mut()) {
            // Who was dying already is marked too, so that it may use up the reserves
            // (`oom_kill_process()`, mm/oom_kill.c), and is not killed once more.
            if kill.role != Role::Kernel {
                return;
            }
            kill.role = Role::OomKiller;
        }
        if let Some(member) = self.member_mut(victim.id) {
            member.oom = Some(seq);
            if let Some(kill) = &mut member.kill {
                kill.role = Role::OomKiller;
            }
        }
    }

    pub(super) fn process_fact(&mut self, at: BootNs, fact: &ProcessFact, out: &mut Outputs) {
        let process = Process {
            id: fact.id,
            parent: fact.parent,
            pgid: fact.pgid,
            ns_pid: fact.ns_pid,
            ns_level: fact.ns_level,
            ns_inum: 0,
            uid: fact.uid,
            cgroup: fact.cgroup,
            comm: fact.comm,
            flags: ProcessFlags { dead: fact.zombie.is_some(), ..ProcessFlags::default() },
        };
        let known = self.table.get(fact.id).is_some_and(|entry| entry.ended.is_some());
        if known {
            // What is dead can take long to become a zombie: its memory is freed before.
            if fact.zombie.is_some() {
                self.zombie_confirmed(at, fact, out);
            }
            return;
        }
        self.see(at, &process, out);
        let Some(entry) = self.table.get_mut(fact.id) else { return };
        entry.sigchld = Some(if fact.ignored & Signal::CHLD.bit() != 0 {
            Disposition::Ignore
        } else if fact.caught & Signal::CHLD.bit() != 0 {
            Disposition::Handler
        } else {
            Disposition::Default
        });
        if let Some(status) = fact.zombie {
            // A zombie that was there before us, or whose exit was lost.
            let ended = Ended { at, status, pending: 0, blocked: 0, seq: None };
            entry.ended = Some(ended);
            self.watch_zombie(fact.id, at);
            self.member_exited(fact.id, ended);
        } else if let Some(member) = self.member_mut(fact.id) {
            member.looked_at(at, fact);
        }
    }
}
