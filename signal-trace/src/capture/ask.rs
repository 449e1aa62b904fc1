//! Answers the engine's questions about the machine with facts.

use std::collections::BTreeSet;

use signal_trace_core::{
    ids::ProcessId,
    input::{Fact, FactBody},
    output::Ask,
};

use super::{
    cgroup::CgroupNames,
    clock,
    process::{Seen, look},
};

/// Questions that wait for an answer; the same one asked twice is answered once.
#[derive(Debug, Default)]
pub struct Asks(BTreeSet<Ask>);

impl Asks {
    /// Takes note of questions.
    pub fn add(&mut self, asks: impl IntoIterator<Item = Ask>) {
        self.0.extend(asks);
    }

    /// Answers all that can be answered now.
    pub fn answer(&mut self, cgroups: &mut CgroupNames) -> Vec<Fact> {
        let mut facts = Vec::new();
        for ask in std::mem::take(&mut self.0) {
            match ask {
                Ask::Process(id) => facts.extend(process(id, cgroups)),
                Ask::Cgroup(key, process) => {
                    let at = clock::boot_now();
                    if let Some(path) = cgroups.resolve(key, process.pid) {
                        facts.push(Fact { at, body: FactBody::Cgroup { key, path } });
                    }
                }
            }
        }
        let at = clock::boot_now();
        if cgroups.wants_walk(at) {
            let found = cgroups.walk(clock::boot_now).into_iter();
            facts
                .extend(found.map(|(key, path)| Fact { at, body: FactBody::Cgroup { key, path } }));
        }
        facts
    }
}

fn process(id: ProcessId, cgroups: &mut CgroupNames) -> Vec<Fact> {
    let at = clock::boot_now();
    match look(id.pid, cgroups) {
        Ok(Seen::Process(found, facts) | Seen::Ending(found, facts)) if found == id => {
            with_parent(facts, cgroups)
        }
        // Nobody, or another one that got the same pid.
        Ok(_) => vec![Fact { at, body: FactBody::ProcessGone(id) }],
        Err(error) => {
            // No answer is better than a wrong one: it is not known to be gone.
            tracing::warn!("cannot look at process {}: {error}", id.pid);
            vec![]
        }
    }
}

/// Of a zombie, who should reap it and what that one does with SIGCHLD is of interest too, and has
/// to be known first.
fn with_parent(facts: Vec<Fact>, cgroups: &mut CgroupNames) -> Vec<Fact> {
    let zombie = facts.iter().find_map(|fact| match &fact.body {
        FactBody::Process(process) if process.zombie.is_some() => {
            Some((process.id, process.parent?))
        }
        _ => None,
    });
    let Some((id, parent)) = zombie else { return facts };
    let Ok(Seen::Process(_, of_parent)) = look(parent.pid, cgroups) else { return facts };
    // Once more, so that it comes after its parent: facts are put in the order of their times.
    match look(id.pid, cgroups) {
        Ok(Seen::Process(found, again)) if found == id => [of_parent, again].concat(),
        _ => facts,
    }
}

#[cfg(test)]
mod tests {
    use signal_trace_core::ids::CgroupKey;

    use super::*;
    use crate::capture::{cgroup::Hierarchies, procfs::Root};

    #[test]
    fn a_process_is_known_by_pid_and_start() {
        let mut cgroups =
            CgroupNames::new(Hierarchies::discover(&Root::default()).expect("readable"));
        let Seen::Process(us, _) = look(std::process::id(), &mut cgroups).expect("readable") else {
            panic!("we are there")
        };
        let other = ProcessId { start_ticks: us.start_ticks + 1, ..us };
        let mut asks = Asks::default();
        asks.add([Ask::Process(us), Ask::Process(us), Ask::Process(other)]);
        let facts = asks.answer(&mut cgroups);
        let found: Vec<_> = facts
            .iter()
            .filter_map(|fact| match &fact.body {
                FactBody::Process(fact) => Some((true, fact.id)),
                FactBody::ProcessGone(id) => Some((false, *id)),
                FactBody::Cgroup { .. } | FactBody::Workload { .. } => None,
            })
            .collect();
        assert_eq!(found, [(true, us), (false, other)]);
        assert_eq!(asks.answer(&mut cgroups), []);
    }

    #[test]
    fn a_cgroup_that_nobody_knows_has_no_answer() {
        let mut cgroups =
            CgroupNames::new(Hierarchies::discover(&Root::default()).expect("readable"));
        let nobody = ProcessId { pid: u32::MAX, start_ticks: 0 };
        let mut asks = Asks::default();
        asks.add([Ask::Cgroup(CgroupKey::V2(u64::MAX), nobody)]);
        assert_eq!(asks.answer(&mut cgroups), []);
    }
}
