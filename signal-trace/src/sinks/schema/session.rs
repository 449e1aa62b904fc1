//! The `recording` line: what a session was told, and on which machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The session begins: from here on nothing is missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recording {
    /// Version of signal-trace.
    pub version: String,
    /// Release of the kernel (uname(2)).
    pub kernel: String,
    /// Id of this boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// Version of the records in the `input` lines of a recording.
    pub abi: u32,
    /// Boot clock and wall clock, read together at `time`.
    pub clock: Clock,
    /// What the session was told.
    pub config: SessionConfig,
    /// Which lines this output shows: all that match every list that is not empty. Those of a
    /// recording are empty: it holds everything.
    #[serde(default)]
    pub filters: Filters,
}

/// Boot clock and wall clock, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub boot_ns: u64,
    /// `CLOCK_REALTIME`, nanoseconds since 1970.
    pub wall_ns: i64,
}

/// What the engine was told. Integers, so that a replay is told exactly the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionConfig {
    /// Grace period, nanoseconds.
    pub grace_ns: u64,
    /// Where it is known from: `default`, `flag`.
    pub grace_source: String,
    /// Signals that are told of, by name; of a workload with a stop signal of its own, that one too.
    pub signals: Vec<String>,
    /// Names of the stop signals beside TERM, INT, QUIT and HUP.
    pub stop_signals: Vec<String>,
    /// Age at which an unreaped process is called a zombie, nanoseconds.
    pub zombie_after_ns: u64,
    /// Time after SIGKILL from which a living process is called unkillable, nanoseconds.
    pub unkillable_after_ns: u64,
    /// Cgroups whose processes are judged by process tree: `v2:<id>`, `v1:<id>`.
    pub split_cgroups: Vec<String>,
    /// The tracer itself, which is not judged.
    pub tracer_pid: Option<u32>,
    /// Managers were asked what their workloads are called.
    pub asks_managers: bool,
    /// How much later than its time an event may come, nanoseconds.
    pub reorder_window_ns: u64,
    /// Processes remembered at most.
    pub max_processes: u64,
}

/// What an output shows; each list is of alternatives, an empty one lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Filters {
    /// `--target-pid`.
    pub target_pid: Vec<u32>,
    /// `--sender-pid`.
    pub sender_pid: Vec<u32>,
    /// `--container`.
    pub container: Vec<String>,
    /// `--image`.
    pub image: Vec<String>,
    /// `--pod`.
    pub pod: Vec<String>,
    /// `--namespace`.
    pub namespace: Vec<String>,
    /// `--unit`.
    pub unit: Vec<String>,
    /// `--cgroup`.
    pub cgroup: Vec<String>,
    /// `--comm`.
    pub comm: Vec<String>,
    /// `--signal`.
    pub signal: Vec<String>,
}
