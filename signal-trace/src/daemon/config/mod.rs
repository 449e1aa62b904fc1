//! The daemon's configuration: one TOML file, then the environment, then flags.
//!
//! `default.toml` beside this file documents every key.

#![expect(missing_docs, reason = "a key is documented where users read it, in default.toml")]

mod load;
mod problem;
mod sinks;
#[cfg(test)]
mod tests;
mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use signal_trace_core::{config::Config as EngineConfig, output::GraceSource, signal::Signal};

use crate::metrics::{self, Label};

pub use self::{
    load::{Source, load},
    problem::ConfigError,
    sinks::{File, Filter, Otlp, OtlpProtocol, OtlpSignal, Queue, Sinks, Socket, Stdout},
    values::{GlobText, ManagerText, Severity, SignalText, Span},
};

/// The file with every key and its default.
pub const DEFAULT_FILE: &str = include_str!("default.toml");

/// All of it. Field docs are in `default.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub node: Option<String>,
    pub host_proc: PathBuf,
    pub log_format: LogFormat,
    pub grace: Option<Span>,
    pub zombie_after: Span,
    pub stop_signals: Vec<SignalText>,
    pub runtimes: Vec<ManagerText>,
    pub kube_api: bool,
    pub sinks: Sinks,
    pub metrics: Metrics,
    pub hardening: Hardening,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: None,
            host_proc: "/proc".into(),
            log_format: LogFormat::default(),
            grace: None,
            zombie_after: Span(Duration::from_secs(5)),
            stop_signals: vec![],
            runtimes: vec![],
            kube_api: false,
            sinks: Sinks::default(),
            metrics: Metrics::default(),
            hardening: Hardening::default(),
        }
    }
}

/// How the daemon's own log is written, on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// `[metrics]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    pub enabled: bool,
    pub listen: SocketAddr,
    pub labels: Vec<Label>,
    pub max_series: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            labels: Label::DEFAULT.to_vec(),
            max_series: 2000,
        }
    }
}

impl Metrics {
    /// For the registry.
    pub fn to_options(&self) -> metrics::Options {
        metrics::Options { labels: self.labels.clone(), max_series: self.max_series }
    }
}

/// `[hardening]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hardening {
    pub enabled: bool,
}

impl Default for Hardening {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Config {
    /// What the engine is told of it.
    pub fn to_engine(&self) -> EngineConfig {
        let mut config = EngineConfig::new();
        let ns = |span: Span| u64::try_from(span.0.as_nanos()).unwrap_or(u64::MAX);
        if let Some(grace) = self.grace {
            config.grace_ns = ns(grace);
            config.grace_source = GraceSource::Flag;
        }
        config.zombie_after_ns = ns(self.zombie_after);
        config.stop_signals = self.stop_signals();
        config
    }

    /// The stop signals beside the usual ones.
    pub fn stop_signals(&self) -> Vec<Signal> {
        self.stop_signals.iter().map(|text| text.0).collect()
    }

    /// Names of the keys that differ in `new` and are read at the start only.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        // Every key by name: a new one has to be thought of here.
        let Self {
            node,
            host_proc,
            log_format,
            grace,
            zombie_after,
            stop_signals,
            runtimes,
            kube_api,
            sinks: _,
            metrics: Metrics { enabled, listen, labels: _, max_series: _ },
            hardening,
        } = self;
        let changed = [
            ("node", *node != new.node),
            ("host_proc", *host_proc != new.host_proc),
            ("log_format", *log_format != new.log_format),
            ("grace", *grace != new.grace),
            ("zombie_after", *zombie_after != new.zombie_after),
            ("stop_signals", *stop_signals != new.stop_signals),
            ("runtimes", *runtimes != new.runtimes),
            ("kube_api", *kube_api != new.kube_api),
            ("metrics.enabled", *enabled != new.metrics.enabled),
            ("metrics.listen", *listen != new.metrics.listen),
            ("hardening", *hardening != new.hardening),
        ];
        changed.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}
