//! What was learned of which container, and who waits to hear it.

use std::{collections::HashMap, num::NonZeroUsize};

use lru::LruCache;
use signal_trace_core::{
    ids::CgroupKey,
    input::{Fact, FactBody},
    time::BootNs,
    workload::Workload,
};

use super::{Identity, Subject, is_outermost, keeper::Found};

/// Containers that are remembered.
const MOST_KNOWN: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");
/// Cgroups of one container that hear of it: systemd in one makes hundreds.
const MOST_CGROUPS: usize = 1024;

/// Errands under way, and containers that are known.
pub(super) struct Book {
    under_way: HashMap<Identity, Entry>,
    known: LruCache<Identity, Entry>,
}

/// What is to be done about a subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Todo {
    /// Ask the sources.
    Ask,
    /// Nothing: they are being asked.
    Wait,
    /// Tell what is known.
    Tell(Fact),
}

#[derive(Default)]
struct Entry {
    /// The container's outermost cgroup: another one is another run of it, after a restart.
    outermost: Option<CgroupKey>,
    cgroups: Vec<CgroupKey>,
    learned: Option<Learned>,
}

struct Learned {
    workload: Box<Workload>,
    by_engine: bool,
}

impl Book {
    pub fn new() -> Self {
        Self { under_way: HashMap::new(), known: LruCache::new(MOST_KNOWN) }
    }

    /// How many errands are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Takes note of one more subject at `now`.
    pub fn want(&mut self, subject: &Subject, now: BootNs) -> Todo {
        let identity = Identity::of(subject);
        if let Some(entry) = self.under_way.get_mut(&identity) {
            return entry.join(subject, now).unwrap_or(Todo::Wait);
        }
        let restarted = |entry: &Entry| {
            is_outermost(subject) && entry.outermost.is_some_and(|known| known != subject.key)
        };
        let known = self.known.pop(&identity).filter(|entry| !restarted(entry));
        let mut entry = known.unwrap_or_default();
        let tell = entry.join(subject, now);
        if let Some(tell) = tell {
            self.known.put(identity, entry);
            return tell;
        }
        self.under_way.insert(identity, entry);
        Todo::Ask
    }

    /// Takes note of an answer; the facts that follow.
    pub fn found(&mut self, found: Found) -> Vec<Fact> {
        let identity = Identity::of(&found.subject);
        let entry = match self.under_way.get_mut(&identity) {
            Some(entry) => entry,
            None => self.known.get_or_insert_mut(identity, Entry::default),
        };
        // It is new to an entry that was forgotten meanwhile.
        entry.join(&found.subject, found.at);
        let by_engine = found.by.is_engine();
        if let Some(learned) = &entry.learned {
            // Files of a runtime know less than the engine above it.
            let less = learned.by_engine && !by_engine;
            if less || learned.workload == found.workload {
                return Vec::new();
            }
        }
        let facts = entry.cgroups.iter().map(|key| fact(*key, found.at, &found.workload)).collect();
        entry.learned = Some(Learned { workload: found.workload, by_engine });
        facts
    }

    /// An errand is over.
    pub fn done(&mut self, identity: &Identity) {
        if let Some((identity, entry)) = self.under_way.remove_entry(identity)
            // A container that nobody knew may be one that a source is asked about later.
            && (entry.learned.is_some() || matches!(identity, Identity::Container(_)))
        {
            self.known.put(identity, entry);
        }
    }
}

impl Entry {
    /// One more cgroup of it; what is known already.
    fn join(&mut self, subject: &Subject, now: BootNs) -> Option<Todo> {
        if is_outermost(subject) {
            self.outermost = Some(subject.key);
        }
        if !self.cgroups.contains(&subject.key) && self.cgroups.len() < MOST_CGROUPS {
            self.cgroups.push(subject.key);
        }
        let learned = self.learned.as_ref()?;
        Some(Todo::Tell(fact(subject.key, now, &learned.workload)))
    }
}

fn fact(key: CgroupKey, at: BootNs, workload: &Workload) -> Fact {
    Fact { at, body: FactBody::Workload { key, workload: Box::new(workload.clone()) } }
}
