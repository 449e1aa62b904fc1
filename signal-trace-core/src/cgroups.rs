//! What is known of cgroups: their paths, and what their managers say of the workloads in them.

use alloc::{collections::BTreeMap, rc::Rc, vec::Vec};

use crate::{ids::CgroupKey, time::BootNs, workload::Workload};

/// Cgroups that are remembered at most; beyond it those that nobody needs are forgotten.
const MAX_CGROUPS: usize = 16_384;

/// One cgroup.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its path, if known.
    pub path: Option<Vec<u8>>,
    /// What its manager says, if that is known.
    pub workload: Option<Rc<Workload>>,
    /// When it was made; `None` if it was there before.
    pub born: Option<BootNs>,
    /// When something of it was last learned.
    pub told: BootNs,
}

/// Cgroups by their key.
#[derive(Debug)]
pub struct Cgroups {
    known: BTreeMap<CgroupKey, Known>,
    room: usize,
}

impl Cgroups {
    pub const fn new() -> Self {
        Self { known: BTreeMap::new(), room: MAX_CGROUPS }
    }

    pub fn contains(&self, key: CgroupKey) -> bool {
        self.known.contains_key(&key)
    }

    /// The path; empty if it is not known.
    pub fn path(&self, key: CgroupKey) -> &[u8] {
        match key {
            CgroupKey::Root => b"/",
            key => self.known.get(&key).and_then(|it| it.path.as_deref()).unwrap_or_default(),
        }
    }

    pub fn workload(&self, key: CgroupKey) -> Option<&Rc<Workload>> {
        self.known.get(&key)?.workload.as_ref()
    }

    pub fn born(&self, key: CgroupKey) -> Option<BootNs> {
        self.known.get(&key)?.born
    }

    /// The entry of `key`, to be filled in. Where there is no more room, those are forgotten for
    /// which `is_needed` does not hold: of a cgroup that is gone, events still come for a while.
    pub fn entry(&mut self, key: CgroupKey, is_needed: impl Fn(CgroupKey) -> bool) -> &mut Known {
        if self.known.len() >= self.room && !self.known.contains_key(&key) {
            self.known.retain(|key, _| is_needed(*key));
            // Where more than that are needed, they are not all looked at for each new one.
            self.room = MAX_CGROUPS.max(2 * self.known.len());
        }
        self.known.entry(key).or_default()
    }

    /// Forgets those of which nothing was learned since `before`, and for which `is_needed` does not
    /// hold. What becomes of use again is asked for again.
    pub fn forget_before(&mut self, before: BootNs, is_needed: impl Fn(CgroupKey) -> bool) {
        self.known.retain(|key, known| known.told >= before || is_needed(*key));
    }

    /// Those that are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_needed_are_kept() {
        let mut cgroups = Cgroups::new();
        for id in 0..4 * MAX_CGROUPS as u64 {
            let key = CgroupKey::V2(id);
            cgroups.entry(key, |key| key == CgroupKey::V2(7)).path = Some(b"/x".to_vec());
            assert_eq!(cgroups.path(key), b"/x");
        }
        assert!(cgroups.len() <= MAX_CGROUPS);
        assert_eq!(cgroups.path(CgroupKey::V2(7)), b"/x");
        assert_eq!(cgroups.path(CgroupKey::V2(8)), b"");
    }
}
