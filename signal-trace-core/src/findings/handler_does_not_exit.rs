//! `handler-does-not-exit`: a handler ran, and then nothing came of it.
//!
//! Only after a full grace period, and only if the process did nothing in it that can be seen: it
//! told nobody else to stop, no child of it ended, and it started none. A handler that sets a flag
//! which nobody reads looks like this, and so does a shell whose trap waits for its foreground
//! command.

use alloc::format;

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds},
};
use crate::{
    member::{Member, ONE_REQUEST_NS},
    verdict::ProcessVerdict,
};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::Overran, |member| applies(case, member));
    let first: &Member = members.first()?;
    let own = first.own_stop.as_ref()?;
    let summary = format!(
        "the handler of {}{} took {}, but in the whole grace period of {} nothing followed; {}",
        name(&first.process),
        and_more(&members),
        own.stop.signal,
        seconds(case.grace_ns()),
        case.fate(first)
    );
    Some(case.finding("handler-does-not-exit", Severity::Warning, summary, evidence(&members)))
}

fn applies(case: &Case<'_>, member: &Member) -> bool {
    let Some(own) = member.own_stop.as_ref().filter(|own| own.handled() && !own.halted) else {
        return false;
    };
    let id = member.process.id;
    // Until it was killed, if it was: what ends then tells nothing.
    let until = member.kill.map_or(case.now, |kill| kill.at).min(case.now);
    let ended_late = member.ended.is_some() && !member.died_of_sigkill();
    // Who was told late, or took it late, did not have all of it.
    let had = own.delivered.map_or(0, |(_, taken, _)| until.since(taken));
    let full_grace = until >= case.grace_end()
        && had.saturating_add(ONE_REQUEST_NS) >= case.grace_ns()
        && !ended_late;
    let forwarded = case.timeline.forwards.iter().any(|forward| forward.from == id);
    let child_ended = own.child_ended.is_some_and(|ended| ended < until);
    let new_child = |child: &Member| child.lineage == Some(id) && !child.from_start;
    full_grace && !forwarded && !child_ended && !case.timeline.members.values().any(new_child)
}
