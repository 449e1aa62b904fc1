//! `stop-signal-ignored`: a process other than PID 1 ignores the stop signal (`SIG_IGN`).
//!
//! Workers often ignore it on purpose, because their manager stops them in another way; so this is
//! no more than `info` unless the process had to be killed by somebody else than that manager, or
//! outlived the grace period.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name},
};
use crate::{member::Member, signal::Disposition, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members =
        case.with_verdict(ProcessVerdict::Ignored, |member| !member.process.is_namespace_init());
    let accused = |member: &Member| case.was_a_problem(member) && !member.ended_by_manager();
    let worst = *members.iter().max_by_key(|member| accused(member))?;
    let own = worst.own_stop.as_ref()?;
    let why = match own.disposition {
        Disposition::Default => "has no handler for it, and by default it is ignored",
        _ => "ignores it (SIG_IGN)",
    };
    let severity = if accused(worst) { Severity::Error } else { Severity::Info };
    let summary = format!(
        "{}{} got {} but {why}; {}",
        name(&worst.process),
        and_more(&members),
        own.stop.signal,
        case.fate(worst)
    );
    Some(case.finding("stop-signal-ignored", severity, summary, evidence(&members)))
}
