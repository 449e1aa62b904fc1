//! `grace-period-exceeded`: a process took the stop signal and was still running when its time
//! was over: when SIGKILL came, or when the grace period ended. Who was cut off because its PID 1
//! did not wait for it has a finding of its own.

use alloc::format;

use super::{Case, Finding, Severity, and_more, evidence, name, pidns_teardown_kill, seconds};
use crate::{timeline::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let stop = case.timeline.stop.as_ref()?;
    let members = case.with_verdict(ProcessVerdict::Overran, |member| {
        !pidns_teardown_kill::applies(case, member)
    });
    let worst: &Member = members.iter().max_by_key(|member| member.died_of_sigkill())?;
    let own = worst.own_stop.as_ref()?;
    let taken = if own.handled() {
        "handled"
    } else if own.halted {
        "was stopped or frozen when it got"
    } else {
        "took"
    };
    let limit = match worst.kill {
        Some(kill) if worst.died_of_sigkill() => kill.at.since(stop.at),
        _ => case.config.grace_ns,
    };
    Some(Finding {
        id: "grace-period-exceeded",
        severity: if worst.died_of_sigkill() { Severity::Error } else { Severity::Warning },
        summary: format!(
            "{}{} {taken} {} but was not done after {}; {}",
            name(&worst.process),
            and_more(&members),
            own.stop.signal,
            seconds(limit),
            case.fate(worst)
        ),
        fix:
            "make the shutdown shorter than the grace period (stop taking work first, give jobs a \
              time limit below it: Sidekiq -t, Laravel --timeout, Supervisord stopwaitsecs), or \
              make the grace period longer (docker stop -t, Compose stop_grace_period, Kubernetes \
              terminationGracePeriodSeconds, systemd TimeoutStopSec=); a shell runs its trap only \
              after the foreground command has ended: run that in the background and wait for it"
                .into(),
        evidence: evidence(&members),
    })
}
