//! `stop-signal-not-forwarded`: a process of the workload was never told to stop.
//!
//! Only processes that were there when the workload was told, and that came from inside it
//! (`docker exec` sessions did not), are spoken of; and above `info` only if they had to be killed
//! or outlived the grace period.

use alloc::format;

use super::{Case, Finding, Severity, and_more, evidence, name};
use crate::{timeline::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let stop = case.timeline.stop.as_ref()?;
    let members = case.with_verdict(ProcessVerdict::NotSignalled, |member| {
        member.from_start && !member.foreign && case.was_a_problem(member)
    });
    let worst: &Member = members.iter().max_by_key(|member| member.died_of_sigkill())?;
    let main = case.timeline.members.get(&case.timeline.main);
    let main_is_deaf = case.verdicts.iter().any(|(member, verdict)| {
        member.process.id == case.timeline.main
            && matches!(verdict, ProcessVerdict::Ignored | ProcessVerdict::Blocked)
    });
    // Where the main process dropped the signal itself, that is the cause, and told so. And who was
    // left alone was not cut off in its work.
    let severity =
        if worst.died_of_sigkill() && !main_is_deaf { Severity::Error } else { Severity::Warning };
    let mut evidence = evidence(&members);
    evidence.push(stop.seq);
    evidence.sort_unstable();
    evidence.dedup();
    let parent = main.map_or_else(|| "the main process".into(), |main| name(&main.process));
    Some(Finding {
        id: "stop-signal-not-forwarded",
        severity,
        summary: format!(
            "{}{} never got {}, which went to {parent}; {}",
            name(&worst.process),
            and_more(&members),
            case.stop_name(),
            case.fate(worst)
        ),
        fix: "let the parent forward the signal and wait for its children: exec the program \
              instead of running it below a shell (sh -c 'exec …'), or trap the signal in the \
              shell, kill the child and wait for it; or signal the whole group (tini -g, \
              dumb-init, Supervisord stopasgroup=true and killasgroup=true, systemd \
              KillMode=control-group)"
            .into(),
        evidence,
    })
}
