//! `sched:sched_process_exec`: a process executed a new program.

use crate::common::wire::ProcessExec;
use aya_ebpf::{macros::tracepoint, programs::TracePointContext};
use aya_log_ebpf::debug;

use crate::{
    emit::emit,
    task::{Stage, TaskPtr},
};

/// The tracepoint's record is ignored: `current` is the process, with its new name.
#[tracepoint]
pub fn process_exec(ctx: TracePointContext) -> u32 {
    let task = TaskPtr::current();
    debug!(&ctx, "process {} executes a program", task.tgid());
    emit(|record: &mut ProcessExec| {
        let ProcessExec { header: _, process } = record;
        task.fill(process, Stage::Present);
    });
    0
}
