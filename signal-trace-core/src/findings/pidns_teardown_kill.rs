//! `pidns-teardown-kill`: PID 1 ended before a process that was still stopping, and with PID 1 the
//! kernel kills all that is left in its namespace (`zap_pid_ns_processes()`,
//! `kernel/pid_namespace.c`). The grace period was not over: PID 1 did not wait.

use alloc::format;

use super::{Case, Finding, Severity, and_more, evidence, name, seconds};
use crate::{role::Role, timeline::Member, verdict::ProcessVerdict};

/// Whether `member` was cut off by the end of its PID 1, in the grace period.
pub(super) fn applies(case: &Case<'_>, member: &Member) -> bool {
    let in_time = |at| at <= case.timeline.grace_end(case.config.grace_ns);
    member.died_of_sigkill()
        && member.kill.is_some_and(|kill| kill.role == Role::PidnsTeardown && in_time(kill.at))
}

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Overran, |member| applies(case, member));
    let first: &Member = members.first()?;
    let (own, kill) = (first.own_stop.as_ref()?, first.kill?);
    Some(Finding {
        id: "pidns-teardown-kill",
        severity: Severity::Error,
        summary: format!(
            "{}{} was still stopping {} after {}, when PID 1 of its namespace exited and the \
             kernel killed all that was left",
            name(&first.process),
            and_more(&members),
            seconds(kill.at.since(own.stop.at)),
            own.stop.signal,
        ),
        fix:
            "let PID 1 wait for its children before it exits: in a shell, wait in a loop until the \
              child is gone, since a trap interrupts wait (an init such as tini or docker run \
              --init waits for its own child only)"
                .into(),
        evidence: evidence(&members),
    })
}
