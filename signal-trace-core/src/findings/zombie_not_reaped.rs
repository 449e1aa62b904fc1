//! `zombie-not-reaped`: a process is dead, and its parent has not asked how it ended.
//!
//! The engine asks `/proc` before it accuses: the kernel frees what was reaped only after an RCU
//! grace period, which can last 10 s (`CONFIG_RCU_LAZY`).

use alloc::{format, string::String};

use super::{
    Finding, Severity,
    case::{fix, name, seconds, sorted},
};
use crate::{event::Process, ids::Seq, signal::Disposition, system::System};

const ID: &str = "zombie-not-reaped";

/// A zombie that `/proc` has confirmed.
pub(crate) struct Zombie<'a> {
    pub process: &'a Process,
    pub parent: Option<&'a Process>,
    /// What the parent does with SIGCHLD.
    pub sigchld: Option<Disposition>,
    /// The parent is not the one that started it.
    pub orphaned: bool,
    pub age_ns: u64,
    /// Zombies of the workload, this one included.
    pub count: u64,
    pub systems: &'a [System],
    /// The record of the zombie, then that of its exit, if it was seen.
    pub evidence: (Seq, Option<Seq>),
}

pub(crate) fn finding(zombie: &Zombie<'_>) -> Finding {
    let parent = zombie.parent.map_or_else(|| "its parent".into(), name);
    let heir = match zombie.parent {
        Some(parent) if zombie.orphaned && parent.ns_pid == 1 => {
            ", which inherited it as PID 1 of its namespace,"
        }
        Some(_) if zombie.orphaned => ", which inherited it as a subreaper,",
        _ => "",
    };
    let sigchld = match zombie.sigchld {
        Some(Disposition::Default) => " (it has no handler for SIGCHLD)",
        Some(Disposition::Handler) => " (though it has a handler for SIGCHLD)",
        _ => "",
    };
    let count = match zombie.count {
        0 | 1 => String::new(),
        n => format!("; {n} zombies in this workload"),
    };
    Finding {
        id: ID,
        severity: Severity::Warning,
        summary: format!(
            "{} is dead for {} and {parent}{heir} has not reaped it{sigchld}{count}",
            name(zombie.process),
            seconds(zombie.age_ns)
        ),
        fix: fix(ID, zombie.systems),
        evidence: sorted([zombie.evidence.0].into_iter().chain(zombie.evidence.1)),
    }
}
