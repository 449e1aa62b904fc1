//! `events-lost`: events are missing from the window of this shutdown, so nothing is sure.

use super::{Case, Finding, Severity};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    case.lossy.then(|| Finding {
        id: "events-lost",
        severity: Severity::Warning,
        summary: "kernel events were lost while this workload was stopping: the verdicts of its \
                  processes can be wrong"
            .into(),
        fix:
            "look at the loss records: a process that sends signals or forks in a storm fills the \
              rings; stop it, or record again"
                .into(),
        evidence: alloc::vec![],
    })
}
