//! `sched:sched_process_fork`: a process was forked. Threads and kernel threads are left out.

use crate::common::{layout::ABSENT, wire::ProcessFork};
use aya_ebpf::{EbpfContext, macros::tracepoint, programs::TracePointContext};
use aya_log_ebpf::debug;

use crate::{
    emit::emit,
    globals::layout,
    memory::Address,
    task::{Stage, TaskPtr},
};

/// The record has no pointer to the child, only its id. The child is the one added last to its
/// parent's list; that parent is `current`, or `current`'s own with `CLONE_PARENT` (runc). If the
/// list has moved on, nothing is written, and the process is learned when it is seen next.
#[tracepoint]
pub fn process_fork(ctx: TracePointContext) -> u32 {
    let Some(child_pid) = child_pid(&ctx) else { return 0 };
    let current = Address::current_task();
    let Some(child) = youngest_child(current, child_pid)
        .or_else(|| youngest_child(current.follow(|l| &l.task_real_parent), child_pid))
    else {
        return 0;
    };
    if child.tgid() != child_pid || child.is_kernel_thread() {
        return 0;
    }
    debug!(&ctx, "process {} is forked", child_pid);
    emit(|record: &mut ProcessFork| {
        let ProcessFork { header: _, child: slot } = record;
        child.fill(slot, Stage::Present);
    });
    0
}

/// `child_pid` of the tracepoint's record, which is not at the same place in all kernels.
#[inline(always)]
fn child_pid(ctx: &TracePointContext) -> Option<u32> {
    let offset = layout(|l| &l.fork_record_child_pid);
    if offset == ABSENT {
        return None;
    }
    let record = Address::new(ctx.as_ptr().addr() as u64);
    Some(record.plus(u64::from(offset)).load())
}

/// The last entry of `parent->children`, if that is the thread `child_pid`. A thread that has not
/// started to run cannot go away, and no other has its id: if the id is right, so is the task.
#[inline(always)]
fn youngest_child(parent: Address, child_pid: u32) -> Option<TaskPtr> {
    let head = parent.member(|l| &l.task_children);
    // `struct list_head { next, prev }`.
    let youngest = head.plus(8).load_pointer();
    if youngest == head {
        return None;
    }
    let child = TaskPtr::new(youngest.container(|l| &l.task_sibling));
    (child.tid() == child_pid).then_some(child)
}
