//! One process of a shutdown: what it was told, what it did with that, and how it ended.

use crate::{
    event::{Deliver, Generate, Process},
    ids::{ProcessId, Seq},
    input::ProcessFact,
    role::Role,
    signal::{Disposition, GenerateResult, Signal},
    table::{Ended, Entry},
    time::BootNs,
    timeline::WorkloadKey,
};

/// A stop signal and its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub signal: Signal,
    pub at: BootNs,
    pub seq: Seq,
    pub sender: Option<Process>,
    pub role: Role,
}

/// A further stop signal to a process that has had its first; or one of an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Further {
    pub signal: Signal,
    pub at: BootNs,
    pub seq: Seq,
}

/// The first stop signal that one process got, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of the kernel, not a state")]
pub struct OwnStop {
    pub stop: Stop,
    pub disposition: Disposition,
    /// Other signals that stop programs and that it had a handler for, as a set.
    pub caught: u64,
    /// The kernel dropped it: `SIG_IGN`, or PID 1 without a handler.
    pub dropped: bool,
    /// Sent to the process, not to a thread.
    pub group: bool,
    /// It was taken, since the same one could be queued once more.
    pub consumed: bool,
    /// Blocked when it was sent. (Who sits in `sigtimedwait(2)` for it has it unblocked meanwhile.)
    pub blocked: bool,
    /// Stopped or frozen when it was sent.
    pub halted: bool,
    /// A thread took it, with this disposition.
    pub delivered: Option<(Disposition, BootNs, Seq)>,
    /// The process then sent the same signal to itself: the custom of runtimes that clean up
    /// and want to die of the signal all the same. `true` if the kernel dropped it.
    pub reraised: Option<(bool, Seq)>,
    /// When a child of it ended, for the first time since.
    pub child_ended: Option<BootNs>,
    /// The same signal again, from somebody else, and a while later.
    pub again: Option<Further>,
    /// Another stop signal later on, which it did not ignore.
    pub other: Option<Further>,
}

/// What a stop signal to a process that was told already comes within, if it is the same request.
pub const ONE_REQUEST_NS: u64 = crate::time::SECOND;

impl OwnStop {
    pub fn new(stop: Stop, sent: &Generate) -> Self {
        Self {
            stop,
            disposition: sent.disposition,
            caught: sent.caught,
            dropped: is_dropped(sent),
            group: sent.group,
            consumed: false,
            blocked: sent.blocked,
            halted: sent.target.flags.stopped || sent.target.flags.frozen,
            delivered: None,
            reraised: None,
            child_ended: None,
            again: None,
            other: None,
        }
    }

    /// Notes a stop signal that came after the first.
    pub fn note_further(&mut self, stop: &Stop, sent: &Generate) {
        let further = Further { signal: stop.signal, at: stop.at, seq: stop.seq };
        if stop.signal == self.stop.signal {
            // Only one of a kind is pending at a time: that there was room for this one shows that
            // the first had been taken off the same queue.
            self.consumed |= self.group && sent.group && sent.result.queued();
            if stop.at.since(self.stop.at) >= ONE_REQUEST_NS {
                self.again.get_or_insert(further);
            }
        } else {
            // A manager that stops its workers in its own way is no other request.
            let from_inside = matches!(stop.role, Role::Supervisor | Role::Peer);
            if !is_dropped(sent) && !from_inside {
                self.other.get_or_insert(further);
            }
        }
    }

    /// It was not seen to be taken. (sigwait(3) and signalfd(2) take it without a delivery.)
    pub const fn may_be_pending(&self) -> bool {
        self.delivered.is_none() && !self.consumed
    }

    /// A handler ran. What `sigwait(3)`, `sigtimedwait(2)` or `signalfd(2)` take shows no delivery.
    pub fn handled(&self) -> bool {
        matches!(self.delivered, Some((Disposition::Handler, ..)))
    }
}

/// 7.2 drops what is sent to a thread that exits (`task_can_queue_signal()`), handler or not.
fn is_dropped(sent: &Generate) -> bool {
    sent.result == GenerateResult::Ignored && sent.disposition != Disposition::Handler
}

/// The SIGKILL that ended a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    pub at: BootNs,
    pub seq: Seq,
    pub role: Role,
    pub sender: Option<Process>,
    /// It was frozen then: the v1 freezer lets not even SIGKILL through.
    pub frozen: bool,
}

/// A living process as `/proc` showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub at: BootNs,
    /// Letter of `/proc/PID/stat`.
    pub state: u8,
    /// Signals pending then.
    pub pending: u64,
}

/// One process of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub process: Process,
    /// Its parent when it was first seen.
    pub lineage: Option<ProcessId>,
    /// It was there when the timeline was opened.
    pub from_start: bool,
    /// It came into the workload from outside (`docker exec`), or was started by what did: nobody
    /// inside is its manager.
    pub foreign: bool,
    pub own_stop: Option<OwnStop>,
    pub kill: Option<Kill>,
    /// The last stop signal that it had before the timeline was opened.
    pub asked: Option<Further>,
    pub oom: Option<Seq>,
    /// The last look at it in `/proc`, while it lived.
    pub look: Option<Look>,
    pub ended: Option<Ended>,
    pub reaped: Option<BootNs>,
}

impl Member {
    pub fn new(entry: &Entry, from_start: bool, foreign: bool) -> Self {
        Self {
            process: entry.process,
            lineage: entry.lineage,
            from_start,
            foreign,
            own_stop: None,
            kill: entry.kill.as_deref().copied(),
            asked: entry.asked,
            oom: None,
            look: None,
            ended: entry.ended,
            reaped: None,
        }
    }

    /// It is alive, as far as is known.
    pub const fn lives(&self) -> bool {
        self.ended.is_none() && self.reaped.is_none()
    }

    /// SIGKILL is what ended it.
    pub fn died_of_sigkill(&self) -> bool {
        self.ended.is_some_and(|ended| ended.status.signal() == Some(Signal::KILL))
    }

    /// It was killed by what has it in its care: that stops it in this way. Of a `docker exec`
    /// session, such as a shell that ignores the signal, this is all of the container.
    pub fn ended_by_manager(&self) -> bool {
        let by_container = |role| matches!(role, Role::Peer | Role::PidnsTeardown);
        self.kill.is_some_and(|kill| {
            kill.role == Role::Supervisor || (self.foreign && by_container(kill.role))
        })
    }

    /// SIGKILL was on its way to it before `at`: nobody could ask it for anything then.
    pub fn killed_before(&self, at: BootNs) -> bool {
        self.kill.is_some_and(|kill| kill.at < at)
    }

    /// It was started by the workload `key` for another one, and is in that one's place now: so
    /// service managers and runtimes start what they manage.
    pub fn has_left(&self, key: WorkloadKey, now_in: WorkloadKey) -> bool {
        let touched = self.from_start || self.own_stop.is_some() || self.kill.is_some();
        let both_trees = matches!((key, now_in), (WorkloadKey::Tree(_), WorkloadKey::Tree(_)));
        key != now_in && !both_trees && !touched
    }

    /// It was reaped, and its exit is not in the stream.
    pub const fn lost_its_end(&self) -> bool {
        self.ended.is_none() && self.reaped.is_some()
    }

    /// A thread of it took a signal.
    pub fn deliver(&mut self, at: BootNs, seq: Seq, taken: &Deliver) {
        let Some(own) = &mut self.own_stop else { return };
        if own.stop.signal != taken.signal {
            return;
        }
        // PID 1 unblocks a signal that it has no handler for: get_signal() drops it there.
        let dropped = taken.disposition == Disposition::Default && taken.process.flags.unkillable;
        if own.delivered.is_none() {
            own.delivered = Some((taken.disposition, at, seq));
            own.dropped |= dropped;
        } else if let Some(reraised) = &mut own.reraised {
            // Sent to itself in the handler, where it is blocked, and taken at the handler's end.
            reraised.0 |= dropped;
        }
    }

    /// `/proc` shows it alive.
    pub fn looked_at(&mut self, at: BootNs, fact: &ProcessFact) {
        self.look = Some(Look { at, state: fact.state, pending: fact.pending });
    }
}
