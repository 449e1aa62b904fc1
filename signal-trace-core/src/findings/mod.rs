//! Findings: one rule per file, each a pure function of a reported timeline.

mod case;
mod crash_during_shutdown;
mod events_lost;
mod grace_period_exceeded;
mod grace_period_nearly_exceeded;
mod handler_does_not_exit;
mod kill_from_outside;
mod killed_without_stop_signal;
mod no_stop_handler;
mod oom_kill;
mod orphan_left_behind;
pub mod pages;
mod pid1_ignores_stop_signal;
mod pidns_teardown_kill;
mod prestop_consumed_grace;
mod repeated_stop_signal;
pub(crate) mod self_kill;
mod stop_signal_blocked;
mod stop_signal_ignored;
mod stop_signal_mismatch;
mod stop_signal_not_forwarded;
mod unkillable_process;
pub(crate) mod zombie_not_reaped;

use alloc::{string::String, vec::Vec};

pub(crate) use self::case::Case;
use crate::ids::Seq;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing went wrong by it.
    Info,
    /// It will hurt sooner or later.
    Warning,
    /// Work was cut off, or something was left behind.
    Error,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding about one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// This case, in one sentence. Names in it are escaped.
    pub summary: String,
    /// What to do about it.
    pub fix: String,
    /// Records that show it.
    pub evidence: Vec<Seq>,
}

/// A rule: what it has to say of a case.
type Rule = fn(&Case<'_>) -> Option<Finding>;

/// Causes before their consequences.
const RULES: &[Rule] = &[
    pid1_ignores_stop_signal::check,
    stop_signal_ignored::check,
    stop_signal_blocked::check,
    stop_signal_mismatch::check,
    stop_signal_not_forwarded::check,
    orphan_left_behind::check,
    oom_kill::check,
    crash_during_shutdown::check,
    self_kill::check,
    killed_without_stop_signal::check,
    kill_from_outside::check,
    unkillable_process::check,
    pidns_teardown_kill::check,
    prestop_consumed_grace::check,
    handler_does_not_exit::check,
    grace_period_exceeded::check,
    grace_period_nearly_exceeded::check,
    repeated_stop_signal::check,
    no_stop_handler::check,
    events_lost::check,
];

/// What they accuse of is that something did not come; where events were lost, it may have.
const SAY_THAT_NOTHING_CAME: [&str; 6] = [
    "stop-signal-not-forwarded",
    "orphan-left-behind",
    "killed-without-stop-signal",
    "handler-does-not-exit",
    "grace-period-nearly-exceeded",
    "prestop-consumed-grace",
];

/// All findings of a case, the worst first; among equals in the order of the rules.
pub(crate) fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().filter_map(|rule| rule(case)).collect();
    // Who outlives a hang-up or an interrupt that nobody enforced does so on purpose (nohup).
    if case.timeline.provisional && !case.was_enforced() {
        for finding in findings.iter_mut().filter(|finding| finding.id != "events-lost") {
            finding.severity = Severity::Info;
        }
    }
    if case.lossy {
        findings.retain(|finding| !SAY_THAT_NOTHING_CAME.contains(&finding.id));
    }
    findings.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
    findings
}
