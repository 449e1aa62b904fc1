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
mod prestop_consumed_grace;
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
    /// The severities that it can have, the mildest first. (All findings of a provisional shutdown
    /// that ended without SIGKILL, as a reload by SIGHUP, are `info`.)
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
    prestop_consumed_grace::PAGE,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kebab_case(id: &str) -> bool {
        id.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
    }

    #[test]
    fn ids_are_unique_and_in_kebab_case() {
        for (number, page) in PAGES.iter().enumerate() {
            assert!(is_kebab_case(page.id), "{}", page.id);
            assert!(PAGES[..number].iter().all(|other| other.id != page.id), "{}", page.id);
        }
    }

    #[test]
    fn severities_are_in_order() {
        for Page { id, severities, .. } in PAGES {
            assert!(!severities.is_empty(), "{id}");
            assert!(severities.is_sorted_by(|a, b| a < b), "{id}: {severities:?}");
        }
    }

    #[test]
    fn texts_are_whole() {
        for page in PAGES {
            let sentences = [page.cause, page.detection, page.limits];
            assert!(sentences.iter().all(|text| text.ends_with('.')), "{}", page.id);
            let phrases = page.fixes.iter().map(|(_, fix)| *fix).chain([page.title, page.general]);
            for text in phrases.clone() {
                assert!(!text.ends_with('.'), "{}: {text}", page.id);
                assert!(text.len() <= 200, "{}: {text}", page.id);
            }
            for text in phrases.chain(sentences) {
                assert!(!text.trim().is_empty(), "{}", page.id);
                assert_eq!(text.matches('`').count() % 2, 0, "{}: code marks: {text}", page.id);
                assert!(!text.contains(char::is_control), "{}: {text}", page.id);
                assert!(!text.contains("  "), "{}: {text}", page.id);
            }
        }
    }

    #[test]
    fn fixes_are_for_several_systems_in_their_order() {
        for Page { id, fixes, .. } in PAGES {
            assert!(fixes.len() >= 4, "{id}");
            let place = |(system, _): &(System, &str)| System::ALL.iter().position(|s| s == system);
            assert!(fixes.is_sorted_by(|a, b| place(a) < place(b)), "{id}");
        }
    }

    #[test]
    fn a_fix_is_for_what_is_at_hand() {
        let page = page("zombie-not-reaped").unwrap();
        assert_eq!(page.fix(&[]), page.general);
        assert_eq!(page.fix(&[System::Systemd]), page.general, "it has no fix for this one");
        assert_eq!(
            page.fix(&[System::Compose, System::Docker]),
            "Docker: use `docker run --init`; Compose: set `init: true`"
        );
    }
}
