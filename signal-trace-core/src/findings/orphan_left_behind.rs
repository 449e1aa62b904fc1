//! `orphan-left-behind`: a process was never told to stop, and outlived the parent that should
//! have told it.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds, sorted},
};
use crate::{member::Member, time::SECOND, verdict::ProcessVerdict};

/// Whoever outlives its parent for less than this dies with it, as far as people are concerned.
const ORPHAN_NS: u64 = SECOND;

/// Whether `member` lived on, untold, after its parent had ended.
pub(super) fn applies(case: &Case<'_>, member: &Member) -> bool {
    let end = member.ended.map_or(case.now, |ended| ended.at);
    member.from_start
        && !member.foreign
        && case.was_a_problem(member)
        && case.dead_parent(member).is_some_and(|(_, ended)| end.since(ended) >= ORPHAN_NS)
}

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let stop = case.timeline.stop.as_ref()?;
    let members = case.with_verdict(ProcessVerdict::NotSignalled, |member| applies(case, member));
    let worst: &Member = *members.iter().max_by_key(|member| member.died_of_sigkill())?;
    let (parent, ended) = case.dead_parent(worst)?;
    let own_end = worst.ended.map_or(case.now, |end| end.at);
    let severity = match worst.died_of_sigkill() {
        true => Severity::Error,
        false if case.is_spared(worst) => Severity::Info,
        false => Severity::Warning,
    };
    let summary = format!(
        "{}{} never got {} and outlived its parent {} by {}; {}",
        name(&worst.process),
        and_more(&members),
        stop.signal,
        name(&parent.process),
        seconds(own_end.since(ended)),
        case.fate(worst)
    );
    let evidence =
        sorted(evidence(&members).into_iter().chain(evidence(&[parent])).chain([stop.seq]));
    Some(case.finding("orphan-left-behind", severity, summary, evidence))
}
