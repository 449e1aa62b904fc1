//! `unkillable-process`: it lives on after SIGKILL, because the kernel does not let it run: it is
//! frozen (cgroup v1), or waits for a device or a file system and cannot be interrupted.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds},
};
use crate::{member::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Unkillable, |_| true);
    let first: &Member = members.first()?;
    let kill = first.kill?;
    // What it did before SIGKILL tells nothing.
    let state = first.look.filter(|look| look.at >= kill.at).map(|look| look.state);
    let why = match state {
        _ if kill.frozen => "its cgroup is frozen, and the v1 freezer holds back even SIGKILL",
        Some(b'D') => "it is in uninterruptible sleep (state D)",
        Some(b't' | b'T') => "a debugger or tracer holds it",
        Some(_) => "the kernel has not let it run since",
        None => "why is not known",
    };
    let summary = format!(
        "{}{} still lives {} after SIGKILL: {why}",
        name(&first.process),
        and_more(&members),
        seconds(case.now.since(kill.at)),
    );
    Some(case.finding("unkillable-process", Severity::Error, summary, evidence(&members)))
}
