//! `no-stop-handler`: the main process has no handler and died by the signal's default action. It
//! stopped at once, and nothing was cleaned up.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{evidence, name},
};
use crate::verdict::ProcessVerdict;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let is_main = |id| id == case.timeline.main;
    let members =
        case.with_verdict(ProcessVerdict::DefaultAction, |member| is_main(member.process.id));
    let main = members.first()?;
    let signal = main.own_stop.as_ref()?.stop.signal;
    let summary = format!(
        "{} has no handler for {signal} and died of it, without cleaning up",
        name(&main.process)
    );
    Some(case.finding("no-stop-handler", Severity::Info, summary, evidence(&members)))
}
