//! `grace-period-exceeded`: a process took the stop signal and was still running when its time
//! was over: when SIGKILL came, or when the grace period ended. Who was cut off because its PID 1
//! did not wait for it has a finding of its own.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds},
    pidns_teardown_kill,
};
use crate::{
    member::{Member, OwnStop},
    role::Role,
    verdict::ProcessVerdict,
};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    case.timeline.stop.as_ref()?;
    let members = case.with_verdict(ProcessVerdict::Overran, |member| {
        // Who killed itself was in time, or not; it has a finding of its own.
        let by_itself = member.kill.is_some_and(|kill| kill.role == Role::Itself);
        !by_itself && !pidns_teardown_kill::applies(case, member)
    });
    let worst: &Member = *members.iter().max_by_key(|member| severity(member))?;
    let own = worst.own_stop.as_ref()?;
    // Counted from when it was told itself: managers tell some of theirs later than others.
    let limit = match worst.kill {
        Some(kill) if worst.died_of_sigkill() => kill.at,
        _ => case.grace_end(),
    };
    let limit = limit.since(own.stop.at);
    let summary = format!(
        "{}{} {} {} but was not done after {}; {}",
        name(&worst.process),
        and_more(&members),
        took(own),
        own.stop.signal,
        seconds(limit),
        case.fate(worst)
    );
    Some(case.finding("grace-period-exceeded", severity(worst), summary, evidence(&members)))
}

/// Who was stopped or frozen could do nothing about it.
fn severity(member: &Member) -> Severity {
    let halted = member.own_stop.as_ref().is_some_and(|own| own.halted)
        || member.kill.is_some_and(|kill| kill.frozen);
    if member.died_of_sigkill() && !halted { Severity::Error } else { Severity::Warning }
}

fn took(own: &OwnStop) -> &'static str {
    match (own.halted, own.delivered.is_some()) {
        (true, false) => "was stopped or frozen when it was sent",
        (true, true) => "was stopped or frozen for a while after it was sent",
        (false, _) if own.handled() => "handled",
        (false, _) => "took",
    }
}
