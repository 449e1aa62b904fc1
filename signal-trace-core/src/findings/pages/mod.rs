//! What `signal-trace explain` says of each finding, and what the fix of a case is made of.

mod pid1_ignores_stop_signal;

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use crate::system::System;

/// The page of one finding. Texts are Markdown in running lines, without a full stop where they
/// are part of a sentence (`title`, `general`, `fixes`).
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Stable id of the finding.
    pub id: &'static str,
    /// What it says, in half a sentence.
    pub title: &'static str,
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

/// Every page, by id.
pub const PAGES: &[Page] = &[pid1_ignores_stop_signal::PAGE];

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
