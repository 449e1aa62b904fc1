//! `events-lost`: events are missing from the window of this shutdown, so nothing is sure.

use alloc::vec;

use super::{Case, Finding, Severity};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let summary = "kernel events were lost while this workload was stopping: the verdicts of its \
                   processes can be wrong";
    case.lossy.then(|| case.finding("events-lost", Severity::Warning, summary.into(), vec![]))
}
