//! `oom:mark_victim`: the OOM killer chose a victim.

use crate::common::wire::{OomVictim, Task};
use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use aya_log_ebpf::debug;
use zerocopy::FromZeros;

use crate::{
    emit::emit,
    globals::layout,
    memory::Address,
    task::{Stage, TaskPtr},
};

/// Arguments: `task, uid`, or only a thread id on kernels without that change.
#[raw_tracepoint(tracepoint = "mark_victim")]
pub fn oom_victim(ctx: RawTracePointContext) -> u32 {
    if layout(|l| &l.mark_victim_has_task) == 0 {
        let thread: u32 = ctx.arg(0);
        debug!(&ctx, "OOM killer chose thread {}", thread);
        emit(|record: &mut OomVictim| fill_thread_id(record, thread));
    } else {
        let victim = TaskPtr::new(Address::new(ctx.arg(0)));
        debug!(&ctx, "OOM killer chose process {}", victim.tgid());
        emit(|record: &mut OomVictim| fill(record, victim));
    }
    0
}

#[inline(always)]
fn fill(record: &mut OomVictim, task: TaskPtr) {
    let OomVictim { header: _, victim, total_vm_pages, oom_score_adj, reserved } = record;
    task.fill(victim, Stage::Present);
    task.address().follow(|l| &l.task_mm).copy(|l| &l.mm_total_vm, total_vm_pages);
    // A `short` in the kernel.
    *oom_score_adj = i32::from(task.signal().read::<i16>(|l| &l.signal_oom_score_adj));
    *reserved = 0;
}

#[inline(always)]
fn fill_thread_id(record: &mut OomVictim, thread: u32) {
    let OomVictim { header: _, victim, total_vm_pages, oom_score_adj, reserved } = record;
    *victim = Task::new_zeroed();
    victim.tid = thread;
    *total_vm_pages = 0;
    *oom_score_adj = 0;
    *reserved = 0;
}
