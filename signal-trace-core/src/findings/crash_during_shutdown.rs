//! `crash-during-shutdown`: a process that was told to stop died of a fault or an abort.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds},
};
use crate::{member::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Crashed, |_| true);
    let first: &Member = members.first()?;
    let (own, ended) = (first.own_stop.as_ref()?, first.ended?);
    let signal = ended.status.signal()?;
    let core = if ended.status.core_dumped() { ", and dumped core" } else { "" };
    let summary = format!(
        "{}{} died of {signal} {} after {}{core}",
        name(&first.process),
        and_more(&members),
        seconds(ended.at.since(own.stop.at)),
        own.stop.signal,
    );
    Some(case.finding("crash-during-shutdown", Severity::Error, summary, evidence(&members)))
}
