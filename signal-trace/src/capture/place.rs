//! What a record tells of cgroups, read off the record itself before the engine has it.

use std::mem::offset_of;

use signal_trace_common::wire;
use signal_trace_core::ids::{CgroupKey, ProcessId};
use zerocopy::FromBytes as _;

/// All records about processes begin alike: with a header, then the process.
const TASK: usize = size_of::<wire::Header>();
const _: () = assert!(
    offset_of!(wire::SignalGenerate, target) == TASK
        && offset_of!(wire::SignalDeliver, process) == TASK
        && offset_of!(wire::ProcessExit, process) == TASK
        && offset_of!(wire::ProcessFree, process) == TASK
        && offset_of!(wire::ProcessFork, child) == TASK
        && offset_of!(wire::ProcessExec, process) == TASK
        && offset_of!(wire::OomVictim, victim) == TASK
        && offset_of!(wire::CgroupAttach, process) == TASK
);

/// What a record tells of cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// This process is in that cgroup.
    Process(CgroupKey, ProcessId),
    /// This cgroup is made, at that path.
    Cgroup(CgroupKey, &'a [u8]),
}

/// Reads a record; `None` if it is cut short, or if the path of a new cgroup was too long for it.
pub fn told(frame: &[u8]) -> Option<Told<'_>> {
    let (header, _) = wire::Header::read_from_prefix(frame).ok()?;
    if header.kind == wire::Kind::CgroupMkdir as u32 {
        let key = CgroupKey::from_ids(
            number(frame, offset_of!(wire::CgroupMkdir, cgroup_id))?,
            number(frame, offset_of!(wire::CgroupMkdir, cgroup_v1_id))?,
        );
        let path = frame.get(offset_of!(wire::CgroupMkdir, path)..used(frame)?)?;
        return (!path.is_empty()).then_some(Told::Cgroup(key, path));
    }
    let (task, _) = wire::Task::read_from_prefix(frame.get(TASK..)?).ok()?;
    let key = CgroupKey::from_ids(task.cgroup_id, task.cgroup_v1_id);
    Some(Told::Process(key, ProcessId::from_boot_ns(task.tgid, task.start_boottime_ns)))
}

/// Cuts off what means nothing: the room that a path did not use, which holds older records.
pub fn trim(frame: &mut Vec<u8>) {
    let is_mkdir = wire::Header::read_from_prefix(frame)
        .is_ok_and(|(header, _)| header.kind == wire::Kind::CgroupMkdir as u32);
    if is_mkdir && let Some(used) = used(frame) {
        frame.truncate(used);
    }
}

/// Length of the record of a new cgroup, as far as it is used.
fn used(frame: &[u8]) -> Option<usize> {
    let at = offset_of!(wire::CgroupMkdir, path_len);
    let length = u32::read_from_bytes(frame.get(at..at + size_of::<u32>())?).ok()?;
    offset_of!(wire::CgroupMkdir, path).checked_add(usize::try_from(length).ok()?)
}

fn number(frame: &[u8], at: usize) -> Option<u64> {
    u64::read_from_bytes(frame.get(at..at + size_of::<u64>())?).ok()
}

#[cfg(test)]
mod tests {
    use signal_trace_core::{decode::decode, event::EventBody};
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;

    #[test]
    fn a_process_is_read_off_and_a_cut_record_has_none() {
        let mut fork = wire::ProcessFork::new_zeroed();
        (fork.child.tgid, fork.child.start_boottime_ns, fork.child.cgroup_id) = (7, 50_000_000, 9);
        let process = ProcessId { pid: 7, start_ticks: 5 };
        assert_eq!(told(fork.as_bytes()), Some(Told::Process(CgroupKey::V2(9), process)));
        for end in 0..fork.as_bytes().len() {
            assert_eq!(told(&fork.as_bytes()[..end]), None);
        }
    }

    #[test]
    fn of_a_new_cgroup_only_what_is_used_is_kept() {
        let mut mkdir = wire::CgroupMkdir::new_zeroed();
        mkdir.header.kind = wire::Kind::CgroupMkdir as u32;
        mkdir.header.size = u32::try_from(size_of_val(&mkdir)).unwrap();
        mkdir.cgroup_v1_id = 9;
        mkdir.path_len = 4;
        mkdir.path[..9].copy_from_slice(b"/a/b/old!");
        let mut frame = mkdir.as_bytes().to_vec();
        trim(&mut frame);
        assert_eq!(frame.len(), offset_of!(wire::CgroupMkdir, path) + 4);
        assert_eq!(told(&frame), Some(Told::Cgroup(CgroupKey::V1(9), b"/a/b")));
        let EventBody::CgroupMkdir { key, path } = decode(&frame).unwrap().body else {
            panic!("another kind")
        };
        assert_eq!((key, path.as_deref()), (CgroupKey::V1(9), Some(&b"/a/b"[..])));
        for end in 0..frame.len() {
            assert_eq!(told(&frame[..end]), None);
            assert!(decode(&frame[..end]).is_err());
        }

        // Too long for the record, or a length that lies.
        mkdir.path_len = 0;
        assert_eq!(told(mkdir.as_bytes()), None);
        mkdir.path_len = u32::MAX;
        let mut frame = mkdir.as_bytes().to_vec();
        trim(&mut frame);
        assert_eq!(told(&frame), None);
        assert!(decode(&frame).is_err());
    }
}
