//! `stop-signal-ignored`: a process other than PID 1 ignores the stop signal (`SIG_IGN`).
//!
//! Workers often ignore it on purpose, because their manager stops them in another way; so this is
//! no more than `info` unless the process had to be killed by somebody else than that manager, or
//! outlived the grace period.

use alloc::format;

use super::{Case, Finding, Severity, and_more, evidence, name};
use crate::{role::Role, timeline::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members =
        case.with_verdict(ProcessVerdict::Ignored, |member| !member.process.is_namespace_init());
    let accused = |member: &Member| {
        let by_manager = member.kill.is_some_and(|kill| kill.role == Role::Supervisor);
        case.was_a_problem(member) && !by_manager
    };
    let worst = *members.iter().max_by_key(|member| accused(member))?;
    let signal = worst.own_stop.as_ref()?.stop.signal;
    Some(Finding {
        id: "stop-signal-ignored",
        severity: if accused(worst) { Severity::Error } else { Severity::Info },
        summary: format!(
            "{}{} got {signal} but ignores it (SIG_IGN); {}",
            name(&worst.process),
            and_more(&members),
            case.fate(worst)
        ),
        fix: format!(
            "let the program handle {signal}, or send it the stop signal that it does handle \
             (Docker STOPSIGNAL, Compose stop_signal, systemd KillSignal=, Supervisord \
             stopsignal); an ignored signal is inherited across exec: look for trap '' or nohup \
             in what starts it"
        ),
        evidence: evidence(&members),
    })
}
