//! Ids of cgroups in the two hierarchies that the records know: v2, and one of v1.

use crate::common::layout::ABSENT;

use crate::{globals::layout, memory::Address};

/// Which of the two hierarchies a `struct cgroup` is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hierarchy {
    V2,
    V1,
}

/// The hierarchy of a cgroup; `None` if it is one of v1 that the records do not tell of.
#[inline(always)]
pub fn hierarchy_of(cgroup: Address) -> Option<Hierarchy> {
    let root = cgroup.follow(|l| &l.cgroup_root);
    // The default hierarchy has the id 0 (cgroup_init(), kernel/cgroup/cgroup.c).
    if root.read::<u32>(|l| &l.cgroup_root_hierarchy_id) == 0 {
        return Some(Hierarchy::V2);
    }
    let subsystem = match layout(|l| &l.cgroup_v1_subsys) {
        ABSENT => return None,
        subsystem => u64::from(subsystem),
    };
    let state = cgroup.member(|l| &l.cgroup_subsys).plus(subsystem * 8).load_pointer();
    (!state.is_null()).then_some(Hierarchy::V1)
}

/// The cgroup of a `struct css_set` in the v1 hierarchy; NULL if there is none.
#[inline(always)]
pub fn v1_of(css_set: Address) -> Address {
    match layout(|l| &l.cgroup_v1_subsys) {
        ABSENT => Address::new(0),
        subsystem => css_set
            .member(|l| &l.css_set_subsys)
            .plus(u64::from(subsystem) * 8)
            .load_pointer()
            .follow(|l| &l.css_cgroup),
    }
}

/// `cgroup->kn->id`, the inode number of its directory.
#[inline(always)]
pub fn id(cgroup: Address, slot: &mut u64) {
    cgroup.follow(|l| &l.cgroup_kn).copy(|l| &l.kernfs_node_id, slot);
}
