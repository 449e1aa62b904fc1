//! `cgroup:cgroup_attach_task`: a process was moved into another cgroup.

use crate::common::wire::CgroupAttach;
use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use aya_log_ebpf::debug;

use crate::{
    cgroup,
    emit::emit,
    memory::Address,
    task::{Stage, TaskPtr},
};

/// Arguments: `dst_cgrp, path, task, threadgroup`. The move has been made (`cgroup_attach_task()`,
/// kernel/cgroup/cgroup.c); where to is read off the process, as in every other record.
#[raw_tracepoint(tracepoint = "cgroup_attach_task")]
pub fn cgroup_attach(ctx: RawTracePointContext) -> u32 {
    if cgroup::hierarchy_of(Address::new(ctx.arg(0))).is_none() {
        return 0;
    }
    let task = TaskPtr::new(Address::new(ctx.arg(2)));
    if task.is_kernel_thread() {
        return 0;
    }
    debug!(&ctx, "process {} is moved to another cgroup", task.tgid());
    emit(|record: &mut CgroupAttach| {
        let CgroupAttach { header: _, process } = record;
        task.fill(process, Stage::Present);
    });
    0
}
