//! A shutdown timeline: what is known of one workload between the stop and its last exit.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    ids::{CgroupKey, ProcessId, Seq},
    member::{Member, Stop},
    plan::Plan,
    signal::Signal,
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

/// One process of the workload passed a stop signal on to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Who.
    pub from: ProcessId,
    /// To whom.
    pub to: ProcessId,
    /// Which.
    pub signal: Signal,
    /// Nanoseconds since the sender had its own stop signal; `None` if it had none.
    pub after_ns: Option<u64>,
    /// The record that shows it.
    pub seq: Seq,
}

/// The shutdown of one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    pub key: WorkloadKey,
    pub opened: BootNs,
    /// `None`: a SIGKILL opened it.
    pub stop: Option<Stop>,
    /// How it is to be stopped.
    pub plan: Plan,
    /// It may turn out to be a reload or the end of one worker.
    pub provisional: bool,
    pub main: ProcessId,
    pub members: BTreeMap<ProcessId, Member>,
    /// First SIGKILL that took effect on any member.
    pub first_kill: Option<BootNs>,
    /// The latest one.
    pub last_kill: Option<BootNs>,
    /// Who passed the stop signal on to whom: each target's first, in order.
    pub forwards: Vec<Forward>,
    /// `/proc` was asked for its living members.
    pub asked: Option<BootNs>,
    /// Reports made so far.
    pub reports: u32,
    /// When the last one was made.
    pub reported: Option<BootNs>,
    /// A report said that a process of it outlives SIGKILL.
    pub told_unkillable: bool,
}

impl Timeline {
    /// A timeline without members.
    pub const fn new(
        key: WorkloadKey,
        opened: BootNs,
        main: ProcessId,
        stop: Option<Stop>,
        provisional: bool,
        plan: Plan,
    ) -> Self {
        Self {
            key,
            opened,
            stop,
            plan,
            provisional,
            main,
            members: BTreeMap::new(),
            first_kill: None,
            last_kill: None,
            forwards: Vec::new(),
            asked: None,
            reports: 0,
            reported: None,
            told_unkillable: false,
        }
    }

    /// Names report number `n` (from 0) of this timeline.
    pub fn id(&self, n: u32) -> String {
        let base = format!("{:x}-{}", self.opened.0, self.main.pid);
        if n == 0 { base } else { format!("{base}-{}", n + 1) }
    }

    /// When the grace period ends, for what counts from the stop signal.
    pub fn grace_end(&self) -> BootNs {
        self.plan.ends(self.stop_at())
    }

    /// When the stop signal was sent; without one, when the SIGKILL was.
    pub fn stop_at(&self) -> BootNs {
        self.stop.as_ref().map_or(self.opened, |stop| stop.at)
    }

    /// Living members beside `main` whose first stop signal was `signal`.
    pub fn told(&self, signal: Signal, main: ProcessId) -> impl Iterator<Item = &Member> {
        self.members.values().filter(move |member| {
            let own = member.own_stop.as_ref().is_some_and(|own| own.stop.signal == signal);
            own && member.lives() && member.process.id != main
        })
    }

    /// The main process is alive, as far as is known.
    pub fn main_lives(&self) -> bool {
        self.members.get(&self.main).is_none_or(Member::lives)
    }

    /// A SIGKILL opened it, and the main process goes on: somebody else was hit.
    pub fn hit_one(&self) -> bool {
        self.stop.is_none() && self.main_lives()
    }

    /// Every process of it has exited.
    pub fn all_ended(&self) -> bool {
        !self.members.values().any(Member::lives)
    }

    /// The latest exit; `None` if there was none.
    pub fn last_exit(&self) -> Option<BootNs> {
        self.members.values().filter_map(|member| member.ended).map(|ended| ended.at).max()
    }

    /// Notes a SIGKILL that took effect on a member.
    pub fn killed(&mut self, at: BootNs) {
        self.first_kill.get_or_insert(at);
        self.last_kill = self.last_kill.max(Some(at));
    }

    /// The latest SIGKILL to a member that lives all the same; of one that was there before, the
    /// beginning.
    pub fn kill_outlived(&self) -> Option<BootNs> {
        let living = self.members.values().filter(|member| member.lives());
        living.filter_map(|member| member.kill).map(|kill| kill.at.max(self.opened)).max()
    }
}
