//! What `signal-trace explain` says of each finding, and what the fix of a case is made of.

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
mod pid1_ignores_stop_signal;
mod pidns_teardown_kill;
mod repeated_stop_signal;
mod self_kill;
mod stop_signal_blocked;
mod stop_signal_ignored;
mod stop_signal_mismatch;
mod stop_signal_not_forwarded;
mod unkillable_process;
mod zombie_not_reaped;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use super::Severity;
use crate::system::System;

/// The page of one finding. Texts are Markdown in running lines, without a full stop where they
/// are part of a sentence (`title`, `general`, `fixes`). No text holds a control character.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Stable id of the finding.
    pub id: &'static str,
    /// What it says, in half a sentence.
    pub title: &'static str,
    /// The severities that it can have, the mildest first. In a shutdown that nobody enforced
    /// (`SIGHUP` for a reload) all findings are `info` beside that.
    pub severities: &'static [Severity],
    /// Why this happens.
    pub cause: &'static str,
    /// What the kernel shows, and from which severity on it matters.
    pub detection: &'static str,
    /// What it cannot see or tell apart.
    pub limits: &'static str,
    /// The fix where no system is known; an imperative that can follow "fix: ".
    pub general: &'static str,
    /// The fix for a system; an imperative that can follow "Docker: ".
    pub fixes: &'static [(System, &'static str)],
}

/// Every page, in the order of the documentation.
pub const PAGES: &[Page] = &[
    pid1_ignores_stop_signal::PAGE,
    stop_signal_ignored::PAGE,
    stop_signal_blocked::PAGE,
    stop_signal_not_forwarded::PAGE,
    grace_period_exceeded::PAGE,
    grace_period_nearly_exceeded::PAGE,
    handler_does_not_exit::PAGE,
    no_stop_handler::PAGE,
    killed_without_stop_signal::PAGE,
    pidns_teardown_kill::PAGE,
    oom_kill::PAGE,
    crash_during_shutdown::PAGE,
    zombie_not_reaped::PAGE,
    orphan_left_behind::PAGE,
    unkillable_process::PAGE,
    stop_signal_mismatch::PAGE,
    repeated_stop_signal::PAGE,
    self_kill::PAGE,
    kill_from_outside::PAGE,
    events_lost::PAGE,
];

/// The page of the finding `id`.
pub fn page(id: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.id == id)
}

impl Page {
    /// The fix for a case in which these systems are at hand.
    pub fn fix(&self, at_hand: &[System]) -> String {
        let wanted = self.fixes.iter().filter(|(system, _)| at_hand.contains(system));
        let parts: Vec<_> =
            wanted.map(|(system, fix)| format!("{}: {fix}", system.name())).collect();
        if parts.is_empty() { self.general.to_owned() } else { parts.join("; ") }
    }
}
