//! `stop-signal-not-forwarded`: a process of the workload was never told to stop.
//!
//! Only processes that were there when the workload was told, and that came from inside it
//! (`docker exec` sessions did not), are spoken of; and above `info` only if they had to be killed
//! or outlived the grace period.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, sorted},
    orphan_left_behind,
};
use crate::{member::Member, role::Role, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let stop = case.timeline.stop.as_ref()?;
    let main = case.timeline.members.get(&case.timeline.main);
    if main.is_some_and(|main| main.own_stop.is_none()) {
        // The signal went to another process: there was nothing to pass on.
        return None;
    }
    let members = case.with_verdict(ProcessVerdict::NotSignalled, |member| {
        member.from_start
            && !member.foreign
            && case.was_a_problem(member)
            // PR_SET_PDEATHSIG: it asked to be killed when its parent ends.
            && member.kill.is_none_or(|kill| kill.role != Role::Kernel)
            && (member.died_of_sigkill() || has_parent(case, member))
            && !orphan_left_behind::applies(case, member)
    });
    let worst: &Member = members.iter().max_by_key(|member| member.died_of_sigkill())?;
    let deaf = [ProcessVerdict::Ignored, ProcessVerdict::Blocked].map(Some);
    // Where the main process dropped the signal itself, that is the cause, and told so. And who was
    // left alone was not cut off in its work.
    let severity = if worst.died_of_sigkill() && !deaf.contains(&case.main_verdict()) {
        Severity::Error
    } else if case.is_spared(worst) {
        Severity::Info
    } else {
        Severity::Warning
    };
    let told = case.stop_target();
    let told = told.map_or_else(|| "another process".into(), |told| name(&told.process));
    let summary = format!(
        "{}{} never got {}, which went to {told}; {}",
        name(&worst.process),
        and_more(&members),
        case.stop_name(),
        case.fate(worst)
    );
    let evidence = sorted(evidence(&members).into_iter().chain([stop.seq]));
    Some(case.finding("stop-signal-not-forwarded", severity, summary, evidence))
}

/// Who left its parent on purpose, long ago, lives on by design: containerd's shims do.
fn has_parent(case: &Case<'_>, member: &Member) -> bool {
    member.lineage.is_some_and(|parent| case.timeline.members.contains_key(&parent))
}
