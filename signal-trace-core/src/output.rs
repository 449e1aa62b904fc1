//! Everything that the engine can say; the sinks make text and JSON of it.

use alloc::{rc::Rc, string::String, vec::Vec};

use crate::{
    event::{Oom, Process},
    findings::Finding,
    identity::Identity,
    ids::{CgroupKey, ProcessId, Seq},
    input::Loss,
    role::Role,
    signal::{Disposition, GenerateResult, Signal, WaitStatus},
    time::{BootNs, ClockAnchor},
    verdict::{ProcessVerdict, WorkloadVerdict},
    workload::{Source, Workload},
};

pub use crate::timeline::Forward;

/// Where outputs go. One `step` of the engine can add any number of them.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Records for the sinks, in order.
    pub records: Vec<Record>,
    /// Questions for whoever can look at the machine; a replay, which cannot, drops them: the
    /// answers are in the recording.
    pub asks: Vec<Ask>,
}

/// A question; the answer comes back as a [`crate::input::Fact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Is this process still there, and is it a zombie?
    Process(ProcessId),
    /// What is the path of this cgroup? (`Process` is one that was seen in it.)
    Cgroup(CgroupKey, ProcessId),
}

/// One output record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Running number, from 1.
    pub seq: Seq,
    /// When it happened.
    pub at: BootNs,
    /// The clocks in force: times inside the record are converted with it.
    pub clock: ClockAnchor,
    /// What.
    pub body: RecordBody,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordBody {
    /// A watched signal was sent.
    Signal(SignalRecord),
    /// A watched signal was taken.
    Delivery(DeliveryRecord),
    /// A process ended.
    Exit(ExitRecord),
    /// A process was reaped.
    Reap(ReapRecord),
    /// A process is a zombie for longer than the threshold.
    Zombie(ZombieRecord),
    /// The OOM killer chose a victim.
    Oom(OomRecord),
    /// A shutdown timeline was closed (or reported past its grace).
    Shutdown(alloc::boxed::Box<ShutdownRecord>),
    /// A finding that belongs to no shutdown.
    Finding(FindingRecord),
    /// Something is missing.
    Loss(Loss),
    /// The session ended.
    End(EndRecord),
}

/// A process in a record, with the labels known at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRef {
    /// As last seen.
    pub process: Process,
    /// Path of its cgroup, if known.
    pub cgroup_path: Option<Vec<u8>>,
    /// What the manager of that cgroup says of it, if it is known by then.
    pub workload: Option<Rc<Workload>>,
}

impl ProcessRef {
    /// Whose it is.
    pub fn identity(&self) -> Identity<'_> {
        Identity::of(self.cgroup_path.as_deref(), self.workload.as_deref())
    }
}

/// A sender in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderRef {
    /// The process; `None` if the kernel sent it from no process' behalf.
    pub process: Option<ProcessRef>,
    /// What it is to the target.
    pub role: Role,
}

/// A watched signal was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalRecord {
    /// The signal.
    pub signal: Signal,
    /// `si_code`.
    pub si_code: i32,
    /// What the kernel did with it.
    pub result: GenerateResult,
    /// Sent to the process, not to a thread.
    pub group: bool,
    /// Who sent it.
    pub sender: SenderRef,
    /// To whom.
    pub target: ProcessRef,
    /// The target's disposition.
    pub disposition: Disposition,
    /// Blocked by the target (or awaited with `sigtimedwait(2)`).
    pub blocked: bool,
}

/// A watched signal was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The signal.
    pub signal: Signal,
    /// By whom.
    pub process: ProcessRef,
    /// What it does with it.
    pub disposition: Disposition,
}

/// A process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitRecord {
    /// Which.
    pub process: ProcessRef,
    /// How.
    pub status: WaitStatus,
    /// It belongs to a shutdown timeline, or was signalled: a person wants to see it.
    pub notable: bool,
}

/// A process was reaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReapRecord {
    /// Which.
    pub process: ProcessRef,
    /// At most this long a zombie, nanoseconds: the kernel frees it an RCU grace period later.
    pub zombie_ns: u64,
}

/// A process is a zombie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZombieRecord {
    /// Which.
    pub process: ProcessRef,
    /// Who should reap it, if known.
    pub parent: Option<ProcessRef>,
    /// What that one does with SIGCHLD, if known.
    pub parent_sigchld: Option<Disposition>,
    /// Its first parent is gone: another one has to reap it.
    pub orphaned: bool,
    /// Zombies of the same workload, this one included.
    pub workload_zombies: u64,
    /// At least this long, nanoseconds.
    pub age_ns: u64,
}

/// The OOM killer chose a victim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OomRecord {
    /// The victim.
    pub process: ProcessRef,
    /// The kernel's figures.
    pub oom: Oom,
}

/// A workload in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRef {
    /// Its cgroup.
    pub cgroup: CgroupKey,
    /// Path of that cgroup, if known.
    pub cgroup_path: Option<Vec<u8>>,
    /// What its manager says of it, if that is known.
    pub known: Option<Rc<Workload>>,
    /// In a cgroup that is no workload by itself: the process at the top of the tree.
    pub root: Option<Process>,
}

impl WorkloadRef {
    /// What it is called, its root process left aside.
    pub fn identity(&self) -> Identity<'_> {
        Identity::of(self.cgroup_path.as_deref(), self.known.as_deref())
    }
}

/// A finding outside any shutdown.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRecord {
    /// Whose.
    pub workload: WorkloadRef,
    /// The process it is about.
    pub process: ProcessRef,
    /// The finding.
    pub finding: Finding,
}

/// The first stop signal of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopRef {
    /// The signal.
    pub signal: Signal,
    /// When it was sent.
    pub at: BootNs,
    /// By whom.
    pub sender: SenderRef,
}

/// A shutdown from the stop signal to the last exit.
#[derive(Clone, Debug, PartialEq)]
pub struct ShutdownRecord {
    /// Names this report; unique since boot.
    pub shutdown_id: String,
    /// The earlier report that this one corrects.
    pub amends: Option<String>,
    /// Whose shutdown.
    pub workload: WorkloadRef,
    /// `None` if a SIGKILL opened it.
    pub stop: Option<StopRef>,
    /// Time from open to the last exit (or to this report), nanoseconds.
    pub duration_ns: u64,
    /// Configured grace period, nanoseconds, and where it is known from.
    pub grace_ns: u64,
    /// Source of the grace period.
    pub grace_source: GraceSource,
    /// The preStop hook that used a part of it.
    pub pre_stop: Option<PreStopRef>,
    /// Time from the stop signal to the first SIGKILL, else to the last exit; `None` without stop.
    pub grace_used_ns: Option<u64>,
    /// The verdict.
    pub verdict: WorkloadVerdict,
    /// Everything from open to close was observed.
    pub complete: bool,
    /// Its processes: the main one first, then by the time they were told to stop.
    pub processes: Vec<ProcessReport>,
    /// Who passed a stop signal on to whom inside the workload, in order.
    pub forwards: Vec<Forward>,
    /// Processes that were there when the workload was told, and never got a stop signal.
    pub never_told: Vec<ProcessId>,
    /// Worst first.
    pub findings: Vec<Finding>,
}

/// Where the grace period is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraceSource {
    /// Nobody said: 10 s, as Docker does; in a pod 30 s, and for a service of systemd 90 s.
    Default,
    /// `--grace`.
    Flag,
    /// Whoever manages the workload.
    Known(Source),
}

impl GraceSource {
    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flag => "flag",
            Self::Known(source) => source.name(),
        }
    }

    /// The one with this name.
    pub fn parse(name: &str) -> Option<Self> {
        let known = Source::ALL.into_iter().map(Self::Known);
        [Self::Default, Self::Flag].into_iter().chain(known).find(|source| source.name() == name)
    }
}

/// A preStop hook in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreStopRef {
    /// Its first process.
    pub process: ProcessRef,
    /// The time that it took, nanoseconds.
    pub took_ns: u64,
}

/// One process of a shutdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessReport {
    /// The process.
    pub process: ProcessRef,
    /// The workload's main process.
    pub main: bool,
    /// What it did.
    pub verdict: ProcessVerdict,
    /// Who sent the SIGKILL that ended it.
    pub killed_by: Option<Role>,
    /// Its own first stop signal and who sent it.
    pub stop: Option<StopRef>,
    /// How it ended; `None` if it lives.
    pub status: Option<WaitStatus>,
    /// From its own first stop signal, else the workload's, to its exit, nanoseconds.
    pub to_exit_ns: Option<u64>,
    /// At most this long a zombie; `None` if not reaped yet.
    pub zombie_ns: Option<u64>,
}

/// How an engine is, while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Kernel events seen.
    pub events: u64,
    /// Watched signals seen.
    pub signals: u64,
    /// Process exits seen.
    pub exits: u64,
    /// Events that came later than the reorder window allows.
    pub late: u64,
    /// Processes remembered.
    pub processes: usize,
    /// Processes remembered at most.
    pub max_processes: usize,
    /// Cgroups remembered.
    pub cgroups: usize,
    /// Timelines, those that are only waited for an amendment included.
    pub timelines: usize,
}

/// Totals of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndRecord {
    /// Kernel events seen.
    pub events: u64,
    /// Watched signals seen.
    pub signals: u64,
    /// Process exits seen.
    pub exits: u64,
    /// Shutdowns reported, amendments not counted.
    pub shutdowns: u64,
    /// Findings at `info`.
    pub infos: u64,
    /// Findings at `warning`.
    pub warnings: u64,
    /// Findings at `error`.
    pub errors: u64,
    /// Inconclusive shutdowns.
    pub inconclusive: u64,
    /// Records lost, all kinds.
    pub lost: u64,
    /// Events that came later than the reorder window allows.
    pub late: u64,
}
