//! A scenario: what runs where, what is done to it, and what must be said of it.

use nix::sys::signal::Signal;

use super::Program;

/// The sessions: scenarios of one class share the options of `record`, and run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A grace of one second.
    Second,
    /// A grace of two seconds: room for what comes close to it.
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

/// What a report must say of one process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pub who: Who,
    pub verdict: &'static str,
    pub killed_by: Option<&'static str>,
}

/// What a report must say.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    pub workload: &'static str,
    pub processes: Vec<Process>,
    /// Id and severity; above `info` these and no others.
    pub findings: Vec<(&'static str, &'static str)>,
    pub edges: Vec<(Who, Who)>,
    pub never_told: Vec<Who>,
}

/// A process that must be reported as a zombie.
#[derive(Clone, Copy, Debug)]
pub struct Zombie {
    pub who: Who,
    /// At least so many lines: each time the age has doubled.
    pub lines: usize,
    pub parent_sigchld: &'static str,
    pub orphaned: bool,
    /// Zombies of the workload at the last line, if it is a workload of its own.
    pub of_workload: usize,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub program: Program,
    pub place: Place,
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

impl Expect {
    /// The verdicts of the workload and of the main process.
    pub fn new(workload: &'static str, main: &'static str) -> Self {
        Self::of(workload).process(0, main)
    }

    /// The verdict of the workload alone.
    pub fn of(workload: &'static str) -> Self {
        Self { workload, ..Self::default() }
    }

    /// The verdict of a process that was not killed.
    pub fn process(mut self, who: usize, verdict: &'static str) -> Self {
        self.processes.push(Process { who: Who(who), verdict, killed_by: None });
        self
    }

    /// The verdict of one that was.
    pub fn killed(mut self, who: usize, verdict: &'static str, by: &'static str) -> Self {
        self.processes.retain(|process| process.who != Who(who));
        self.processes.push(Process { who: Who(who), verdict, killed_by: Some(by) });
        self
    }

    /// By whom the main process was killed.
    pub fn by(mut self, role: &'static str) -> Self {
        self.processes[0].killed_by = Some(role);
        self
    }

    /// A finding at `info`.
    pub fn info(self, id: &'static str) -> Self {
        self.finding(id, "info")
    }

    /// A warning.
    pub fn warning(self, id: &'static str) -> Self {
        self.finding(id, "warning")
    }

    /// An error.
    pub fn error(self, id: &'static str) -> Self {
        self.finding(id, "error")
    }

    fn finding(mut self, id: &'static str, severity: &'static str) -> Self {
        self.findings.push((id, severity));
        self
    }

    /// Who told whom to stop: these, and no others.
    pub fn edges(mut self, edges: &[(usize, usize)]) -> Self {
        self.edges = edges.iter().map(|(from, to)| (Who(*from), Who(*to))).collect();
        self
    }

    /// Who was never told.
    pub fn never_told(mut self, who: &[usize]) -> Self {
        self.never_told = who.iter().copied().map(Who).collect();
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
            Self::Second | Self::Lossy => &["--grace", "1s"],
            Self::TwoSeconds => &["--grace", "2s"],
            Self::Unfinished => &["--grace", "30s"],
            Self::StopSignals => &[
                "--grace",
                "1s",
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
