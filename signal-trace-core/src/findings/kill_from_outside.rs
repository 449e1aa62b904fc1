//! `kill-from-outside`: the SIGKILL came from neither the workload nor what manages it.

use alloc::{format, vec::Vec};

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name},
};
use crate::{
    member::{Kill, Member},
    role::Role,
    timeline::WorkloadKey,
};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members: Vec<&Member> = case
        .timeline
        .members
        .values()
        .filter(|member| member.died_of_sigkill())
        .filter(|member| member.kill.is_some_and(|kill| is_outside(case, kill)))
        .collect();
    let first: &Member = members.first()?;
    let kill = first.kill?;
    // A person who ends a process of another terminal is not worth a warning.
    let severity = match case.timeline.key {
        WorkloadKey::Cgroup(_) => Severity::Warning,
        WorkloadKey::Tree(_) => Severity::Info,
    };
    let from = kill.sender.as_ref().map_or_else(|| "somebody".into(), name);
    let place =
        if kill.role == Role::OtherContainer { "of another container" } else { "of the host" };
    let summary = format!(
        "{}{} was killed with SIGKILL by {from}, a process {place} that is not known to manage it",
        name(&first.process),
        and_more(&members),
    );
    Some(case.finding("kill-from-outside", severity, summary, evidence(&members)))
}

fn is_outside(case: &Case<'_>, kill: Kill) -> bool {
    matches!(kill.role, Role::OtherContainer | Role::Host) && !asked_before(case, kill)
}

/// Who had asked the workload to stop before it enforced that; or another child of the same
/// parent, as the `kill` commands of a script are.
fn asked_before(case: &Case<'_>, kill: Kill) -> bool {
    let stopper = case.timeline.stop.as_ref().and_then(|stop| stop.sender);
    let (Some(stopper), Some(killer)) = (stopper, kill.sender) else { return false };
    stopper.id == killer.id || (stopper.parent.is_some() && stopper.parent == killer.parent)
}
