//! `prestop-consumed-grace`: a preStop hook took so much of the grace period that the kubelet had to
//! give the program the least that it gives.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{evidence, name, seconds, sorted},
};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let stop = case.timeline.stop.as_ref()?;
    let plan = &case.timeline.plan;
    let hook = plan.hook_that_took_it_all()?;
    let main = case.timeline.members.get(&case.timeline.main)?;
    let summary = format!(
        "its preStop hook {} took {} of the {} of terminationGracePeriodSeconds before {} got {}: \
         {} were left for that",
        name(&hook.process),
        seconds(hook.took_ns),
        seconds(plan.grace_ns),
        name(&main.process),
        stop.signal,
        seconds(plan.left_ns()),
    );
    let evidence = sorted(evidence(&[main]).into_iter().chain([stop.seq]));
    Some(case.finding("prestop-consumed-grace", Severity::Warning, summary, evidence))
}
