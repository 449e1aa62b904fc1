//! `signal:signal_deliver`: a thread took a signal off its queue.

use crate::common::wire::SignalDeliver;
use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use aya_log_ebpf::debug;

use super::signal;
use crate::{
    emit::emit,
    globals::is_watched,
    memory::Address,
    task::{Stage, TaskPtr},
};

const SIGKILL: u32 = 9;

/// Arguments: `sig, info, k_sigaction`. The thread that takes it is `current`.
#[raw_tracepoint(tracepoint = "signal_deliver")]
pub fn signal_deliver(ctx: RawTracePointContext) -> u32 {
    let number: u32 = ctx.arg(0);
    // Here 9 only says that a thread was told to die: also for any other fatal signal, and for
    // the other threads when one of them calls exit or exec.
    if number == SIGKILL || !is_watched(number) {
        return 0;
    }
    let receiver = TaskPtr::current();
    debug!(&ctx, "signal {} delivered to thread {}", number, receiver.tid());
    emit(|record: &mut SignalDeliver| {
        let SignalDeliver { header: _, process, signal, si_code, info_kind, disposition } = record;
        receiver.fill(process, Stage::Present);
        *signal = number;
        (*info_kind, *si_code) = signal::describe_info(ctx.arg(1));
        *disposition = signal::disposition(Address::new(ctx.arg(2)));
    });
    0
}
