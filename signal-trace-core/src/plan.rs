//! How a workload is to be stopped: with which signal, and in what time.

use crate::{
    config::Config,
    event::Process,
    labels::Labels,
    output::GraceSource,
    signal::Signal,
    time::{BootNs, SECOND},
    workload::{Kind, Workload},
};

/// What the kubelet gives a container at least, however long its preStop hook took
/// (`minimumGracePeriodInSeconds`, pkg/kubelet/kuberuntime).
const KUBELET_MINIMUM_NS: u64 = 2 * SECOND;
/// `terminationGracePeriodSeconds` of a pod that does not say.
const POD_GRACE_NS: u64 = 30 * SECOND;
/// `DefaultTimeoutStopSec=` of systemd.
const UNIT_GRACE_NS: u64 = 90 * SECOND;

/// A preStop hook that ran just before the stop signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreStop {
    /// Its first process.
    pub process: Process,
    /// From its start to its end, or to the stop signal if it ran on, nanoseconds.
    pub took_ns: u64,
}

/// What a timeline is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The time to stop, nanoseconds, a preStop hook included; `u64::MAX` is no limit.
    pub grace_ns: u64,
    /// Who said so.
    pub grace_source: GraceSource,
    /// A stop signal of its own, if it has one.
    pub stop_signal: Option<Signal>,
    /// The hook that took a part of the time.
    pub pre_stop: Option<PreStop>,
}

impl Plan {
    /// The plan for a workload in the cgroup at `path`; `Workload` is what its manager says.
    pub fn new(config: &Config, path: &[u8], workload: Option<&Workload>) -> Self {
        let known = workload.and_then(|workload| workload.grace_ns);
        let (grace_ns, grace_source) = match known {
            Some(grace) => (grace.value, GraceSource::Known(grace.source)),
            None if config.grace_source == GraceSource::Default => {
                (assumed(config, path), GraceSource::Default)
            }
            None => (config.grace_ns, config.grace_source),
        };
        let stop_signal = workload
            .and_then(|workload| workload.stop_signal)
            .map(|set| set.value)
            .filter(|signal| signal.is_for_stopping());
        Self { grace_ns, grace_source, stop_signal, pre_stop: None }
    }

    /// The part of the grace that is left from the stop signal on, nanoseconds.
    pub fn left_ns(&self) -> u64 {
        match self.pre_stop {
            None => self.grace_ns,
            Some(hook) => {
                let least = KUBELET_MINIMUM_NS.min(self.grace_ns);
                self.grace_ns.saturating_sub(hook.took_ns).max(least)
            }
        }
    }

    /// The hook, if it took so much that the kubelet had to add to the rest. Of a grace period that
    /// is hardly longer than the least, that may be little.
    pub fn hook_that_took_it_all(&self) -> Option<PreStop> {
        self.pre_stop.filter(|hook| {
            let rest = self.grace_ns.saturating_sub(hook.took_ns);
            rest < KUBELET_MINIMUM_NS && hook.took_ns >= self.grace_ns / 2
        })
    }

    /// When it ends, for a stop signal at `stop`.
    pub fn ends(&self, stop: BootNs) -> BootNs {
        stop.plus(self.left_ns())
    }

    /// Whether `signal` asks this workload to stop.
    pub fn is_stop_signal(&self, config: &Config, signal: Signal) -> bool {
        config.is_stop_signal(signal) || self.stop_signal == Some(signal)
    }
}

/// Where nobody tells, the default of what manages such workloads.
fn assumed(config: &Config, path: &[u8]) -> u64 {
    let labels = Labels::of(path);
    match labels.kind {
        _ if labels.in_pod() => POD_GRACE_NS,
        Kind::Unit if labels.unit.is_some_and(|unit| unit.ends_with(b".service")) => UNIT_GRACE_NS,
        Kind::Container | Kind::Unit | Kind::Cgroup => config.grace_ns,
    }
}
