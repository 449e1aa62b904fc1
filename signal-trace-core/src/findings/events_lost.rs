//! `events-lost`: events are missing from the window of this shutdown, or came out of order, so
//! nothing is sure.

use alloc::vec;

use super::{Case, Finding, Severity};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let summary = "kernel events were lost, or came too late to be put in order, while this \
                   workload was stopping: the verdicts of its processes can be wrong";
    case.lossy.then(|| case.finding("events-lost", Severity::Warning, summary.into(), vec![]))
}
