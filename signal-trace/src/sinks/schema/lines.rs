//! The line types that tell what happened (`recording` is in `session`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Exit, Finding, Name, Process, Sender, Stop, Time, Workload, names};

/// A watched signal was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalLine {
    /// The signal.
    pub signal: SentSignal,
    /// Who sent it.
    pub sender: Sender,
    /// To whom.
    pub target: Target,
}

/// A signal as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentSignal {
    /// `SIGTERM`, `SIGRTMIN+3`.
    pub name: String,
    /// 1 to 64.
    pub number: u8,
    /// `si_code` (sigaction(2)).
    pub code: i32,
    /// What the kernel did with it; `delivered` means queued, not yet taken.
    #[schemars(extend("enum" = names::RESULTS))]
    pub result: Name,
    /// Sent to the process, not to one of its threads.
    pub group: bool,
}

/// The target of a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The process.
    pub process: Process,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// What it does with the signal.
    #[schemars(extend("enum" = names::DISPOSITIONS))]
    pub disposition: Name,
    /// Blocked by it, or awaited in sigtimedwait(2).
    pub blocked: bool,
    /// PID 1 of a PID namespace: the kernel drops what it has no handler for.
    pub pid1: bool,
    /// It was ending already: the signal changes nothing.
    pub ending: bool,
}

/// A watched signal was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryLine {
    /// The signal.
    pub signal: SignalName,
    /// By whom.
    pub process: Process,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// What it does with it.
    #[schemars(extend("enum" = names::DISPOSITIONS))]
    pub disposition: Name,
}

/// A signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalName {
    /// `SIGTERM`, `SIGRTMIN+3`.
    pub name: String,
    /// 1 to 64.
    pub number: u8,
}

/// A process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExitLine {
    /// Which.
    pub process: Process,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// How.
    pub exit: Exit,
    /// It is part of a shutdown, or was sent a watched signal.
    pub notable: bool,
}

/// A process was reaped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReapLine {
    /// Which.
    pub process: Process,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// At most this long a zombie.
    pub zombie_seconds: f64,
}

/// A process is a zombie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ZombieLine {
    /// Which.
    pub process: Process,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// Who should reap it.
    pub parent: Option<Process>,
    /// What that one does with SIGCHLD; null if unknown.
    #[schemars(extend("enum" = names::dispositions_or_null()))]
    pub parent_sigchld: Option<Name>,
    /// The process that started it is gone, and another one has to reap it.
    pub orphaned: bool,
    /// At least this long.
    pub age_seconds: f64,
    /// Zombies of its workload that have been told of and are still there, this one included.
    pub workload_zombies: u64,
}

/// The OOM killer chose a victim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OomLine {
    /// The victim.
    pub process: Process,
    /// What it belongs to; null if it is neither in a container nor in a unit.
    pub workload: Option<Box<Workload>>,
    /// The kernel's figures.
    pub oom: OomFigures,
}

/// What the kernel says of an OOM kill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OomFigures {
    /// Thread id of the victim.
    pub tid: u32,
    /// Its virtual memory, pages.
    pub total_vm_pages: Option<u64>,
    /// Its `oom_score_adj`, -1000 to 1000.
    pub oom_score_adj: i32,
}

/// What became of a workload that was asked to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShutdownLine {
    /// Names this report; unique since boot.
    pub shutdown_id: String,
    /// `shutdown_id` of the earlier report that this one corrects.
    pub amends: Option<String>,
    /// Whose shutdown.
    pub workload: Workload,
    /// The first stop signal; null if a SIGKILL came without one.
    pub stop: Option<Stop>,
    /// The time that it had.
    pub grace: Grace,
    /// From the first signal to the last exit, or to this report.
    pub duration_seconds: f64,
    /// How it ended.
    #[schemars(extend("enum" = names::workload_verdicts()))]
    pub verdict: Name,
    /// Everything from beginning to end was observed.
    pub complete: bool,
    /// Its processes, the main one first.
    pub processes: Vec<ProcessReport>,
    /// How the stop signal was passed on inside the workload.
    pub forwarding: Forwarding,
    /// What went wrong, the worst first.
    pub findings: Vec<Finding>,
}

/// How the stop signal was passed on inside a workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forwarding {
    /// Who told whom, in order; each process is told once.
    pub edges: Vec<ForwardingEdge>,
    /// Pids of processes that were there when the workload was told, and never were.
    pub never_told: Vec<u32>,
}

/// One process of the workload told another one to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForwardingEdge {
    /// Pid of the one that told.
    pub from: u32,
    /// Pid of the one that was told.
    pub to: u32,
    /// With which signal.
    pub signal: String,
    /// Since the first one had its own stop signal; null if it had none.
    pub delay_seconds: Option<f64>,
    /// `seq` of the record that shows it.
    pub evidence: u64,
}

/// The grace period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Grace {
    /// Its length, a preStop hook included; null if there is no limit.
    pub configured_seconds: Option<f64>,
    /// Where the length is known from; `default` is what the place suggests: 30 s in a pod, 90 s in
    /// a service of systemd, else 10 s.
    #[schemars(extend("enum" = names::grace_sources()))]
    pub source: Name,
    /// The preStop hook that used a part of it.
    pub pre_stop: Option<PreStop>,
    /// From the stop signal to the first SIGKILL, else to the last exit; null without stop signal.
    pub used_seconds: Option<f64>,
}

/// A preStop hook of Kubernetes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PreStop {
    /// Its first process.
    pub process: Process,
    /// From its start to its end, or to the stop signal if it ran on.
    pub seconds: f64,
}

/// One process of a shutdown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessReport {
    /// The process.
    pub process: Process,
    /// It is the main process of the workload.
    pub main: bool,
    /// What it did with its first stop signal.
    #[schemars(extend("enum" = names::process_verdicts()))]
    pub verdict: Name,
    /// Who sent the SIGKILL that ended it; null unless one did.
    #[schemars(extend("enum" = names::roles_or_null()))]
    pub killed_by: Option<Name>,
    /// Its own first stop signal.
    pub stop: Option<Stop>,
    /// How it ended; null if it lives.
    pub exit: Option<Exit>,
    /// From its own first stop signal, else the workload's; null if it was dead before.
    pub seconds_to_exit: Option<f64>,
    /// At most this long a zombie; null if not reaped yet.
    pub zombie_seconds: Option<f64>,
}

/// A finding that belongs to no shutdown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingLine {
    /// Whose.
    pub workload: Workload,
    /// The process that it is about.
    pub process: Process,
    /// The finding.
    pub finding: Finding,
}

/// Something is missing from the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LossLine {
    /// Where it was lost; `sink`: lines that this output had no room for, whose last one had this
    /// `seq`. The others are losses of the session, and make what they touch inconclusive.
    #[schemars(extend("enum" = names::loss_kinds()))]
    pub kind: Name,
    /// How many.
    pub count: u64,
    /// When.
    pub window: Window,
}

/// A span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// After this,
    pub from: Time,
    /// and not after this.
    pub to: Time,
}

/// The session ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndLine {
    /// Totals of the node, whatever the filters show.
    pub totals: Totals,
    /// Nothing was lost, and the session was ended in order.
    pub complete: bool,
}

/// Totals of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Kernel events seen.
    pub events: u64,
    /// Watched signals seen.
    pub signals: u64,
    /// Process exits seen.
    pub exits: u64,
    /// Shutdowns reported, amendments not counted.
    pub shutdowns: u64,
    /// Findings by severity.
    pub findings: FindingTotals,
    /// Inconclusive shutdowns.
    pub inconclusive: u64,
    /// Records lost, all kinds.
    pub lost: u64,
    /// Events that came too late to be put in order.
    pub late: u64,
}

/// Findings by severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingTotals {
    /// At `info`.
    pub info: u64,
    /// At `warning`.
    pub warning: u64,
    /// At `error`.
    pub error: u64,
}
