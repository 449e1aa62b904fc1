//! `cgroup:cgroup_mkdir`: a cgroup was made. Its path is learned here, for the directory of a
//! short-lived container is gone before anybody could look for it.

use crate::common::wire::CgroupMkdir;
use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use aya_log_ebpf::debug;

use crate::{
    cgroup::{self, Hierarchy},
    emit::emit,
    memory::Address,
};

/// Arguments: `cgrp, path`. The path is from the root of the hierarchy (`cgroup_path()`).
#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: RawTracePointContext) -> u32 {
    let cgroup = Address::new(ctx.arg(0));
    let Some(hierarchy) = cgroup::hierarchy_of(cgroup) else { return 0 };
    let path = Address::new(ctx.arg(1));
    debug!(&ctx, "a cgroup is made");
    emit(|record: &mut CgroupMkdir| {
        let CgroupMkdir { header: _, cgroup_id, cgroup_v1_id, path_len, reserved, path: slot } =
            record;
        (*cgroup_id, *cgroup_v1_id, *reserved) = (0, 0, 0);
        match hierarchy {
            Hierarchy::V2 => cgroup::id(cgroup, cgroup_id),
            Hierarchy::V1 => cgroup::id(cgroup, cgroup_v1_id),
        }
        *path_len = path.copy_whole_string(slot);
    });
    0
}
