//! What was learned of which container, and who waits to hear it.

use std::{collections::HashMap, num::NonZeroUsize};

use lru::LruCache;
use signal_trace_core::{
    ids::CgroupKey,
    input::{Fact, FactBody},
    time::BootNs,
    workload::Workload,
};

use super::{
    Subject, SubjectId, is_outermost,
    kube::{self, Pods},
    worker::Found,
};

/// Containers that are remembered.
const MOST_KNOWN: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");
/// Cgroups of one container that hear of it: systemd in one makes hundreds.
const MOST_CGROUPS: usize = 1024;

/// Lookups under way, and containers that are known.
pub(super) struct Cache {
    under_way: HashMap<SubjectId, Entry>,
    known: LruCache<SubjectId, Entry>,
    pods: Pods,
}

/// What is to be done about a subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Todo {
    /// Ask the sources.
    pub ask: bool,
    /// Tell what is known.
    pub tell: Option<Fact>,
}

#[derive(Default)]
struct Entry {
    /// The container's outermost cgroup: another one is another run of it, after a restart.
    outermost: Option<CgroupKey>,
    /// With when each was seen last: a guess may have been told of it then.
    cgroups: Vec<(CgroupKey, BootNs)>,
    /// Of its first cgroup that was seen.
    path: Vec<u8>,
    learned: Option<Learned>,
    /// The pod that it is in.
    pod: Option<String>,
    /// What was learned, completed by what is known of the pod.
    told: Option<Workload>,
}

struct Learned {
    workload: Box<Workload>,
    by_engine: bool,
}

impl Cache {
    pub fn new() -> Self {
        Self { under_way: HashMap::new(), known: LruCache::new(MOST_KNOWN), pods: Pods::default() }
    }

    /// How many lookups are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Takes note of one more subject at `now`.
    pub fn want(&mut self, subject: &Subject, now: BootNs) -> Todo {
        let identity = SubjectId::of(subject);
        if let Some(entry) = self.under_way.get_mut(&identity) {
            return Todo { ask: false, tell: entry.join(subject, now, &self.pods) };
        }
        let restarted = |entry: &Entry| {
            is_outermost(subject) && entry.outermost.is_some_and(|known| known != subject.key)
        };
        let known = self.known.pop(&identity).filter(|entry| !restarted(entry));
        let mut entry = known.unwrap_or_default();
        let tell = entry.join(subject, now, &self.pods);
        let ask = entry.learned.is_none();
        if ask {
            self.under_way.insert(identity, entry);
        } else {
            self.known.put(identity, entry);
        }
        Todo { ask, tell }
    }

    /// Takes note of an answer; the facts that follow.
    pub fn found(&mut self, found: Found) -> Vec<Fact> {
        let identity = SubjectId::of(&found.subject);
        let entry = match self.under_way.get_mut(&identity) {
            Some(entry) => entry,
            None => self.known.get_or_insert_mut(identity, Entry::default),
        };
        // It is new to an entry that was forgotten meanwhile.
        if !entry.cgroups.iter().any(|(key, _)| *key == found.subject.key) {
            entry.note(&found.subject, found.at);
        }
        let by_engine = found.by.is_engine();
        if let Some(learned) = &entry.learned {
            // Files of a runtime know less than the engine above it.
            let less = learned.by_engine && !by_engine;
            if less || learned.workload == found.workload {
                return Vec::new();
            }
        }
        entry.learned = Some(Learned { workload: found.workload, by_engine });
        entry.tell(found.at, &self.pods)
    }

    /// Takes note of what is new of pods; the facts that follow.
    pub fn pods_changed(&mut self, change: kube::Change) -> Vec<Fact> {
        let at = change.at();
        let Self { under_way, known, pods } = self;
        let changed = pods.take_in(change);
        let known = known.iter_mut().map(|(_, entry)| entry);
        let entries = under_way.values_mut().chain(known);
        entries
            .filter(|entry| entry.pod.as_ref().is_some_and(|uid| changed.contains(uid)))
            .flat_map(|entry| entry.tell(at, pods))
            .collect()
    }

    /// A lookup is over.
    pub fn done(&mut self, identity: &SubjectId) {
        if let Some((identity, entry)) = self.under_way.remove_entry(identity)
            // A container that nobody knew may be one that a source is asked about later.
            && (entry.learned.is_some() || matches!(identity, SubjectId::Container(_)))
        {
            self.known.put(identity, entry);
        }
    }
}

impl Entry {
    /// One more cgroup of it; what is known already.
    fn join(&mut self, subject: &Subject, now: BootNs, pods: &Pods) -> Option<Fact> {
        self.note(subject, now);
        if self.told.is_none() {
            self.told = self.completed(pods);
        }
        self.told.as_ref().map(|told| fact(subject.key, now, told))
    }

    fn note(&mut self, subject: &Subject, now: BootNs) {
        if is_outermost(subject) {
            self.outermost = Some(subject.key);
        }
        if self.cgroups.is_empty() {
            self.path.clone_from(&subject.path);
            self.pod = kube::pod_uid(&self.path, None);
        }
        if let Some((_, seen)) = self.cgroups.iter_mut().find(|(key, _)| *key == subject.key) {
            *seen = now;
        } else if self.cgroups.len() < MOST_CGROUPS {
            self.cgroups.push((subject.key, now));
        }
    }

    /// What is new to all of its cgroups. An answer is as old as its question, and a cgroup may have
    /// been seen after that: then it is told later than what was guessed of it.
    fn tell(&mut self, at: BootNs, pods: &Pods) -> Vec<Fact> {
        let learned = self.learned.as_ref().map(|learned| &*learned.workload);
        self.pod = kube::pod_uid(&self.path, learned);
        let completed = self.completed(pods);
        if completed == self.told {
            return Vec::new();
        }
        self.told = completed;
        let told = self.told.iter();
        let of_all = |told| {
            let cgroups = self.cgroups.iter();
            cgroups.map(move |(key, seen)| fact(*key, at.max(seen.plus(1)), told))
        };
        told.flat_map(of_all).collect()
    }

    fn completed(&self, pods: &Pods) -> Option<Workload> {
        let learned = self.learned.as_ref().map(|learned| &*learned.workload);
        pods.complete(self.pod.as_deref(), &self.path, learned, self.told.as_ref())
    }
}

fn fact(key: CgroupKey, at: BootNs, workload: &Workload) -> Fact {
    Fact { at, body: FactBody::Workload { key, workload: Box::new(workload.clone()) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::options::Manager;

    fn subject(key: u64) -> Subject {
        Subject { key: CgroupKey::V2(key), path: format!("/kubepods/pod1/{:064x}", 7).into() }
    }

    #[test]
    fn what_is_known_is_told_later_than_what_was_guessed_of_a_cgroup_seen_meanwhile() {
        let mut cache = Cache::new();
        assert!(cache.want(&subject(1), BootNs(100)).ask);
        // The question was sent, and a container has a cgroup in each hierarchy.
        let second = cache.want(&subject(2), BootNs(300));
        assert_eq!(second, Todo { ask: false, tell: None });
        let workload = Workload { name: Some("app".into()), ..Workload::default() };
        let found = Found {
            subject: subject(1),
            at: BootNs(200),
            by: Manager::Containerd,
            workload: Box::new(workload),
        };
        let facts = cache.found(found);
        let times: Vec<_> = facts.iter().map(|fact| fact.at.0).collect();
        assert_eq!(times, [200, 301]);
    }
}
