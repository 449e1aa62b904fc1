//! `zombie-not-reaped`: a process is dead, and its parent has not asked how it ended.
//!
//! The engine asks `/proc` before it accuses: the kernel frees what was reaped only after an RCU
//! grace period, which can last 10 s (`CONFIG_RCU_LAZY`).

use alloc::{format, vec};

use super::{Finding, Severity, name, seconds};
use crate::{event::Process, ids::Seq};

/// A zombie that `/proc` has confirmed.
pub(crate) struct Zombie<'a> {
    pub process: &'a Process,
    pub parent: Option<&'a Process>,
    pub age_ns: u64,
    /// The record of the zombie, then that of its exit, if it was seen.
    pub evidence: (Seq, Option<Seq>),
}

pub(crate) fn finding(zombie: &Zombie<'_>) -> Finding {
    let parent = zombie.parent.map_or_else(|| "its parent".into(), name);
    let fix = if zombie.parent.is_some_and(|parent| parent.ns_pid == 1 && parent.ns_level > 0) {
        "run the container under an init that reaps (docker run --init, Compose init: true, tini, \
         dumb-init; in Kubernetes an init in the image or shareProcessNamespace: true)"
    } else {
        "let the parent call waitpid(2) on SIGCHLD, or set SIGCHLD to SIG_IGN if it does not want \
         to know how its children end"
    };
    let mut evidence = vec![zombie.evidence.0];
    evidence.extend(zombie.evidence.1);
    evidence.sort_unstable();
    Finding {
        id: "zombie-not-reaped",
        severity: Severity::Warning,
        summary: format!(
            "{} is dead for {} and {parent} has not reaped it",
            name(zombie.process),
            seconds(zombie.age_ns)
        ),
        fix: fix.into(),
        evidence,
    }
}
