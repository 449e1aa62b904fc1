//! `grace-period-nearly-exceeded`: a clean stop that took most of the time it had, and will take
//! all of it on a slower day.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{evidence, name, seconds},
};

/// From this part of the grace period on, per cent.
const NEARLY_PERCENT: u64 = 80;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let stop = case.timeline.stop.as_ref()?;
    let told = || case.timeline.members.values().filter(|member| member.own_stop.is_some());
    if told().any(|member| member.lives() || case.was_a_problem(member)) {
        return None;
    }
    let last = told().max_by_key(|member| member.ended.map(|ended| ended.at))?;
    let took = last.ended?.at.since(stop.at);
    let nearly = u128::from(took) * 100 >= u128::from(case.grace_ns()) * u128::from(NEARLY_PERCENT);
    if !nearly {
        return None;
    }
    let summary = format!(
        "{} ended {} after {}, of {} that it had",
        name(&last.process),
        seconds(took),
        stop.signal,
        seconds(case.grace_ns())
    );
    let id = "grace-period-nearly-exceeded";
    Some(case.finding(id, Severity::Warning, summary, evidence(&[last])))
}
