//! `stop-signal-mismatch`: the workload is asked to stop with a signal that the program does not
//! act upon, and acts upon another one.
//!
//! Above `info` only where the other signal was sent and ended it. That a handler exists proves
//! little: shells and language runtimes install some that stop nothing.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{does, evidence, name, seconds, sorted},
};
use crate::{
    config::Config,
    member::{Member, OwnStop},
    signal::Signal,
    system::System,
    verdict::ProcessVerdict,
};

const ID: &str = "stop-signal-mismatch";

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let deaf = case.with_verdict(ProcessVerdict::Ignored, |_| true);
    if let Some(finding) = deaf.iter().find_map(|member| ended_by_another(case, member)) {
        return Some(finding);
    }
    let mut unhandled = case.with_verdict(ProcessVerdict::DefaultAction, |_| true);
    unhandled.extend(deaf);
    unhandled.into_iter().find_map(|member| handles_another(case, member))
}

/// It dropped the stop signal, and went when it was sent another one.
fn ended_by_another(case: &Case<'_>, member: &Member) -> Option<Finding> {
    let own = member.own_stop.as_ref()?;
    let (other, ended) = (own.other?, member.ended?);
    // What ends long after it has its own reasons.
    // systemd sends a login shell HUP besides (SendSIGHUP=), and nobody stops a service with it.
    let answered = ended.at >= other.at
        && ended.at.since(other.at) <= case.grace_ns()
        && other.signal != Signal::HUP;
    if member.died_of_sigkill() || !answered {
        return None;
    }
    let summary = format!(
        "{} {} {}, and ended {} after {} was sent",
        name(&member.process),
        does(own.disposition),
        own.stop.signal,
        seconds(ended.at.since(other.at)),
        other.signal
    );
    let evidence = sorted(evidence(&[member]).into_iter().chain([other.seq]));
    Some(case.finding(ID, Severity::Warning, summary, evidence))
}

/// It has a handler for another signal that stops programs.
fn handles_another(case: &Case<'_>, member: &Member) -> Option<Finding> {
    let own = member.own_stop.as_ref()?;
    // A shell has handlers of its own, for its own sake, and so has a runtime that sends a signal to
    // itself again when the program has no handler.
    if System::of(&member.process) == Some(System::Shell) || own.reraised.is_some() {
        return None;
    }
    let other = another(own, case.config)?;
    let summary = format!(
        "{} {} {} but has a handler for {other}, which may be the signal that stops it",
        name(&member.process),
        does(own.disposition),
        own.stop.signal
    );
    Some(case.finding(ID, Severity::Info, summary, evidence(&[member])))
}

/// HUP is left out: most programs that handle it reload.
fn another(own: &OwnStop, config: &Config) -> Option<Signal> {
    [Signal::TERM, Signal::INT, Signal::QUIT]
        .into_iter()
        .chain(config.stop_signals.iter().copied())
        .find(|signal| *signal != own.stop.signal && own.caught & signal.bit() != 0)
}
