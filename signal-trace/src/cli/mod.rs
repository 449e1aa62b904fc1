//! The command line as clap sees it: only parsing, no effects.

pub mod daemon;
pub mod doctor;
pub mod explain;
pub mod record;
pub mod report;
pub mod runtime;
pub mod size;
pub mod value;
pub mod watch;
pub mod when;

use clap::{Parser, Subcommand};

pub use self::{
    daemon::DaemonArgs, doctor::DoctorArgs, explain::ExplainArgs, record::RecordArgs,
    report::ReportArgs, watch::WatchArgs,
};

/// Shows what happened to every process that was asked to stop.
#[derive(Debug, Parser)]
#[command(name = "signal-trace", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trace this node, or one command, and tell how every workload stopped
    Record(RecordArgs),
    /// Tell the same again from a recording, or what the files of a daemon hold
    Report(ReportArgs),
    /// Trace this node for months: the agent, with sinks, metrics and a configuration file
    Daemon(DaemonArgs),
    /// Show live what a running daemon sees
    Watch(WatchArgs),
    /// Tell what a finding means, how it is detected, and what to do about it
    Explain(ExplainArgs),
    /// Check whether tracing works here, and say what to do if not
    Doctor(DoctorArgs),
    /// Print the JSON Schema of the lines of `--format jsonl`
    Schema,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  clean
  1  findings at or above --fail-on
  2  usage or run error
  3  inconclusive: something was lost, or no agent ran";
