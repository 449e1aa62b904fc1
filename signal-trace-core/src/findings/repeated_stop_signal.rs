//! `repeated-stop-signal`: somebody asked the same process to stop again, a second later or more.
//! (Inits that signal both a child and its group do so within milliseconds, and mean nothing.)

use alloc::{format, vec::Vec};

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name, seconds, sorted},
};
use crate::{member::Member, time::SECOND};

/// Who ends this soon after the repetition ended because of it.
const ANSWER_NS: u64 = SECOND;

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let again = |member: &Member| member.own_stop.as_ref().and_then(|own| own.again);
    let members: Vec<&Member> =
        case.timeline.members.values().filter(|member| again(member).is_some()).collect();
    let first: &Member = members.first()?;
    let (own, repeated) = (first.own_stop.as_ref()?, again(first)?);
    let answered = first.ended.is_some_and(|ended| {
        !first.died_of_sigkill()
            && ended.at >= repeated.at
            && ended.at.since(repeated.at) < ANSWER_NS
    });
    let summary = format!(
        "{}{} was sent {} again {} after the first{}",
        name(&first.process),
        and_more(&members),
        repeated.signal,
        seconds(repeated.at.since(own.stop.at)),
        if answered { ", and ended only then" } else { "" }
    );
    let repeats = members.iter().filter_map(|member| again(member)).map(|further| further.seq);
    let evidence = sorted(evidence(&members).into_iter().chain(repeats));
    Some(case.finding("repeated-stop-signal", Severity::Info, summary, evidence))
}
