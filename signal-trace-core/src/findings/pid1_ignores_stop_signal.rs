//! `pid1-ignores-stop-signal`: PID 1 of a container lets the stop signal fall.
//!
//! The kernel drops a signal for PID 1 of a PID namespace that has no handler for it
//! (`sig_task_ignored()`, kernel/signal.c), unless it is a SIGKILL or SIGSTOP from outside. A shell
//! as PID 1 is the usual case.

use alloc::{borrow::ToOwned, format};

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, fix, name},
};
use crate::{signal::Disposition, system::System, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members =
        case.with_verdict(ProcessVerdict::Ignored, |member| member.process.is_namespace_init());
    let worst = *members.iter().max_by_key(|member| case.was_a_problem(member))?;
    let own = worst.own_stop.as_ref()?;
    let signal = own.stop.signal;
    let severity = if case.was_a_problem(worst) { Severity::Error } else { Severity::Info };
    let (why, fix) = if own.reraised.is_some_and(|(dropped, _)| dropped) {
        // PHP does so for every signal that its program has no handler for (Zend/zend_signal.c).
        let by_itself = System::of(&worst.process) == Some(System::Laravel);
        (
            "handled it and sent it to itself again, which the kernel drops for PID 1",
            if by_itself {
                fix("pid1-ignores-stop-signal", case.systems)
            } else {
                "make PID 1 exit by itself at the end of its handler instead of re-raising the \
                 signal, or run it under an init (docker run --init, tini, dumb-init)"
                    .to_owned()
            },
        )
    } else if own.disposition == Disposition::Ignore {
        (
            "ignores it (SIG_IGN)",
            "remove what sets it to be ignored (trap '' TERM in a shell stays in force across \
             exec), and handle the signal"
                .to_owned(),
        )
    } else {
        (
            "has no handler for it, and the kernel drops such signals for PID 1",
            fix("pid1-ignores-stop-signal", case.systems),
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
        fix,
        evidence: evidence(&members),
    })
}
