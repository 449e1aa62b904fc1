//! All processes that are there already when tracing begins, zombies included.

use std::io;

use signal_trace_core::input::Fact;

use super::{
    cgroup::CgroupNames,
    process::{Seen, look},
    procfs::Root,
};

/// A scan of `/proc` in steps, so that the rings can be read between them.
#[derive(Debug)]
pub struct Snapshot {
    pids: std::vec::IntoIter<u32>,
}

impl Snapshot {
    /// Lists the processes. Take it after the programs are attached: who is born later has a fork
    /// event, and nobody falls between.
    pub fn take(proc: &Root) -> io::Result<Self> {
        Ok(Self { pids: proc.pids()?.into_iter() })
    }

    /// Facts of the next few processes; `None` after the last. One that cannot be read is left
    /// out with a warning: events about it still come.
    pub fn next_facts(&mut self, cgroups: &mut CgroupNames) -> Option<Vec<Fact>> {
        const STEP: usize = 32;
        if self.pids.len() == 0 {
            return None;
        }
        let mut facts = Vec::with_capacity(STEP);
        for pid in self.pids.by_ref().take(STEP) {
            match look(pid, cgroups) {
                Ok(Seen::Process(_, more)) => facts.extend(more),
                Ok(Seen::KernelThread | Seen::Nobody) => {}
                Err(error) => tracing::warn!("cannot look at process {pid}: {error}"),
            }
        }
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use signal_trace_core::input::FactBody;

    use super::*;
    use crate::capture::{cgroup::Hierarchies, clock};

    #[test]
    fn it_holds_us_once_and_its_times_lie_within_the_scan() {
        let mut cgroups =
            CgroupNames::new(Hierarchies::discover(&Root::default()).expect("readable"));
        let before = clock::boot_now();
        let mut snapshot = Snapshot::take(&Root::default()).expect("/proc is readable");
        let mut facts = Vec::new();
        while let Some(more) = snapshot.next_facts(&mut cgroups) {
            facts.extend(more);
        }
        let after = clock::boot_now();
        assert!(facts.iter().all(|fact| before <= fact.at && fact.at <= after));
        let us = facts.iter().filter(|fact| {
            matches!(&fact.body, FactBody::Process(fact) if fact.id.pid == std::process::id())
        });
        assert_eq!(us.count(), 1);
    }
}
