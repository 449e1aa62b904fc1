//! `signal:signal_generate`: a signal was sent, or dropped at once.

use crate::common::wire::{ASKED_FOR, SignalGenerate, disposition};
use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use aya_log_ebpf::debug;

use super::signal;
use crate::{
    emit::emit,
    globals::{is_watched, layout},
    memory::Address,
    task::{Stage, TaskPtr},
};

/// Arguments: `sig, info, task, group, result`.
#[raw_tracepoint(tracepoint = "signal_generate")]
pub fn signal_generate(ctx: RawTracePointContext) -> u32 {
    let number: u32 = ctx.arg(0);
    if !is_watched(number) {
        return 0;
    }
    // Any thread of the target: `kill(2)` takes the id of one that is not the leader too.
    let target = TaskPtr::new(Address::new(ctx.arg(2)));
    debug!(&ctx, "signal {} to thread {}", number, target.tid());
    emit(|record: &mut SignalGenerate| fill(record, &ctx, number, target));
    0
}

#[inline(always)]
fn fill(record: &mut SignalGenerate, ctx: &RawTracePointContext, number: u32, target: TaskPtr) {
    let SignalGenerate {
        header: _,
        target: target_slot,
        current: current_slot,
        current_exe,
        blocked,
        real_blocked,
        shared_pending,
        caught,
        signal,
        si_code,
        info_kind,
        disposition,
        group,
        result,
    } = record;
    let current = TaskPtr::current();

    target.fill(target_slot, Stage::Present);
    current.fill(current_slot, Stage::Present);
    // A kernel thread has no `mm`: the reads fail and the name stays empty.
    current
        .address()
        .follow(|l| &l.task_mm)
        .follow(|l| &l.mm_exe_file)
        .follow(|l| &l.file_dentry)
        .follow(|l| &l.dentry_name)
        .copy_string(current_exe);
    target.address().copy(|l| &l.task_blocked, blocked);
    target.address().copy(|l| &l.task_real_blocked, real_blocked);
    target.signal().copy(|l| &l.signal_shared_pending, shared_pending);
    *caught = caught_by(target);
    *signal = number;
    (*info_kind, *si_code) = signal::describe_info(ctx.arg(1));
    *disposition = disposition_of(target, number);
    *group = ctx.arg(3);
    *result = ctx.arg(4);
}

/// Those of [`ASKED_FOR`] that `target` has a handler for.
#[inline(always)]
fn caught_by(target: TaskPtr) -> u64 {
    let mut caught = 0;
    for number in ASKED_FOR {
        if disposition_of(target, number) == disposition::HANDLER {
            caught |= 1 << (number - 1);
        }
    }
    caught
}

/// `task->sighand->action[number - 1]`; a process past `exit_notify` has no `sighand`.
#[inline(always)]
fn disposition_of(target: TaskPtr, number: u32) -> u32 {
    let sighand = target.address().follow(|l| &l.task_sighand);
    if sighand.is_null() {
        return disposition::UNKNOWN;
    }
    let index = u64::from(number.wrapping_sub(1));
    let stride = u64::from(layout(|l| &l.k_sigaction_size));
    signal::disposition(sighand.member(|l| &l.sighand_action).plus(index * stride))
}
