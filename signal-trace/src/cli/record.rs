//! `signal-trace record`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use signal_trace_core::{config::Config, output::GraceSource, signal::Signal};

use super::{
    runtime,
    value::{self, FailOn},
};
use crate::{enrich::RuntimeFlag, filters::Filters};

/// `signal-trace record [FILTERS] [-o FILE] [--format F] [--duration T] [--grace T]
/// [--stop-signal S]... [--runtime KIND=PATH]... [--kube-api]
/// [--host-proc PATH] [-- COMMAND...]`
#[derive(Args, Clone, Debug)]
#[command(after_help = "Without COMMAND it traces until Ctrl-C or --duration; with COMMAND until \
    that exits and what it began to stop has stopped.")]
pub struct RecordArgs {
    /// Also keep a recording for `signal-trace report`; compressed if FILE ends in .zst
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to write to standard output
    #[arg(long, value_enum, default_value_t = LiveFormat::Text)]
    pub format: LiveFormat,
    /// Stop after this time: 250ms, 3s, 5m, 1h
    #[arg(long, value_name = "T", value_parser = value::duration)]
    pub duration: Option<Duration>,
    /// Time that workloads have to stop, where nobody tells [default: 30s in a pod, 90s in a
    /// service of systemd, else 10s]
    #[arg(long, value_name = "T", value_parser = value::duration)]
    pub grace: Option<Duration>,
    /// A stop signal beside TERM, INT, QUIT and HUP; may be repeated
    #[arg(long = "stop-signal", value_name = "SIGNAL", value_parser = value::stop_signal)]
    pub stop_signals: Vec<Signal>,
    /// Ask this manager for names and stop settings, in place of the usual sockets of its kind:
    /// docker, podman, containerd, cri-o, systemd, or oci with a folder of state files; may be
    /// repeated. `none` asks nobody
    #[arg(long = "runtime", value_name = "KIND=PATH", value_parser = runtime::runtime)]
    pub runtime: Vec<RuntimeFlag>,
    /// In a pod: ask the Kubernetes API server, too, about the pods of this node (owners, deletions);
    /// needs a build with the feature `kube`, and leave to list and watch pods
    #[arg(long)]
    pub kube_api: bool,
    /// Where the node's processes are shown: in a container that does not share the host's PID
    /// namespace, the host's /proc is mounted elsewhere [default: /proc]
    #[arg(long, value_name = "PATH")]
    pub host_proc: Option<PathBuf>,
    /// Exit with 1 if there are findings of this severity or worse
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// What the eBPF programs log: off, error, warn, info, debug, trace
    #[arg(long, hide = true, value_name = "LEVEL", default_value = "off", value_parser = value::log_level)]
    pub ebpf_log: u8,
    /// Trace this command
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
    /// Whose.
    #[command(flatten)]
    pub filters: Filters,
}

/// `--format` of live output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LiveFormat {
    /// For people.
    Text,
    /// JSON lines (`signal-trace schema`).
    Jsonl,
}

impl RecordArgs {
    /// What the engine is told; the capture adds `split_cgroups`.
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        if let Some(grace) = self.grace {
            config.grace_ns = u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX);
            config.grace_source = GraceSource::Flag;
        }
        config.stop_signals.clone_from(&self.stop_signals);
        config
    }
}
