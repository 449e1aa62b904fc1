//! A scenario: what runs where, what is done to it, and what must be said of it.

use nix::sys::signal::Signal;

use super::{Expect, Program, Zombie};

/// The sessions: scenarios of one class share the options of `record`, and run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A grace of one second.
    Second,
    /// A grace of two seconds: room for interpreters on a busy machine, and for what comes close.
    TwoSeconds,
    /// Further stop signals: QUIT, WINCH, RTMIN+3, USR1, USR2.
    StopSignals,
    /// The session ends in the middle of a long grace.
    Unfinished,
    /// The tracer cannot read for a while, and events are lost.
    Lossy,
}

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a cgroup of its own, which is a workload then.
    Cgroup,
    /// The same, as PID 1 of a namespace: like a container.
    Container,
    /// In the cgroup of the harness, which is split into process trees.
    Shared,
    /// The same, as PID 1 of a namespace.
    SharedPid1,
}

/// A process of the scenario, in the order of its `READY` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub usize);

/// The one that the harness starts.
pub const MAIN: Who = Who(0);

/// The first real-time signal that systemd uses.
pub const RTMIN_3: i32 = 37;

/// Who sends a signal that does not come from the harness itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A process of the node whose executable has that name.
    Named(&'static str),
    /// One that has joined the PID namespace, as `docker exec` does, and not the cgroup.
    Namespace,
    /// One in the cgroup of a container.
    Container,
    /// The systemd of the node: that executable, in `init.scope`.
    Systemd,
}

/// What is done to a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The harness sends a signal.
    Signal(Who, i32),
    /// Somebody else does.
    Send(From, Who, i32),
    /// `cgroup.kill` of its own cgroup.
    CgroupKill,
    /// `cgroup.freeze` of its own cgroup.
    Freeze(bool),
    /// The freezer of cgroup v1, which holds back even SIGKILL.
    FreezeV1(bool),
    /// The tracer is stopped, more is sent than it can hold, and it goes on.
    LoseEvents,
}

/// See the module.
#[derive(Clone, Debug)]
#[must_use = "it does nothing by itself"]
pub struct Scenario {
    /// For messages.
    pub name: &'static str,
    /// What runs.
    pub program: Program,
    /// Where.
    pub place: Place,
    /// In which session.
    pub class: Class,
    /// Started before the session.
    pub early: bool,
    /// In a memory cgroup with a limit.
    pub memory: bool,
    /// Milliseconds from its beginning, in order.
    pub steps: Vec<(u64, Act)>,
    /// Whose workload is judged.
    pub subject: Who,
    /// The last report; `None`: there must be no shutdown.
    pub end: Option<Expect>,
    /// An earlier one, made while the subject was alive.
    pub alive: Option<Expect>,
    /// Findings that belong to no shutdown.
    pub alone: Vec<(Who, &'static str, &'static str)>,
    /// Zombies that must be reported.
    pub zombies: Vec<Zombie>,
    /// It takes so long, milliseconds, if nothing ends it.
    pub lasts: u64,
}

/// Begins one: in a cgroup of its own, with a grace of one second.
pub fn scenario(name: &'static str, program: Program) -> Scenario {
    Scenario {
        name,
        program,
        place: Place::Cgroup,
        class: Class::Second,
        early: false,
        memory: false,
        steps: Vec::new(),
        subject: MAIN,
        end: None,
        alive: None,
        alone: Vec::new(),
        zombies: Vec::new(),
        lasts: 0,
    }
}

impl Scenario {
    /// Another place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// As PID 1 of a namespace, in a cgroup of its own.
    pub fn container(self) -> Self {
        self.at(Place::Container)
    }

    /// In the cgroup of the harness.
    pub fn shared(self) -> Self {
        self.at(Place::Shared)
    }

    /// Another class.
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Does something, so many milliseconds after the beginning.
    pub fn step(mut self, ms: u64, act: Act) -> Self {
        self.steps.push((ms, act));
        self
    }

    /// SIGTERM to the main process at the beginning.
    pub fn term(self) -> Self {
        self.signal(0, Signal::SIGTERM)
    }

    /// A signal to the main process.
    pub fn signal(self, ms: u64, signal: Signal) -> Self {
        self.step(ms, Act::Signal(MAIN, signal as i32))
    }

    /// A signal to one of the others.
    pub fn signal_to(self, who: usize, ms: u64, signal: Signal) -> Self {
        self.step(ms, Act::Signal(Who(who), signal as i32))
    }

    /// SIGKILL to the main process.
    pub fn kill(self, ms: u64) -> Self {
        self.signal(ms, Signal::SIGKILL)
    }

    /// The end that a process has at SIGUSR1, which is no stop signal.
    pub fn finish(self, who: usize, ms: u64) -> Self {
        self.step(ms, Act::Signal(Who(who), libc::SIGUSR1))
    }

    /// Lives for so long, at which nothing must have been said that is not listed.
    pub fn lasts(mut self, ms: u64) -> Self {
        self.lasts = ms;
        self
    }

    /// It is there before the session.
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }

    /// In a memory cgroup with a limit.
    pub fn memory_limit(mut self) -> Self {
        self.memory = true;
        self
    }

    /// Another process is the main one of the workload that is judged.
    pub fn judges(mut self, who: usize) -> Self {
        self.subject = Who(who);
        self
    }

    /// What must be reported in the end.
    pub fn ends(mut self, expect: Expect) -> Self {
        self.end = Some(expect);
        self
    }

    /// What must be reported while it is alive.
    pub fn meanwhile(mut self, expect: Expect) -> Self {
        self.alive = Some(expect);
        self
    }

    /// A finding that belongs to no shutdown.
    pub fn alone(mut self, who: usize, id: &'static str, severity: &'static str) -> Self {
        self.alone.push((Who(who), id, severity));
        self
    }

    /// A zombie, and the finding about it.
    pub fn zombie(mut self, zombie: Zombie) -> Self {
        self.alone.push((zombie.who, "zombie-not-reaped", "warning"));
        self.zombies.push(zombie);
        self
    }
}

impl Place {
    pub(super) const fn own_cgroup(self) -> bool {
        matches!(self, Self::Cgroup | Self::Container)
    }

    pub(super) const fn namespace(self) -> bool {
        matches!(self, Self::Container | Self::SharedPid1)
    }
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Second, Self::TwoSeconds, Self::StopSignals, Self::Unfinished, Self::Lossy];

    pub(super) const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Second => &["--grace", "1s"],
            Self::TwoSeconds => &["--grace", "2s"],
            Self::Lossy => &["--grace", "5s"],
            Self::Unfinished => &["--grace", "30s"],
            Self::StopSignals => &[
                "--grace",
                "2s",
                "--stop-signal",
                "QUIT",
                "--stop-signal",
                "WINCH",
                "--stop-signal",
                "RTMIN+3",
                "--stop-signal",
                "USR1",
            ],
        }
    }

    /// The exit code of `record`.
    pub(super) const fn exit_code(self) -> i32 {
        if matches!(self, Self::Lossy) { 3 } else { 0 }
    }

    /// Whether `signal` asks to stop in such a session.
    pub(super) fn is_stop_signal(self, signal: i32) -> bool {
        let more = [libc::SIGQUIT, libc::SIGWINCH, RTMIN_3, libc::SIGUSR1];
        matches!(signal, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT | libc::SIGHUP)
            || (self == Self::StopSignals && more.contains(&signal))
    }
}
