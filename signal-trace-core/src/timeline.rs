//! A shutdown timeline: what is known of one workload between the stop and its last exit.

use alloc::{collections::BTreeMap, format, string::String};

use crate::{
    event::{Deliver, Generate, Process},
    ids::{CgroupKey, ProcessId, Seq},
    role::Role,
    signal::{Disposition, GenerateResult, Signal},
    table::Ended,
    time::BootNs,
};

/// What is judged as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKey {
    /// A cgroup: a container, a unit, or a plain one.
    Cgroup(CgroupKey),
    /// A process and what descends from it, in a cgroup that is no workload by itself.
    Tree(ProcessId),
}

/// A stop signal and its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub signal: Signal,
    pub at: BootNs,
    pub seq: Seq,
    pub sender: Option<Process>,
    pub role: Role,
}

/// The first stop signal that one process got, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of the kernel, not a state")]
pub struct OwnStop {
    pub stop: Stop,
    pub disposition: Disposition,
    /// The kernel dropped it: `SIG_IGN`, or PID 1 without a handler.
    pub dropped: bool,
    /// Blocked when it was sent; `waited_for` are those that sit in `sigtimedwait(2)`.
    pub blocked: bool,
    pub waited_for: bool,
    /// Stopped or frozen when it was sent.
    pub halted: bool,
    /// A thread took it, with this disposition.
    pub delivered: Option<(Disposition, BootNs, Seq)>,
    /// The process then sent the same signal to itself: the custom of runtimes that clean up
    /// and want to die of the signal all the same. `true` if the kernel dropped it.
    pub reraised: Option<(bool, Seq)>,
}

impl OwnStop {
    pub fn new(stop: Stop, sent: &Generate) -> Self {
        Self {
            stop,
            disposition: sent.disposition,
            // 7.2 drops what is sent to a thread that exits (`task_can_queue_signal()`).
            dropped: sent.result == GenerateResult::Ignored
                && sent.disposition != Disposition::Handler,
            blocked: sent.blocked,
            waited_for: sent.waited_for,
            halted: sent.target.flags.stopped || sent.target.flags.frozen,
            delivered: None,
            reraised: None,
        }
    }

    /// A handler ran. What `sigwait(3)`, `sigtimedwait(2)` or `signalfd(2)` take shows no delivery.
    pub fn handled(&self) -> bool {
        matches!(self.delivered, Some((Disposition::Handler, ..)))
    }
}

/// The SIGKILL that ended a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    pub at: BootNs,
    pub seq: Seq,
    pub role: Role,
    pub sender: Option<ProcessId>,
}

/// One process of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub process: Process,
    /// It was there when the timeline was opened.
    pub from_start: bool,
    /// It came into the workload from outside (`docker exec`): nobody inside is its manager.
    pub foreign: bool,
    pub own_stop: Option<OwnStop>,
    pub kill: Option<Kill>,
    pub oom: Option<Seq>,
    pub ended: Option<Ended>,
    pub reaped: Option<BootNs>,
}

impl Member {
    pub const fn new(process: Process, from_start: bool, foreign: bool) -> Self {
        Self {
            process,
            from_start,
            foreign,
            own_stop: None,
            kill: None,
            oom: None,
            ended: None,
            reaped: None,
        }
    }

    /// SIGKILL is what ended it.
    pub fn died_of_sigkill(&self) -> bool {
        self.ended.is_some_and(|ended| ended.status.signal() == Some(Signal::KILL))
    }

    /// It was started by the workload `key` for another one, and is in that one's cgroup now: so
    /// service managers and runtimes start what they manage.
    pub fn has_left(&self, key: WorkloadKey, cgroup: CgroupKey) -> bool {
        let touched = self.from_start || self.own_stop.is_some() || self.kill.is_some();
        matches!(key, WorkloadKey::Cgroup(old) if old != cgroup) && !touched
    }

    /// It was reaped, and its exit is not in the stream.
    pub fn lost_its_end(&self) -> bool {
        self.ended.is_none() && self.reaped.is_some()
    }

    /// A thread of it took a signal.
    pub fn deliver(&mut self, at: BootNs, seq: Seq, taken: &Deliver) {
        if let Some(own) = &mut self.own_stop
            && own.stop.signal == taken.signal
            && own.delivered.is_none()
        {
            own.delivered = Some((taken.disposition, at, seq));
            // PID 1 unblocks a signal that it has no handler for: get_signal() drops it there.
            own.dropped |=
                taken.disposition == Disposition::Default && taken.process.flags.unkillable;
        }
    }
}

/// The shutdown of one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub key: WorkloadKey,
    pub opened: BootNs,
    /// `None`: a SIGKILL opened it.
    pub stop: Option<Stop>,
    /// It may turn out to be a reload or the end of one worker.
    pub provisional: bool,
    pub main: ProcessId,
    pub members: BTreeMap<ProcessId, Member>,
    /// First SIGKILL that took effect on any member.
    pub first_kill: Option<BootNs>,
    /// Reports made so far.
    pub reports: u32,
}

impl Timeline {
    /// Names report number `n` (from 0) of this timeline.
    pub fn id(&self, n: u32) -> String {
        let base = format!("{:x}-{}", self.opened.0, self.main.pid);
        if n == 0 { base } else { format!("{base}-{}", n + 1) }
    }

    /// When the grace period ends, for what counts from the stop signal.
    pub fn grace_end(&self, grace_ns: u64) -> BootNs {
        self.stop.as_ref().map_or(self.opened, |stop| stop.at).plus(grace_ns)
    }

    /// Living members beside `main` whose first stop signal was `signal`.
    pub fn told(&self, signal: Signal, main: ProcessId) -> impl Iterator<Item = &Member> {
        self.members.values().filter(move |member| {
            let own = member.own_stop.as_ref().is_some_and(|own| own.stop.signal == signal);
            own && member.ended.is_none() && member.process.id != main
        })
    }

    /// The main process is alive, as far as is known.
    pub fn main_lives(&self) -> bool {
        self.members
            .get(&self.main)
            .is_none_or(|main| main.ended.is_none() && main.reaped.is_none())
    }

    /// Every process of it has exited.
    pub fn all_ended(&self) -> bool {
        self.members.values().all(|member| member.ended.is_some() || member.reaped.is_some())
    }

    /// The latest exit; `None` if there was none.
    pub fn last_exit(&self) -> Option<BootNs> {
        self.members.values().filter_map(|member| member.ended).map(|ended| ended.at).max()
    }
}
