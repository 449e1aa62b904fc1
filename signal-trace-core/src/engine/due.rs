//! When timelines are reported and closed.

use alloc::vec::Vec;

use super::Engine;
use crate::{
    output::{Ask, Outputs},
    time::{BootNs, MS, SECOND},
    timeline::{Timeline, WorkloadKey},
};

/// A timeline stays open this long at least: the signals of one `kill(0, …)` come within it.
const MIN_OPEN_NS: u64 = 50 * MS;
/// So long after the last exit a report waits for the reaps.
const REAP_WAIT_NS: u64 = 500 * MS;
/// A workload is reported as living on so long after its grace: who stops it needs some time too,
/// to see that the grace is over and to send SIGKILL.
const GRACE_MARGIN_NS: u64 = SECOND;

/// What may be a reload is waited for as long as services have by default, and no longer: with a
/// grace of an hour, or without a limit, whatever happens then has nothing to do with it.
const PROVISIONAL_NS: u64 = 90 * SECOND;
/// A workload that may take as long as it likes is reported as living on after this time.
const WITHOUT_LIMIT_NS: u64 = 600 * SECOND;

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
                        let was_provisional = timeline.provisional && timeline.first_kill.is_none();
                        (timeline.hit_one() && timeline.kill_outlived().is_none())
                            || was_provisional
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
            return if settled
                && !self.awaits_name(timeline.key)
                && (reaped || self.now.since(last) >= REAP_WAIT_NS)
            {
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

    /// How long it is waited for what the stop signal leads to, nanoseconds.
    pub(super) fn patience_ns(&self, timeline: &Timeline) -> u64 {
        let left = timeline.plan.left_ns();
        if timeline.provisional {
            left.min(PROVISIONAL_NS.max(self.config.grace_ns))
        } else if left == u64::MAX {
            WITHOUT_LIMIT_NS
        } else {
            left
        }
    }

    /// When it is told that some of a workload lives on; `None` if there is nothing new to tell.
    fn report_at(&self, timeline: &Timeline) -> Option<BootNs> {
        let outlived = timeline.kill_outlived();
        if let Some(kill) = outlived.filter(|_| !timeline.told_unkillable) {
            return Some(kill.plus(self.config.unkillable_after_ns).plus(LOOK_BEFORE_NS));
        }
        let grace_end =
            timeline.grace_end().min(timeline.stop_at().plus(self.patience_ns(timeline)));
        let from = match timeline.last_kill {
            // A SIGKILL to one process of a workload that goes on: no more is to be expected.
            Some(kill) if timeline.hit_one() => kill.min(grace_end),
            _ => grace_end,
        };
        let over = from.plus(GRACE_MARGIN_NS);
        let Some(reported) = timeline.reported else { return Some(over) };
        if !timeline.told_unkillable {
            return None;
        }
        // That one was told of early. The others still had time, or have ended since.
        let others_live =
            timeline.members.values().any(|member| member.lives() && member.kill.is_none());
        let settled = !others_live || (timeline.hit_one() && outlived.is_none());
        let last = timeline.last_exit().filter(|last| settled && *last > reported);
        let others_over = (others_live && reported < over).then_some(over);
        others_over.or(last.map(|last| last.plus(REAP_WAIT_NS)))
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
        let report = self.timelines.get(&key).is_some_and(|timeline| {
            // A SIGKILL that nobody has died of yet is told of in the new one.
            let told_later = timeline.stop.is_none()
                && !timeline.members.values().any(|member| member.ended.is_some());
            timeline.reports == 0 && !Self::was_no_shutdown(timeline) && !told_later
        });
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
}
