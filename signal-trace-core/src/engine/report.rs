//! The report of a timeline, as it stands.

use alloc::{boxed::Box, vec::Vec};

use super::Engine;
use crate::{
    findings::{self, Case},
    ids::CgroupKey,
    member::{Member, Stop},
    output::{
        Outputs, PreStopRef, ProcessReport, RecordBody, SenderRef, ShutdownRecord, StopRef,
        WorkloadRef,
    },
    system::System,
    time::{BootNs, SECOND},
    timeline::{Timeline, WorkloadKey},
    verdict::{self, ProcessVerdict, WorkloadVerdict},
};

/// How long before a SIGKILL a stop signal can have been, that was lost.
const MAX_BEFORE_NS: u64 = 600 * SECOND;

impl Engine {
    /// Emits the report of a timeline. `complete`: all of it was observed, up to its end or past
    /// its grace.
    pub(super) fn report(&mut self, key: WorkloadKey, complete: bool, out: &mut Outputs) {
        let Some(mut timeline) = self.timelines.remove(&key) else { return };
        let record = self.shutdown(&timeline, complete);
        timeline.reports += 1;
        timeline.reported = Some(self.now);
        let outlives = |report: &ProcessReport| report.verdict == ProcessVerdict::Unkillable;
        timeline.told_unkillable |= record.processes.iter().any(outlives);
        self.timelines.insert(key, timeline);
        if record.amends.is_none() {
            self.totals.shutdowns += 1;
        }
        if record.verdict == WorkloadVerdict::Inconclusive {
            self.totals.inconclusive += 1;
        }
        for finding in &record.findings {
            self.count(finding.severity);
        }
        self.emit(self.now, RecordBody::Shutdown(Box::new(record)), out);
    }

    fn shutdown(&self, timeline: &Timeline, complete: bool) -> ShutdownRecord {
        let end =
            if timeline.all_ended() { timeline.last_exit().unwrap_or(self.now) } else { self.now };
        // What looks like a SIGKILL without a stop signal may be one whose stop signal was lost.
        let before =
            if timeline.stop.is_none() { timeline.plan.grace_ns.min(MAX_BEFORE_NS) } else { 0 };
        let from = timeline.opened.minus(before.max(self.config.reorder_window_ns));
        let lossy = self.losses.touch(from, self.now)
            || (timeline.stop.is_none() && self.was_unwatched(&timeline.plan, from))
            || timeline.members.values().any(Member::lost_its_end);
        let may_have_been_asked = timeline.stop.is_none() && self.reaches_back(timeline, from);
        let mut verdicts: Vec<_> = timeline
            .members
            .values()
            .map(|member| (member, verdict::of_process(member, timeline, &self.config, self.now)))
            .collect();
        verdicts.sort_by_key(|(member, _)| Self::place(timeline, member));
        let main = timeline.members.get(&timeline.main);
        let workload = main.map_or_else(
            || self.workload_without_main(timeline),
            |main| self.workload_ref(timeline.key, &main.process),
        );
        let systems =
            System::at_hand(&workload, verdicts.iter().map(|(member, _)| &member.process));
        let case = Case {
            timeline,
            verdicts: &verdicts,
            config: &self.config,
            now: self.now,
            lossy,
            may_have_been_asked,
            systems: &systems,
        };
        ShutdownRecord {
            shutdown_id: timeline.id(timeline.reports),
            amends: (timeline.reports > 0).then(|| timeline.id(0)),
            findings: findings::check(&case),
            workload,
            stop: timeline.stop.as_ref().map(|stop| self.stop_ref(stop)),
            duration_ns: end.since(timeline.opened),
            grace_ns: timeline.plan.grace_ns,
            grace_source: timeline.plan.grace_source,
            pre_stop: timeline.plan.pre_stop.map(|hook| PreStopRef {
                process: self.process_ref(&hook.process),
                took_ns: hook.took_ns,
            }),
            grace_used_ns: timeline.stop.as_ref().map(|stop| {
                timeline.first_kill.filter(|kill| *kill >= stop.at).unwrap_or(end).since(stop.at)
            }),
            verdict: verdict::of_workload(timeline, &verdicts, lossy),
            complete: complete && !may_have_been_asked,
            processes: verdicts
                .iter()
                .map(|(member, verdict)| self.process_report(timeline, member, *verdict))
                .collect(),
            forwards: timeline.forwards.clone(),
            never_told: timeline
                .stop
                .iter()
                .flat_map(|_| timeline.members.values())
                .filter(|member| member.from_start && member.own_stop.is_none())
                .map(|member| member.process.id)
                .collect(),
        }
    }

    /// Whether somebody of it lived before the session began, and `from` was before that: what was
    /// sent then, nobody saw.
    fn reaches_back(&self, timeline: &Timeline, from: BootNs) -> bool {
        let Some(began) = self.began.filter(|began| from < *began) else { return false };
        let mut members = timeline.members.values();
        members.any(|member| member.process.id.start() < began)
    }

    /// Where a process stands in the report: the main one first, then as they were told to stop.
    fn place(timeline: &Timeline, member: &Member) -> impl Ord + use<> {
        (
            member.process.id != timeline.main,
            member.own_stop.is_none(),
            member.own_stop.as_ref().map(|own| own.stop.at),
            member.process.id.start_ticks,
            member.process.id.pid,
        )
    }

    fn process_report(
        &self,
        timeline: &Timeline,
        member: &Member,
        verdict: ProcessVerdict,
    ) -> ProcessReport {
        let own = member.own_stop.as_ref().map(|own| &own.stop);
        let from = own.or(timeline.stop.as_ref()).map_or(timeline.opened, |stop| stop.at);
        ProcessReport {
            process: self.process_ref(&member.process),
            main: member.process.id == timeline.main,
            verdict,
            killed_by: member.kill.filter(|_| member.died_of_sigkill()).map(|kill| kill.role),
            stop: own.map(|stop| self.stop_ref(stop)),
            status: member.ended.map(|ended| ended.status),
            to_exit_ns: member.ended.and_then(|ended| from_to(from, ended.at)),
            zombie_ns: member
                .ended
                .zip(member.reaped)
                .map(|(ended, reaped)| reaped.since(ended.at)),
        }
    }

    fn stop_ref(&self, stop: &Stop) -> StopRef {
        let process = stop.sender.map(|process| self.process_ref(&process));
        StopRef { signal: stop.signal, at: stop.at, sender: SenderRef { process, role: stop.role } }
    }

    /// The main process was never seen: the workload is told by its key alone.
    fn workload_without_main(&self, timeline: &Timeline) -> WorkloadRef {
        let cgroup = match timeline.key {
            WorkloadKey::Cgroup(cgroup) => cgroup,
            WorkloadKey::Tree(_) => CgroupKey::Root,
        };
        self.workload_in(cgroup)
    }
}

/// Nanoseconds between, `None` if `to` was before.
fn from_to(from: BootNs, to: BootNs) -> Option<u64> {
    (to >= from).then(|| to.since(from))
}
