//! `pidns-teardown-kill`: PID 1 ended before a process that was still stopping, and with PID 1 the
//! kernel kills all that is left in its namespace (`zap_pid_ns_processes()`,
//! `kernel/pid_namespace.c`). The grace period was not over: PID 1 did not wait.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds},
};
use crate::{member::Member, role::Role, verdict::ProcessVerdict};

const ID: &str = "pidns-teardown-kill";

/// Whether `member` was cut off by the end of its PID 1, in the grace period.
pub(super) fn applies(case: &Case<'_>, member: &Member) -> bool {
    let in_time = |at| at <= case.grace_end();
    by_teardown(case, member) && member.kill.is_some_and(|kill| in_time(kill.at))
}

/// PID 1 that was killed itself did not leave anybody alone.
fn by_teardown(case: &Case<'_>, member: &Member) -> bool {
    let kill = member.kill.filter(|kill| kill.role == Role::PidnsTeardown);
    let pid1 = kill.and_then(|kill| kill.sender);
    let pid1 = pid1.and_then(|pid1| case.timeline.members.get(&pid1.id));
    member.died_of_sigkill() && kill.is_some() && !pid1.is_some_and(Member::died_of_sigkill)
}

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    cut_off(case).or_else(|| left_over(case))
}

/// It had been asked to stop, and was not given the time.
fn cut_off(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Overran, |member| applies(case, member));
    let first: &Member = members.first()?;
    let (own, kill) = (first.own_stop.as_ref()?, first.kill?);
    let summary = format!(
        "{}{} was still stopping {} after {}, when PID 1 of its namespace exited and the kernel \
         killed all that was left",
        name(&first.process),
        and_more(&members),
        seconds(kill.at.since(own.stop.at)),
        own.stop.signal,
    );
    Some(case.finding(ID, Severity::Error, summary, evidence(&members)))
}

/// Nobody had asked for anything: PID 1 was done, and what it had started was not.
fn left_over(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Killed, |member| by_teardown(case, member));
    let first: &Member = members.first()?;
    let summary = format!(
        "{}{} still ran when PID 1 of its namespace exited, and the kernel killed it",
        name(&first.process),
        and_more(&members),
    );
    Some(case.finding(ID, Severity::Info, summary, evidence(&members)))
}
