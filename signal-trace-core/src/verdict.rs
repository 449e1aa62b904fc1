//! The verdicts: what a process did with its stop signal, and how a workload ended.

use crate::{
    config::Config,
    member::{Member, OwnStop},
    signal::{Disposition, Signal},
    time::BootNs,
    timeline::Timeline,
};

/// What a process did with its own first stop signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProcessVerdict {
    /// A handler, sigwait or signalfd took it, and the process ended by itself in time.
    Graceful,
    /// Died at once by the signal's default action.
    DefaultAction,
    /// Dropped: `SIG_IGN`, or PID 1 of a namespace without a handler.
    Ignored,
    /// Blocked, and still pending at the end.
    Blocked,
    /// Taken, but alive when the grace ended or when SIGKILL came.
    Overran,
    /// Never got one.
    NotSignalled,
    /// Died of another fatal signal after the stop signal.
    Crashed,
    /// SIGKILL, in a timeline without a stop signal, or before it came.
    Killed,
    /// The OOM killer's victim.
    OomKilled,
    /// Alive long after SIGKILL.
    Unkillable,
    /// Alive, and it still has time.
    Running,
}

impl ProcessVerdict {
    /// Every verdict.
    pub const ALL: [Self; 11] = [
        Self::Graceful,
        Self::DefaultAction,
        Self::Ignored,
        Self::Blocked,
        Self::Overran,
        Self::NotSignalled,
        Self::Crashed,
        Self::Killed,
        Self::OomKilled,
        Self::Unkillable,
        Self::Running,
    ];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Graceful => "graceful",
            Self::DefaultAction => "default-action",
            Self::Ignored => "ignored",
            Self::Blocked => "blocked",
            Self::Overran => "overran",
            Self::NotSignalled => "not-signalled",
            Self::Crashed => "crashed",
            Self::Killed => "killed",
            Self::OomKilled => "oom-killed",
            Self::Unkillable => "unkillable",
            Self::Running => "running",
        }
    }
}

/// How a workload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadVerdict {
    /// A loss touches its window: nothing can be said for sure.
    Inconclusive,
    /// The OOM killer hit one of its processes.
    OomKilled,
    /// One of its processes died of a fatal signal that was no stop signal.
    Crashed,
    /// SIGKILL was needed for one of its processes.
    Forced,
    /// Some of it lives on.
    StillRunning,
    /// The main process ended by itself.
    Graceful,
    /// The main process died by the stop signal's default action.
    DefaultAction,
}

impl WorkloadVerdict {
    /// Every verdict, the first that holds first.
    pub const ALL: [Self; 7] = [
        Self::Inconclusive,
        Self::OomKilled,
        Self::Crashed,
        Self::Forced,
        Self::StillRunning,
        Self::Graceful,
        Self::DefaultAction,
    ];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inconclusive => "inconclusive",
            Self::OomKilled => "oom-killed",
            Self::Crashed => "crashed",
            Self::Forced => "forced",
            Self::StillRunning => "still-running",
            Self::Graceful => "graceful",
            Self::DefaultAction => "default-action",
        }
    }
}

/// What `member` did with its own first stop signal, seen at `now` (README, Verdicts).
pub(crate) fn of_process(
    member: &Member,
    timeline: &Timeline,
    config: &Config,
    now: BootNs,
) -> ProcessVerdict {
    if member.lost_its_end() {
        // How it ended is not known, and so nothing is held against it.
        return if member.own_stop.is_some() {
            ProcessVerdict::Running
        } else {
            ProcessVerdict::NotSignalled
        };
    }
    // A reload or a thread dump, in which somebody else was killed: it goes on, and may.
    if timeline.provisional && timeline.main_lives() && member.lives() && member.kill.is_none() {
        return ProcessVerdict::Running;
    }
    let killed = member.died_of_sigkill();
    if killed && member.oom.is_some() {
        return ProcessVerdict::OomKilled;
    }
    if member.ended.is_none()
        && member.kill.is_some_and(|kill| now.since(kill.at) > config.unkillable_after_ns)
    {
        return ProcessVerdict::Unkillable;
    }
    if timeline.stop.is_none() && member.own_stop.is_none() {
        return match member.ended {
            None => ProcessVerdict::Running,
            Some(_) if killed => ProcessVerdict::Killed,
            Some(_) => ProcessVerdict::NotSignalled,
        };
    }
    let before = timeline.stop.as_ref().is_some_and(|stop| member.killed_before(stop.at));
    if killed && before && member.own_stop.is_none() {
        return ProcessVerdict::Killed;
    }
    let grace_end = timeline.grace_end();
    let Some(own) = &member.own_stop else {
        return if member.ended.is_none() && now < grace_end {
            ProcessVerdict::Running
        } else {
            ProcessVerdict::NotSignalled
        };
    };
    let is_stop = |signal| timeline.plan.is_stop_signal(config, signal);
    of_signalled(member, own, is_stop, grace_end, now)
}

fn of_signalled(
    member: &Member,
    own: &OwnStop,
    is_stop: impl Fn(Signal) -> bool,
    grace_end: BootNs,
    now: BootNs,
) -> ProcessVerdict {
    let Some(ended) = member.ended else {
        return if now < grace_end {
            ProcessVerdict::Running
        } else if is_ignored(own) {
            ProcessVerdict::Ignored
        } else if is_pending(member, own) && !own.halted {
            ProcessVerdict::Blocked
        } else {
            ProcessVerdict::Overran
        };
    };
    let fatal = ended.status.signal();
    if let Some(signal) = fatal
        && signal != Signal::KILL
        && signal != own.stop.signal
        && !is_stop(signal)
    {
        return ProcessVerdict::Crashed;
    }
    let in_time = ended.at <= grace_end;
    // PID 1 that wants to die of the signal, and exits when it does not.
    let exits_instead = own.handled() && fatal.is_none() && in_time;
    if is_ignored(own) && !exits_instead {
        return ProcessVerdict::Ignored;
    }
    let still_pending = ended.pending & own.stop.signal.bit() != 0 && own.may_be_pending();
    if still_pending && (own.blocked || ended.blocked & own.stop.signal.bit() != 0) {
        return ProcessVerdict::Blocked;
    }
    match fatal {
        Some(Signal::KILL) => ProcessVerdict::Overran,
        // Died of the stop signal. Runtimes that clean up first send it to themselves again.
        Some(_) if !own.handled() && own.reraised.is_none() => ProcessVerdict::DefaultAction,
        _ if in_time => ProcessVerdict::Graceful,
        _ => ProcessVerdict::Overran,
    }
}

/// A living process has not taken it: `/proc` shows it pending. Who waits for a signal with
/// sigwait(3) or signalfd(2) blocks it too, so that it is blocked tells nothing.
fn is_pending(member: &Member, own: &OwnStop) -> bool {
    own.blocked
        && own.may_be_pending()
        && member.look.is_some_and(|look| look.pending & own.stop.signal.bit() != 0)
}

/// The kernel dropped it (and no later one was handled): at once, at delivery, or when the handler
/// of a PID 1 re-raised it.
fn is_ignored(own: &OwnStop) -> bool {
    (own.dropped && !own.handled())
        || own.reraised.is_some_and(|(dropped, _)| dropped)
        || matches!(own.delivered, Some((Disposition::Ignore, ..)))
}

/// How the workload ended, given its processes' verdicts: the first that holds.
pub(crate) fn of_workload(
    timeline: &Timeline,
    verdicts: &[(&Member, ProcessVerdict)],
    lossy: bool,
) -> WorkloadVerdict {
    let any = |wanted| verdicts.iter().any(|(_, verdict)| *verdict == wanted);
    if lossy {
        WorkloadVerdict::Inconclusive
    } else if any(ProcessVerdict::OomKilled) {
        WorkloadVerdict::OomKilled
    } else if any(ProcessVerdict::Crashed) {
        WorkloadVerdict::Crashed
    } else if verdicts.iter().any(|(member, _)| member.died_of_sigkill()) {
        WorkloadVerdict::Forced
    } else if !timeline.all_ended() {
        WorkloadVerdict::StillRunning
    } else if verdicts.iter().any(|(member, verdict)| {
        member.process.id == timeline.main && *verdict == ProcessVerdict::DefaultAction
    }) {
        WorkloadVerdict::DefaultAction
    } else {
        WorkloadVerdict::Graceful
    }
}
