//! `self-kill`: a process ended itself with SIGKILL, so that nothing of it could clean up.

use alloc::{format, vec::Vec};

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, fix, name},
};
use crate::{event::Process, ids::Seq, member::Member, role::Role, system::System};

const ID: &str = "self-kill";

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let killed_itself =
        |member: &&Member| member.kill.is_some_and(|kill| kill.role == Role::Itself);
    let members: Vec<&Member> = case
        .timeline
        .members
        .values()
        .filter(|member| member.died_of_sigkill())
        .filter(killed_itself)
        .collect();
    let first: &Member = members.first()?;
    let who = format!("{}{}", name(&first.process), and_more(&members));
    Some(case.finding(ID, Severity::Warning, summary(&who), evidence(&members)))
}

/// The finding about a process that nobody had asked to stop.
pub(crate) fn finding(process: &Process, systems: &[System], evidence: Vec<Seq>) -> Finding {
    Finding {
        id: ID,
        severity: Severity::Warning,
        summary: summary(&name(process)),
        fix: fix(ID, systems),
        evidence: super::case::sorted(evidence),
    }
}

fn summary(who: &str) -> alloc::string::String {
    format!("{who} sent SIGKILL to itself, as some programs do when a job exceeds its time limit")
}
