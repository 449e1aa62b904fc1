//! The agent's own figures: plain numbers that the daemon's loop sets about once a second.

use std::collections::BTreeMap;

/// How the agent itself is. Counters are totals since its start, and must not fall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Kernel events that were read.
    pub events: u64,
    /// Watched signals among them.
    pub signals: u64,
    /// Exits among them.
    pub exits: u64,
    /// Records that were lost, by the `kind` of `loss` lines. Kinds that are not there are 0.
    pub lost: BTreeMap<&'static str, u64>,
    /// Runs of our programs that the kernel skipped.
    pub recursion_misses: u64,
    /// The ring buffers.
    pub rings: Vec<Ring>,
    /// What is remembered, and at most.
    pub tables: Vec<Tracked>,
    /// The sinks.
    pub sinks: Vec<SinkHealth>,
    /// Now minus the time up to which the engine has seen everything, seconds.
    pub lag_seconds: f64,
    /// The configuration was read anew and could not be used: the one before is in force.
    pub reload_failed: bool,
}

/// A ring buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// Its name.
    pub ring: &'static str,
    /// Part that is taken, 0 to 1.
    pub fill_ratio: f64,
    /// Bytes.
    pub capacity_bytes: u64,
}

/// A table of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// `processes`, `cgroups`, `timelines`.
    pub table: &'static str,
    /// Entries now.
    pub entries: u64,
    /// Entries at most; `None` if only what there is on the node limits it.
    pub limit: Option<u64>,
}

/// A sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkHealth {
    /// Its name in the configuration.
    pub sink: &'static str,
    /// Lines that arrived.
    pub delivered_lines: u64,
    /// Lines that never will.
    pub dropped_lines: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Lines that wait.
    pub queue_lines: u64,
    /// Lines that can wait.
    pub queue_capacity_lines: u64,
    /// The last attempt did not fail.
    pub up: bool,
}
