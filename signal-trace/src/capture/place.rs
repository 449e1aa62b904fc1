//! Where the process of a record is, read off the record itself before the engine has it.

use std::mem::offset_of;

use signal_trace_common::wire;
use signal_trace_core::ids::{CgroupKey, ProcessId};
use zerocopy::FromBytes as _;

/// All records begin alike: with a header, then the process that they are about.
const TASK: usize = size_of::<wire::Header>();
const _: () = assert!(
    offset_of!(wire::SignalGenerate, target) == TASK
        && offset_of!(wire::SignalDeliver, process) == TASK
        && offset_of!(wire::ProcessExit, process) == TASK
        && offset_of!(wire::ProcessFree, process) == TASK
        && offset_of!(wire::ProcessFork, child) == TASK
        && offset_of!(wire::ProcessExec, process) == TASK
        && offset_of!(wire::OomVictim, victim) == TASK
);

/// The process that a record is about, and its cgroup; `None` if the record is cut short.
pub fn of_frame(frame: &[u8]) -> Option<(CgroupKey, ProcessId)> {
    let (task, _) = wire::Task::read_from_prefix(frame.get(TASK..)?).ok()?;
    let key = CgroupKey::from_ids(task.cgroup_id, task.cgroup_v1_id);
    Some((key, ProcessId::from_boot_ns(task.tgid, task.start_boottime_ns)))
}

#[cfg(test)]
mod tests {
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;

    #[test]
    fn it_is_read_off_and_a_cut_record_has_none() {
        let mut fork = wire::ProcessFork::new_zeroed();
        (fork.child.tgid, fork.child.start_boottime_ns, fork.child.cgroup_id) = (7, 50_000_000, 9);
        let process = ProcessId { pid: 7, start_ticks: 5 };
        assert_eq!(of_frame(fork.as_bytes()), Some((CgroupKey::V2(9), process)));
        for end in 0..fork.as_bytes().len() {
            assert_eq!(of_frame(&fork.as_bytes()[..end]), None);
        }
    }
}
