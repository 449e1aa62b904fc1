//! A scenario that runs: its processes, what was done to them, and what became of them.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;

use super::{
    controls::{Thaw, V1, limit_memory},
    procfs::{of_namespace, own_pid, parent_of, state_of},
    program::Tools,
    scenario::{Act, Place, Scenario, Who},
    senders::{Pending, lose_events},
};
use crate::{
    cgroup::Cgroup,
    clock::{Deadline, wall_ns},
    process::{Bracket, Place as Birth, Proc},
    session::Session,
};

/// For what the kernel or a program does at once, when it gets to run.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs that make room for the one that counts.
const STARTERS: [&str; 5] = ["dash", "bash", "busybox", "env", "nohup"];

/// What must be so before the next step.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    Stop(i32),
    Freeze(bool),
    FreezeV1(bool),
}

/// A signal that was sent on our account.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub pid: i32,
    pub signal: i32,
    pub bracket: Bracket,
    pub sender: i32,
    /// What the sender is to the target, by our own knowledge.
    pub role: &'static str,
}

/// See the module. What is dropped first stands first: a frozen process cannot be killed, and a
/// cgroup can go only when it is empty.
#[derive(Debug)]
pub struct Live {
    thaw: Option<Thaw>,
    pub scenario: Scenario,
    pub main: Proc,
    /// The others, as far as they come to us when their parents end.
    pub others: Vec<Proc>,
    pub sent: Vec<Sent>,
    /// Signals that could not be sent any more: the scenario did not go as it should.
    pub missed: Vec<String>,
    next: usize,
    /// What comes late makes all that follows late: the time between them is what counts.
    behind_ms: u64,
    /// Senders that are still at work; and the cgroups of those that are not.
    pub pending: Vec<Pending>,
    pub used: Vec<Cgroup>,
    awaited: Option<Awaited>,
    freezer: Option<V1>,
    memory: Option<V1>,
    pub cgroup: Option<Cgroup>,
    pub second: Option<Cgroup>,
}

impl Live {
    /// Starts its program, and does not wait for it.
    pub fn spawn(scenario: &Scenario, tools: &Tools) -> Self {
        let cgroup = scenario.place.own_cgroup().then(|| Cgroup::new("suite"));
        let second = scenario.program.needs_second_cgroup().then(|| Cgroup::new("second"));
        let procs = second.as_ref().map(|cgroup| cgroup.file("cgroup.procs"));
        let words = tools.words(scenario.program, procs.as_deref());
        let birth = Birth { cgroup: cgroup.as_ref(), pid_namespace: scenario.place.namespace() };
        Self {
            thaw: None,
            main: Proc::spawn(&words, birth),
            scenario: scenario.clone(),
            others: Vec::new(),
            sent: Vec::new(),
            missed: Vec::new(),
            next: 0,
            behind_ms: 0,
            pending: Vec::new(),
            used: Vec::new(),
            awaited: None,
            freezer: None,
            memory: None,
            cgroup,
            second,
        }
    }

    /// Waits for its READY, and learns the pids that its processes have outside.
    pub fn await_ready(&mut self) {
        self.main.await_ready();
        if self.scenario.program.is_replaced() {
            let path = format!("/proc/{}/comm", self.main.pid);
            Deadline::after(PATIENCE).until(self.scenario.name, || {
                let comm = fs::read_to_string(&path).unwrap_or_default();
                !STARTERS.contains(&comm.trim())
            });
        }
        if self.scenario.place.namespace() {
            let all = of_namespace(self.main.pid);
            let outside = |inside: &i32| all.iter().find(|(_, pid)| pid == inside);
            let children: Vec<_> = self.main.children.iter().filter_map(outside).collect();
            assert_eq!(children.len(), self.main.children.len(), "{}", self.scenario.name);
            self.main.children = children.into_iter().map(|(pid, _)| *pid).collect();
        }
        self.others = self.main.children.iter().map(|pid| Proc::adopt(*pid)).collect();
        if self.scenario.memory {
            self.memory = limit_memory(&self.pids(), self.cgroup.as_ref());
        }
    }

    /// All that announced themselves.
    pub fn pids(&self) -> Vec<i32> {
        std::iter::once(self.main.pid).chain(self.main.children.iter().copied()).collect()
    }

    /// The pid of one of them.
    pub fn pid(&self, who: Who) -> i32 {
        self.process(who).pid
    }

    /// One of them.
    pub fn process(&self, who: Who) -> &Proc {
        match who.0 {
            0 => &self.main,
            n => self
                .others
                .get(n - 1)
                .unwrap_or_else(|| panic!("{}: there is no process {n}", self.scenario.name)),
        }
    }

    /// Does what is due so long after its beginning.
    pub fn act(&mut self, passed_ms: u64, tools: &Tools, session: &Session) {
        while let Some((ms, act)) = self.scenario.steps.get(self.next).copied() {
            let busy = !self.pending.is_empty() || !self.is_as_awaited();
            if busy || passed_ms < ms + self.behind_ms {
                return;
            }
            self.next += 1;
            self.behind_ms = passed_ms - ms;
            match act {
                Act::Signal(who, signal) => self.signal(who, signal),
                Act::Send(from, who, signal) => self.send(from, who, signal, tools),
                Act::CgroupKill => self.own_cgroup().write("cgroup.kill", "1"),
                Act::Freeze(freeze) => {
                    self.own_cgroup().freeze(freeze);
                    self.awaited = Some(Awaited::Freeze(freeze));
                }
                Act::FreezeV1(freeze) => {
                    let pids = self.pids();
                    let freezer =
                        self.freezer.get_or_insert_with(|| V1::freezer(&tools.freezer, &pids));
                    self.thaw.get_or_insert_with(|| freezer.thaw_at_the_end());
                    freezer.freeze(freeze);
                    self.awaited = Some(Awaited::FreezeV1(freeze));
                }
                Act::LoseEvents => lose_events(tools, session),
            }
        }
    }

    /// Whether what was done has taken effect: a process stops or freezes when it next runs.
    fn is_as_awaited(&mut self) -> bool {
        let there = match self.awaited {
            None => true,
            Some(Awaited::Stop(pid)) => state_of(pid) == Some('T'),
            Some(Awaited::Freeze(freeze)) => self.own_cgroup().is_frozen() == freeze,
            Some(Awaited::FreezeV1(freeze)) => {
                self.freezer.as_ref().is_none_or(|freezer| freezer.is_frozen() == freeze)
            }
        };
        if there {
            self.awaited = None;
        }
        there
    }

    fn own_cgroup(&self) -> &Cgroup {
        self.cgroup.as_ref().unwrap_or_else(|| panic!("{}: no cgroup", self.scenario.name))
    }

    fn signal(&mut self, who: Who, signal: i32) {
        let pid = self.pid(who);
        let role = if parent_of(pid) == own_pid() { "parent" } else { "host" };
        let from = wall_ns();
        // SAFETY: no memory is passed.
        let failed = unsafe { libc::kill(pid, signal) } != 0;
        let bracket = Bracket { from, to: wall_ns() };
        if failed || self.process(who).status.is_some() {
            self.missed.push(format!("process {} had ended before signal {signal}", who.0));
            return;
        }
        match who.0 {
            0 => self.main.signalled = Some(bracket),
            n => self.others[n - 1].signalled = Some(bracket),
        }
        self.sent.push(Sent { pid, signal, bracket, sender: own_pid(), role });
        if signal == libc::SIGSTOP {
            self.awaited = Some(Awaited::Stop(pid));
        }
    }

    /// Reaps what has ended; whether all that is to happen has happened.
    pub fn settle(&mut self) -> bool {
        self.collect_senders();
        for other in self.others.iter_mut().filter(|other| other.status.is_none()) {
            other.try_wait_orphan();
        }
        let ended = self.main.status.is_some() || self.main.try_wait().is_some();
        let all_done = self.next == self.scenario.steps.len() && self.pending.is_empty();
        all_done && (ended || self.scenario.lasts > 0) && self.others_are_gone()
    }

    /// None of the others waits for us to reap it, now or later.
    fn others_are_gone(&self) -> bool {
        self.scenario.lasts > 0
            || self.others.iter().all(|one| one.status.is_some() || parent_of(one.pid) == 0)
    }
}

/// `SIGTERM`, `SIGRTMIN+3`.
pub fn name_of(signal: i32) -> String {
    Signal::try_from(signal)
        .map_or_else(|_| format!("SIGRTMIN+{}", signal - 34), |signal| signal.as_str().to_owned())
}

impl Place {
    /// For messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Cgroup => "own cgroup",
            Self::Container => "own cgroup, PID 1",
            Self::Shared => "our cgroup",
            Self::SharedPid1 => "our cgroup, PID 1",
        }
    }
}
