//! The end of timelines: when they close, and the report that is then made.

use alloc::{boxed::Box, vec::Vec};

use super::Engine;
use crate::{
    findings::{self, Case},
    ids::CgroupKey,
    member::{Member, Stop},
    output::{
        Ask, Outputs, ProcessReport, RecordBody, SenderRef, ShutdownRecord, StopRef, WorkloadRef,
    },
    system::System,
    time::{BootNs, MS, SECOND},
    timeline::{Timeline, WorkloadKey},
    verdict::{self, ProcessVerdict, WorkloadVerdict},
};

/// A timeline stays open this long at least: the signals of one `kill(0, …)` come within it.
const MIN_OPEN_NS: u64 = 50 * MS;
/// So long after the last exit a report waits for the reaps.
const REAP_WAIT_NS: u64 = 500 * MS;
/// A workload is reported as living on so long after its grace: who stops it needs some time too,
/// to see that the grace is over and to send SIGKILL.
const GRACE_MARGIN_NS: u64 = SECOND;

/// Before a report that says that somebody lives, `/proc` is asked about them, so long before.
const LOOK_BEFORE_NS: u64 = SECOND;
/// Living processes that are asked for at most, per report.
const MAX_LOOKS: usize = 1024;

/// What is due for a timeline.
enum Due {
    Nothing,
    /// It is over.
    Close,
    /// It lives on past its grace.
    LivesOn,
    /// It was no shutdown.
    Drop,
}

impl Engine {
    pub(super) fn close_due(&mut self, out: &mut Outputs) {
        let due: Vec<_> = self
            .timelines
            .values()
            .map(|timeline| (timeline.key, self.due(timeline)))
            .filter(|(_, due)| !matches!(due, Due::Nothing))
            .collect();
        for (key, due) in due {
            match due {
                Due::Nothing => {}
                Due::Drop => self.drop_timeline(key),
                Due::Close => {
                    self.report(key, true, out);
                    self.drop_timeline(key);
                }
                Due::LivesOn => {
                    self.report(key, true, out);
                    // A SIGKILL to one process of a workload that goes on is no shutdown of it; and
                    // what outlives a hang-up is on its own from then on.
                    let goes_on = self.timelines.get(&key).is_some_and(|timeline| {
                        let hit_one = timeline.stop.is_none() && timeline.main_lives();
                        let was_provisional = timeline.provisional && timeline.first_kill.is_none();
                        (hit_one && timeline.kill_outlived().is_none()) || was_provisional
                    });
                    if goes_on {
                        self.drop_timeline(key);
                    }
                }
            }
        }
    }

    fn due(&self, timeline: &Timeline) -> Due {
        if timeline.all_ended() {
            let last = timeline.last_exit().unwrap_or(timeline.opened);
            let reaped = timeline.members.values().all(|member| member.reaped.is_some());
            let settled = self.now.since(timeline.opened) >= MIN_OPEN_NS;
            return if settled && (reaped || self.now.since(last) >= REAP_WAIT_NS) {
                Due::Close
            } else {
                Due::Nothing
            };
        }
        match self.report_at(timeline) {
            Some(at) if at <= self.now => {
                if Self::was_no_shutdown(timeline) {
                    Due::Drop
                } else {
                    Due::LivesOn
                }
            }
            _ => Due::Nothing,
        }
    }

    /// When it is told that some of a workload lives on; `None` if that has been told.
    fn report_at(&self, timeline: &Timeline) -> Option<BootNs> {
        if let Some(kill) = timeline.kill_outlived() {
            let after = kill.plus(self.config.unkillable_after_ns).plus(LOOK_BEFORE_NS);
            return (!timeline.told_unkillable).then_some(after);
        }
        let hit_one = timeline.stop.is_none() && timeline.main_lives();
        let from = match timeline.last_kill {
            // A SIGKILL to one process of a workload that goes on: no more is to be expected.
            Some(kill) if hit_one => kill,
            _ => timeline.grace_end(self.config.grace_ns),
        };
        (timeline.reports == 0).then_some(from.plus(GRACE_MARGIN_NS))
    }

    /// Asks about the living members of timelines that are about to be reported: whether they are
    /// there indeed, what state they are in, and whether the signal is still pending.
    pub(super) fn look_due(&mut self, out: &mut Outputs) {
        let due: Vec<_> = self
            .timelines
            .values()
            .filter_map(|timeline| {
                let look_at = self.report_at(timeline)?.minus(LOOK_BEFORE_NS);
                let asked = timeline.asked.is_some_and(|asked| asked >= look_at);
                (look_at <= self.now && !asked && !timeline.all_ended()).then_some(timeline.key)
            })
            .collect();
        for key in due {
            let Some(timeline) = self.timelines.get_mut(&key) else { continue };
            timeline.asked = Some(self.now);
            let living = timeline.members.values().filter(|member| member.lives());
            let asks = living.take(MAX_LOOKS).map(|member| Ask::Process(member.process.id));
            out.asks.extend(asks);
        }
    }

    /// A reload, a thread dump, or the end of one worker: the workload lives on, unforced.
    fn was_no_shutdown(timeline: &Timeline) -> bool {
        timeline.provisional && timeline.main_lives() && timeline.first_kill.is_none()
    }

    /// A new stop opens a new timeline in the place of this one.
    pub(super) fn supersede(&mut self, key: WorkloadKey, out: &mut Outputs) {
        let report = self
            .timelines
            .get(&key)
            .is_some_and(|timeline| timeline.reports == 0 && !Self::was_no_shutdown(timeline));
        if report {
            self.report(key, true, out);
        }
        self.drop_timeline(key);
    }

    /// Reports what is open at the end of the session, as it stands.
    pub(super) fn close_all(&mut self, out: &mut Outputs) {
        let keys: Vec<_> = self.timelines.keys().copied().collect();
        for key in keys {
            let Some(timeline) = self.timelines.get(&key) else { continue };
            let over = timeline.all_ended();
            let tell = over || (timeline.reports == 0 && !Self::was_no_shutdown(timeline));
            if tell {
                self.report(key, over, out);
            }
            self.drop_timeline(key);
        }
    }

    pub(super) fn drop_timeline(&mut self, key: WorkloadKey) {
        if let Some(timeline) = self.timelines.remove(&key) {
            for id in timeline.members.keys() {
                if self.member_of.get(id) == Some(&key) {
                    self.member_of.remove(id);
                }
            }
        }
    }

    /// Emits the report of a timeline. `complete`: all of it was observed, up to its end or past
    /// its grace.
    fn report(&mut self, key: WorkloadKey, complete: bool, out: &mut Outputs) {
        let Some(mut timeline) = self.timelines.remove(&key) else { return };
        let record = self.shutdown(&timeline, complete);
        timeline.reports += 1;
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
        let before = if timeline.stop.is_none() { self.config.grace_ns } else { 0 };
        let from = timeline.opened.minus(before.max(self.config.reorder_window_ns));
        let lossy = self.losses.touch(from, self.now)
            || timeline.members.values().any(Member::lost_its_end);
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
        let systems = System::at_hand(
            workload.cgroup_path.as_deref(),
            verdicts.iter().map(|(member, _)| &member.process),
        );
        let case = Case {
            timeline,
            verdicts: &verdicts,
            config: &self.config,
            now: self.now,
            lossy,
            systems: &systems,
        };
        ShutdownRecord {
            shutdown_id: timeline.id(timeline.reports),
            amends: (timeline.reports > 0).then(|| timeline.id(0)),
            findings: findings::check(&case),
            workload,
            stop: timeline.stop.as_ref().map(|stop| self.stop_ref(stop)),
            duration_ns: end.since(timeline.opened),
            grace_ns: self.config.grace_ns,
            grace_source: self.config.grace_source,
            grace_used_ns: timeline.stop.as_ref().map(|stop| {
                timeline.first_kill.filter(|kill| *kill >= stop.at).unwrap_or(end).since(stop.at)
            }),
            verdict: verdict::of_workload(timeline, &verdicts, lossy),
            complete,
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
        WorkloadRef { cgroup, cgroup_path: self.cgroup_path(cgroup), root: None }
    }
}

/// Nanoseconds between, `None` if `to` was before.
fn from_to(from: BootNs, to: BootNs) -> Option<u64> {
    (to >= from).then(|| to.since(from))
}
