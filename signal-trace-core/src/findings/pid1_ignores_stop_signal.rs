//! `pid1-ignores-stop-signal`: PID 1 of a container lets the stop signal fall.
//!
//! The kernel drops a signal for PID 1 of a PID namespace that has no handler for it
//! (`sig_task_ignored()`, kernel/signal.c), unless it is a SIGKILL or SIGSTOP from outside. A shell
//! as PID 1 is the usual case.

use alloc::format;

use super::{Case, Finding, Severity, and_more, evidence, name};
use crate::{signal::Disposition, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members =
        case.with_verdict(ProcessVerdict::Ignored, |member| member.process.is_namespace_init());
    let worst = *members.iter().max_by_key(|member| case.was_a_problem(member))?;
    let own = worst.own_stop.as_ref()?;
    let signal = own.stop.signal;
    let severity = if case.was_a_problem(worst) { Severity::Error } else { Severity::Info };
    let (why, fix) = if own.reraised.is_some() {
        (
            "handled it and sent it to itself again, which the kernel drops for PID 1",
            "make PID 1 exit by itself at the end of its handler instead of re-raising the signal, \
             or run it under an init (docker run --init, tini, dumb-init)",
        )
    } else if own.disposition == Disposition::Ignore {
        (
            "ignores it (SIG_IGN)",
            "remove what sets it to be ignored (trap '' TERM in a shell stays in force across \
             exec), and handle the signal",
        )
    } else {
        (
            "has no handler for it, and the kernel drops such signals for PID 1",
            "start the program with exec so that it is PID 1 itself and handles the signal, or run \
             it under an init that forwards signals (docker run --init, Compose init: true, tini, \
             dumb-init), or trap the signal in the entrypoint shell and forward it",
        )
    };
    Some(Finding {
        id: "pid1-ignores-stop-signal",
        severity,
        summary: format!(
            "{}{} got {signal} but {why}; {}",
            name(&worst.process),
            and_more(&members),
            case.fate(worst)
        ),
        fix: fix.into(),
        evidence: evidence(&members),
    })
}
