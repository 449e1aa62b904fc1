//! `sched:sched_process_exit`: the last thread of a process exits.

use crate::common::wire::ProcessExit;
use aya_ebpf::{macros::tracepoint, programs::TracePointContext};
use aya_log_ebpf::debug;

use crate::{
    emit::emit,
    task::{Stage, TaskPtr},
};

/// The tracepoint's record is ignored: `current` is the exiting thread in all kernels.
#[tracepoint]
pub fn process_exit(ctx: TracePointContext) -> u32 {
    let task = TaskPtr::current();
    // The count is taken down some way before this point: two threads that exit together can
    // both find it at 0.
    if task.signal().read::<u32>(|l| &l.signal_live) != 0 || task.is_kernel_thread() {
        return 0;
    }
    debug!(&ctx, "process {} exits with thread {}", task.tgid(), task.tid());
    emit(|record: &mut ProcessExit| {
        let ProcessExit {
            header: _,
            process,
            shared_pending,
            thread_pending,
            blocked,
            real_blocked,
        } = record;
        task.fill(process, Stage::Present);
        task.signal().copy(|l| &l.signal_shared_pending, shared_pending);
        task.address().copy(|l| &l.task_pending, thread_pending);
        task.address().copy(|l| &l.task_blocked, blocked);
        task.address().copy(|l| &l.task_real_blocked, real_blocked);
    });
    0
}
