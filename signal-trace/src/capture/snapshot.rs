//! All processes that are there already when tracing begins, zombies included.

use std::{io, mem};

use signal_trace_core::input::{Fact, FactBody};

use super::{
    cgroup::CgroupNames,
    process::{Seen, look},
    procfs::Root,
};

/// A scan of `/proc` in steps, so that the rings can be read between them.
#[derive(Debug)]
pub struct Snapshot {
    pids: std::vec::IntoIter<u32>,
    /// Those that were ending. Whoever passed the place of the exit event before the programs were
    /// attached, and is not freed yet, would be taken for alive, and his exit for lost. Later they
    /// are zombies, or nobody.
    ending: Vec<u32>,
    /// Whether `pids` are those.
    again: bool,
}

impl Snapshot {
    /// Lists the processes. Take it after the programs are attached: who is born later has a fork
    /// event, and nobody falls between.
    pub fn take(proc: &Root) -> io::Result<Self> {
        let pids = proc.pids()?.into_iter();
        Ok(Self { pids, ending: Vec::new(), again: false })
    }

    /// Facts of the next few processes; `None` after the last. One that cannot be read is left
    /// out with a warning: events about it still come.
    pub fn next_facts(&mut self, cgroups: &mut CgroupNames) -> Option<Vec<Fact>> {
        const STEP: usize = 32;
        if self.pids.len() == 0 {
            if self.ending.is_empty() {
                return None;
            }
            self.pids = mem::take(&mut self.ending).into_iter();
            self.again = true;
        }
        let mut facts = Vec::with_capacity(STEP);
        for pid in self.pids.by_ref().take(STEP) {
            match look(pid, cgroups) {
                Ok(Seen::Process(_, more)) => facts.extend(more),
                Ok(Seen::Ending(_, more)) => {
                    // If its exit event is still to come, that tells all that there is to know.
                    facts.extend(more.into_iter().filter(is_of_cgroup));
                    if !self.again {
                        self.ending.push(pid);
                    }
                }
                Ok(Seen::KernelThread | Seen::Nobody) => {}
                Err(error) => tracing::warn!("cannot look at process {pid}: {error}"),
            }
        }
        Some(facts)
    }
}

fn is_of_cgroup(fact: &Fact) -> bool {
    matches!(fact.body, FactBody::Cgroup { .. })
}

#[cfg(test)]
mod tests {
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
