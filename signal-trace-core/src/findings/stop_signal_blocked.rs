//! `stop-signal-blocked`: the stop signal is blocked and was never taken off the queue.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name},
};
use crate::{member::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Blocked, |_| true);
    let accused = |member: &Member| case.was_a_problem(member) && !member.ended_by_manager();
    let worst: &Member = *members.iter().max_by_key(|member| accused(member))?;
    let signal = worst.own_stop.as_ref()?.stop.signal;
    let severity = if accused(worst) { Severity::Error } else { Severity::Info };
    let summary = format!(
        "{}{} blocks {signal} and never took it; {}",
        name(&worst.process),
        and_more(&members),
        case.fate(worst)
    );
    Some(case.finding("stop-signal-blocked", severity, summary, evidence(&members)))
}
