//! `killed-without-stop-signal`: SIGKILL was the first and only signal, so there was no chance to
//! stop cleanly.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds, sorted},
};
use crate::{
    member::{Kill, Member},
    role::Role,
    time::SECOND,
    timeline::WorkloadKey,
    verdict::ProcessVerdict,
};

/// Who was asked this long before was asked, though the timeline of that is over: QUIT and INT,
/// and a signal to one worker, are no shutdown if nothing follows within the grace period.
const ASKED_NS: u64 = 600 * SECOND;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    if case.timeline.stop.is_some() {
        return None;
    }
    let members = case.with_verdict(ProcessVerdict::Killed, |member| {
        member.kill.is_some_and(has_no_other_finding)
    });
    let first: &Member = members.first()?;
    let kill = first.kill?;
    // It had been asked, and took longer than a signal that may mean something else is waited for.
    let asked = first.asked.filter(|asked| kill.at.since(asked.at) <= ASKED_NS);
    // PR_SET_PDEATHSIG and RLIMIT_CPU are asked for by who is killed. And outside of containers and
    // units many programs end their children so.
    let by_kernel = kill.role == Role::Kernel;
    let severity = match case.timeline.key {
        // A session in a workload that goes on: a probe that took too long.
        _ if first.foreign && case.timeline.main_lives() => Severity::Info,
        _ if case.may_have_been_asked => Severity::Info,
        WorkloadKey::Cgroup(_) if !by_kernel && asked.is_none() => Severity::Warning,
        _ => Severity::Info,
    };
    let sender = kill.sender.as_ref().filter(|_| !by_kernel);
    let by = sender
        .map_or_else(|| kill.role.name().into(), |p| format!("{}, {}", kill.role.name(), name(p)));
    let before = first.asked.map_or_else(
        || {
            let unseen = "and what it was sent before signal-trace began, nobody saw";
            let never = "and was never asked to stop";
            (if case.may_have_been_asked { unseen } else { never }).into()
        },
        |asked| {
            let ago = seconds(kill.at.since(asked.at));
            format!("{ago} after {}, the last stop signal that it had been sent", asked.signal)
        },
    );
    let summary = format!(
        "{}{} was killed with SIGKILL ({by}) {before}",
        name(&first.process),
        and_more(&members),
    );
    let asked = first.asked.map(|asked| asked.seq);
    let evidence = sorted(evidence(&members).into_iter().chain(asked));
    Some(case.finding("killed-without-stop-signal", severity, summary, evidence))
}

const fn has_no_other_finding(kill: Kill) -> bool {
    !matches!(kill.role, Role::Itself | Role::OomKiller | Role::PidnsTeardown)
}
