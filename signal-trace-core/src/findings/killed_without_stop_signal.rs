//! `killed-without-stop-signal`: SIGKILL was the first and only signal, so there was no chance to
//! stop cleanly.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name},
};
use crate::{
    member::{Kill, Member},
    role::Role,
    timeline::WorkloadKey,
    verdict::ProcessVerdict,
};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    if case.timeline.stop.is_some() {
        return None;
    }
    let members = case.with_verdict(ProcessVerdict::Killed, |member| {
        member.kill.is_some_and(has_no_other_finding)
    });
    let first: &Member = members.first()?;
    let kill = first.kill?;
    // PR_SET_PDEATHSIG and RLIMIT_CPU are asked for by who is killed. And outside of containers and
    // units many programs end their children so.
    let by_kernel = kill.role == Role::Kernel;
    let severity = match case.timeline.key {
        WorkloadKey::Cgroup(_) if !by_kernel => Severity::Warning,
        _ => Severity::Info,
    };
    let sender = kill.sender.as_ref().filter(|_| !by_kernel);
    let by = sender
        .map_or_else(|| kill.role.name().into(), |p| format!("{}, {}", kill.role.name(), name(p)));
    let summary = format!(
        "{}{} was killed with SIGKILL ({by}) and was never asked to stop",
        name(&first.process),
        and_more(&members),
    );
    Some(case.finding("killed-without-stop-signal", severity, summary, evidence(&members)))
}

const fn has_no_other_finding(kill: Kill) -> bool {
    !matches!(kill.role, Role::Itself | Role::OomKiller | Role::PidnsTeardown)
}
