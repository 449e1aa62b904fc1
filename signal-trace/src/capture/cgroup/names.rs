//! Answers "what is the path of this cgroup?" from a bounded memory, a process in it, or a walk.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use signal_trace_core::{
    ids::CgroupKey,
    time::{BootNs, SECOND},
};

use super::{Hierarchies, Place};

/// Paths remembered: cgroups that are gone included, since events of them still come.
const MAX_KNOWN: usize = 16_384;
/// Questions that wait for the next walk.
const MAX_WAITING: usize = 4_096;
/// A walk costs some milliseconds per thousand cgroups, so it must not follow every fork: it is
/// given a fiftieth of the time.
const REST_AFTER_WALK: u64 = 50;
/// Between two looks for those that are gone.
const FORGET_GONE_NS: u64 = 300 * SECOND;
/// What was looked for in vain is not looked for again so soon.
const FORGET_MISSING_NS: u64 = SECOND;

/// The paths of cgroups.
#[derive(Debug)]
pub struct CgroupNames {
    hierarchies: Hierarchies,
    known: HashMap<CgroupKey, Vec<u8>>,
    /// `known` in the order of arrival.
    order: VecDeque<CgroupKey>,
    waiting: BTreeSet<CgroupKey>,
    /// Looked for in vain, since the time beside.
    missing: BTreeSet<CgroupKey>,
    missing_since: BootNs,
    walk_again_at: BootNs,
    /// When those that are gone were last forgotten.
    tidied: BootNs,
}

impl CgroupNames {
    /// Knows nothing yet.
    pub fn new(hierarchies: Hierarchies) -> Self {
        Self {
            hierarchies,
            known: HashMap::new(),
            order: VecDeque::new(),
            waiting: BTreeSet::new(),
            missing: BTreeSet::new(),
            missing_since: BootNs(0),
            walk_again_at: BootNs(0),
            tidied: BootNs(0),
        }
    }

    /// The mounted hierarchies.
    pub const fn hierarchies(&self) -> &Hierarchies {
        &self.hierarchies
    }

    /// The place of the process whose `/proc/PID/cgroup` this is, which is remembered; and
    /// whether that cgroup is seen for the first time.
    pub fn place(&mut self, proc_cgroup: &[u8]) -> (Place, bool) {
        let place = self.hierarchies.place(proc_cgroup);
        let new = self.remember(place.key, &place.path);
        (place, new)
    }

    /// Remembers every cgroup that is there now, and tells them; of very many, some are looked for
    /// when they are needed.
    pub fn all(&mut self) -> Vec<(CgroupKey, Vec<u8>)> {
        let mut found = Vec::new();
        self.hierarchies.walk(|key, path| {
            if found.len() < MAX_KNOWN / 2 {
                found.push((key, path.to_vec()));
            }
        });
        for (key, path) in &found {
            self.remember(*key, path);
        }
        found
    }

    /// Whether it makes sense to look for the path of `key`: it is neither known nor looked for.
    pub fn is_unknown(&self, key: CgroupKey) -> bool {
        key != CgroupKey::Root
            && !self.known.contains_key(&key)
            && !self.waiting.contains(&key)
            && !self.missing.contains(&key)
    }

    /// The path of `key`, looked up by `pid`, a process that was seen in it; otherwise the
    /// question waits for [`CgroupNames::walk`].
    pub fn resolve(&mut self, key: CgroupKey, pid: u32) -> Option<Vec<u8>> {
        if let Some(path) = self.known.get(&key) {
            return Some(path.clone());
        }
        // The process may have moved on, or be another by now: the id decides.
        if let Some(place) = self.place_of(pid).filter(|place| place.key == key) {
            return Some(place.path);
        }
        if key != CgroupKey::Root && self.waiting.len() < MAX_WAITING {
            self.waiting.insert(key);
        }
        None
    }

    /// Whether a walk has something to look for and is not too soon.
    pub fn wants_walk(&self, now: BootNs) -> bool {
        !self.waiting.is_empty() && now >= self.walk_again_at
    }

    /// Looks for what is waiting; what is not found does not exist any more. `now` reads the
    /// clock.
    pub fn walk(&mut self, now: impl Fn() -> BootNs) -> Vec<(CgroupKey, Vec<u8>)> {
        let began = now();
        let waiting = std::mem::take(&mut self.waiting);
        let mut found = Vec::new();
        self.hierarchies.walk(|key, path| {
            if waiting.contains(&key) {
                found.push((key, path.to_vec()));
            }
        });
        for (key, path) in &found {
            self.remember(*key, path);
        }
        let ended = now();
        self.walk_again_at = ended.plus(ended.since(began).saturating_mul(REST_AFTER_WALK));
        if ended.since(self.missing_since) >= FORGET_MISSING_NS || self.missing.len() >= MAX_WAITING
        {
            self.missing.clear();
            self.missing_since = ended;
        }
        self.missing.extend(waiting.into_iter().filter(|key| !self.known.contains_key(key)));
        found
    }

    /// From time to time, forgets the cgroups that are not there any more: the engine has known them
    /// for long.
    pub fn forget_gone(&mut self, now: BootNs) {
        if now.since(self.tidied) < FORGET_GONE_NS {
            return;
        }
        self.tidied = now;
        let mut there = HashSet::new();
        self.hierarchies.walk(|key, _| {
            there.insert(key);
        });
        self.known.retain(|key, _| there.contains(key));
        self.order.retain(|key| there.contains(key));
    }

    fn place_of(&mut self, pid: u32) -> Option<Place> {
        let content = self.hierarchies.proc().process(pid).ok()??.read("cgroup").ok()??;
        Some(self.place(&content).0)
    }

    /// Remembers a path; tells whether it is new.
    pub fn remember(&mut self, key: CgroupKey, path: &[u8]) -> bool {
        if key == CgroupKey::Root || self.known.contains_key(&key) {
            return false;
        }
        if self.known.len() == MAX_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.known.insert(key, path.to_vec());
        self.order.push_back(key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::Tree, *};

    #[test]
    fn a_removed_cgroup_is_remembered_and_an_unknown_one_is_looked_for() {
        let tree = Tree::new("names");
        let (gone, there) =
            (CgroupKey::V2(tree.make("v2/gone")), CgroupKey::V2(tree.make("v2/there")));
        let mut names = CgroupNames::new(tree.hierarchies());
        assert!(names.place(b"0::/gone\n").1);
        assert!(!names.place(b"0::/gone\n").1);
        tree.remove("v2/gone");
        assert_eq!(names.resolve(gone, u32::MAX), Some(b"/gone".to_vec()));

        assert_eq!(names.resolve(there, u32::MAX), None);
        assert_eq!(names.resolve(CgroupKey::V2(1 << 40), u32::MAX), None);
        assert!(names.wants_walk(BootNs(0)));
        // A walk of 10 ns.
        let clock = std::cell::Cell::new(0);
        let walked = names.walk(|| BootNs(clock.replace(clock.get() + 10)));
        assert_eq!(walked, [(there, b"/there".to_vec())]);
        assert_eq!(names.resolve(there, u32::MAX), Some(b"/there".to_vec()));

        assert!(!names.is_unknown(there));
        assert!(!names.is_unknown(CgroupKey::V2(1 << 40)), "looked for in vain");
        assert!(names.is_unknown(CgroupKey::V1(7)));
        assert_eq!(names.resolve(CgroupKey::V1(7), u32::MAX), None);
        assert!(!names.wants_walk(BootNs(100)), "the last one has just been");
        assert!(names.wants_walk(BootNs(10 + 10 * REST_AFTER_WALK)));
    }

    #[test]
    fn what_is_gone_for_long_is_forgotten() {
        let tree = Tree::new("gone");
        let (gone, there) =
            (CgroupKey::V2(tree.make("v2/gone")), CgroupKey::V2(tree.make("v2/there")));
        let mut names = CgroupNames::new(tree.hierarchies());
        names.forget_gone(BootNs(FORGET_GONE_NS));
        assert!(names.place(b"0::/gone\n").1 && names.place(b"0::/there\n").1);
        tree.remove("v2/gone");
        names.forget_gone(BootNs(FORGET_GONE_NS + 1));
        assert!(!names.is_unknown(gone), "too soon");
        names.forget_gone(BootNs(2 * FORGET_GONE_NS));
        assert!(names.is_unknown(gone) && !names.is_unknown(there));
        assert_eq!(names.order.len(), names.known.len());
    }

    #[test]
    fn memory_is_bounded() {
        let tree = Tree::new("bounded");
        let mut names = CgroupNames::new(tree.hierarchies());
        for id in 2..MAX_KNOWN as u64 + 3 {
            assert!(names.remember(CgroupKey::V2(id), b"/x"));
        }
        assert_eq!((names.known.len(), names.order.len()), (MAX_KNOWN, MAX_KNOWN));
        assert!(!names.known.contains_key(&CgroupKey::V2(2)));
        assert!(names.known.contains_key(&CgroupKey::V2(MAX_KNOWN as u64 + 2)));
    }
}
