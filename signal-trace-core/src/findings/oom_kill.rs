//! `oom-kill`: the kernel killed a process because memory ran out (`oom_kill_process()`,
//! `mm/oom_kill.c`).

use alloc::{format, string::String};

use super::{
    Case, Finding, Severity,
    case::{and_more, evidence, name},
};
use crate::{member::Member, verdict::ProcessVerdict};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let members = case.with_verdict(ProcessVerdict::OomKilled, |_| true);
    let first: &Member = members.first()?;
    let when = match &case.timeline.stop {
        Some(stop) if first.kill.is_some_and(|kill| kill.at >= stop.at) => {
            format!(" after {} had asked it to stop", stop.signal)
        }
        _ if first.process.id != case.timeline.main && case.timeline.main_lives() => {
            "; the main process of the workload goes on without it".into()
        }
        _ => String::new(),
    };
    let summary = format!(
        "{}{} was killed by the OOM killer{when}",
        name(&first.process),
        and_more(&members)
    );
    Some(case.finding("oom-kill", Severity::Error, summary, evidence(&members)))
}
