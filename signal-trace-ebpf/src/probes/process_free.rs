//! `sched:sched_process_free`: the kernel frees a group leader, some time after it was reaped.

use crate::common::wire::ProcessFree;
use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use aya_log_ebpf::debug;

use crate::{
    emit::emit,
    memory::Address,
    task::{Stage, TaskPtr},
};

/// Arguments: `task`. It runs in an RCU callback: `current` is whoever was interrupted.
#[raw_tracepoint(tracepoint = "sched_process_free")]
pub fn process_free(ctx: RawTracePointContext) -> u32 {
    let task = TaskPtr::new(Address::new(ctx.arg(0)));
    if task.tid() != task.tgid() || task.is_kernel_thread() {
        return 0;
    }
    debug!(&ctx, "process {} is freed", task.tgid());
    emit(|record: &mut ProcessFree| {
        let ProcessFree { header: _, process } = record;
        task.fill(process, Stage::Freed);
    });
    0
}
