//! Closed sets of names on the wire, for the JSON Schema.

use signal_trace_core::{
    findings::Severity,
    input::LossKind,
    output::GraceSource,
    role::Role,
    signal::{Disposition, GenerateResult},
    verdict::{ProcessVerdict, WorkloadVerdict},
    workload::{Runtime, Source},
};

pub const fn disposition(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Default => "default",
        Disposition::Ignore => "ignore",
        Disposition::Handler => "handler",
        Disposition::Unknown => "unknown",
    }
}

pub const fn result(result: GenerateResult) -> &'static str {
    match result {
        GenerateResult::Delivered => "delivered",
        GenerateResult::Ignored => "ignored",
        GenerateResult::AlreadyPending => "already-pending",
        GenerateResult::OverflowFail => "overflow-fail",
        GenerateResult::LoseInfo => "lose-info",
        GenerateResult::Unknown(_) => "unknown",
    }
}

pub const DISPOSITIONS: [&str; 4] = ["default", "ignore", "handler", "unknown"];
pub const RESULTS: [&str; 6] =
    ["delivered", "ignored", "already-pending", "overflow-fail", "lose-info", "unknown"];
pub const WORKLOAD_KINDS: [&str; 4] = ["container", "unit", "cgroup", "process"];

pub fn roles() -> Vec<&'static str> {
    Role::ALL.map(Role::name).to_vec()
}

/// What can be done with a signal, and null.
pub fn dispositions_or_null() -> Vec<Option<&'static str>> {
    DISPOSITIONS.map(Some).into_iter().chain([None]).collect()
}

/// The roles, and null.
pub fn roles_or_null() -> Vec<Option<&'static str>> {
    Role::ALL.map(|role| Some(role.name())).into_iter().chain([None]).collect()
}

pub fn process_verdicts() -> Vec<&'static str> {
    ProcessVerdict::ALL.map(ProcessVerdict::name).to_vec()
}

pub fn workload_verdicts() -> Vec<&'static str> {
    WorkloadVerdict::ALL.map(WorkloadVerdict::name).to_vec()
}

/// Where a grace period can be known from.
pub fn grace_sources() -> Vec<&'static str> {
    let known = Source::ALL.map(GraceSource::Known);
    [GraceSource::Default, GraceSource::Flag]
        .into_iter()
        .chain(known)
        .map(GraceSource::name)
        .collect()
}

pub fn sources() -> Vec<&'static str> {
    Source::ALL.map(Source::name).to_vec()
}

/// The runtimes, and null.
pub fn runtimes_or_null() -> Vec<Option<&'static str>> {
    Runtime::ALL.map(|runtime| Some(runtime.name())).into_iter().chain([None]).collect()
}

pub fn severities() -> Vec<&'static str> {
    Severity::ALL.map(Severity::name).to_vec()
}

/// A loss of the output itself: lines that it had no room for.
pub const SINK_LOSS: &str = "sink";

pub fn loss_kinds() -> Vec<&'static str> {
    LossKind::ALL.map(LossKind::name).into_iter().chain([SINK_LOSS]).collect()
}
