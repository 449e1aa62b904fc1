//! Ring-buffer bytes to events: total, for any bytes.

use core::fmt;

use signal_trace_common::wire;
use zerocopy::FromBytes;

use crate::{
    event::{Deliver, Event, EventBody, ExeName, Exit, Generate, Name, Oom, Process, ProcessFlags},
    ids::{CgroupKey, ProcessId},
    signal::{Disposition, GenerateResult, InfoKind, Signal, WaitStatus},
    time::BootNs,
};

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Shorter than a header, or than its kind.
    Truncated,
    /// The kind is not known to this version.
    UnknownKind(u32),
    /// The header gives another size than the kind has.
    WrongSize(u32),
    /// The signal number is not 1 to 64.
    NoSuchSignal(u32),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(f, "record is cut short"),
            Self::UnknownKind(kind) => write!(f, "record kind {kind} is not known"),
            Self::WrongSize(size) => write!(f, "record size {size} does not fit its kind"),
            Self::NoSuchSignal(number) => write!(f, "there is no signal {number}"),
        }
    }
}

impl core::error::Error for DecodeError {}

// include/linux/sched/signal.h
const SIGNAL_STOP_STOPPED: u32 = 0x1;
const SIGNAL_GROUP_EXIT: u32 = 0x4;
/// `SIGNAL_GROUP_COREDUMP` of 5.10, where a core dump sets this instead.
const SIGNAL_GROUP_COREDUMP: u32 = 0x8;
const SIGNAL_UNKILLABLE: u32 = 0x40;
// include/linux/sched.h
const PF_EXITING: u32 = 0x4;
const PF_KTHREAD: u32 = 0x20_0000;
/// Before 6.1; the bit means nothing for user processes afterwards.
const PF_FROZEN: u32 = 0x1_0000;
/// From 6.1.
const TASK_FROZEN: u32 = 0x8000;
const EXIT_ZOMBIE: u32 = 0x20;
const EXIT_DEAD: u32 = 0x10;
// include/linux/sched/jobctl.h
const JOBCTL_TRAP_FREEZE: u64 = 1 << 23;

/// Decodes one record as it lay in the ring buffer.
///
/// # Errors
/// [`DecodeError`] if the bytes are not a record of [`wire::ABI`]; the caller counts it as a loss.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let (header, _) = wire::Header::read_from_prefix(bytes).map_err(|_| DecodeError::Truncated)?;
    let Some(kind) = wire::Kind::ALL.into_iter().find(|kind| *kind as u32 == header.kind) else {
        return Err(DecodeError::UnknownKind(header.kind));
    };
    let body = match kind {
        wire::Kind::Generate => EventBody::Generate(generate(&record(&header, bytes)?)?),
        wire::Kind::Deliver => {
            let raw: wire::SignalDeliver = record(&header, bytes)?;
            EventBody::Deliver(Deliver {
                signal: signal(raw.signal)?,
                process: process(&raw.process),
                disposition: Disposition::from_raw(raw.disposition),
            })
        }
        wire::Kind::Exit => {
            let raw: wire::ProcessExit = record(&header, bytes)?;
            EventBody::Exit(Exit {
                process: process(&raw.process),
                status: wait_status(&raw.process),
                pending: raw.shared_pending | raw.thread_pending,
                blocked: raw.blocked | raw.real_blocked,
            })
        }
        wire::Kind::Free => {
            EventBody::Free(process(&record::<wire::ProcessFree>(&header, bytes)?.process))
        }
        wire::Kind::Fork => {
            EventBody::Fork(process(&record::<wire::ProcessFork>(&header, bytes)?.child))
        }
        wire::Kind::Exec => {
            EventBody::Exec(process(&record::<wire::ProcessExec>(&header, bytes)?.process))
        }
        wire::Kind::Oom => {
            let raw: wire::OomVictim = record(&header, bytes)?;
            EventBody::Oom(Oom {
                victim: process(&raw.victim),
                tid: raw.victim.tid,
                total_vm_pages: raw.total_vm_pages,
                oom_score_adj: raw.oom_score_adj,
            })
        }
        wire::Kind::CgroupMkdir => cgroup_mkdir(bytes)?,
        wire::Kind::CgroupAttach => {
            EventBody::CgroupAttach(process(&record::<wire::CgroupAttach>(&header, bytes)?.process))
        }
    };
    Ok(Event { at: BootNs(header.boot_ns), cpu: header.cpu, cpu_seq: header.cpu_seq, body })
}

/// One record of type `T`. The ring may hand out a few bytes more (records are padded to 8).
fn record<T: FromBytes>(header: &wire::Header, bytes: &[u8]) -> Result<T, DecodeError> {
    if usize::try_from(header.size) != Ok(size_of::<T>()) {
        return Err(DecodeError::WrongSize(header.size));
    }
    T::read_from_prefix(bytes).map(|(raw, _)| raw).map_err(|_| DecodeError::Truncated)
}

/// Of the room for the path, only what is used needs to be there.
fn cgroup_mkdir(bytes: &[u8]) -> Result<EventBody, DecodeError> {
    let (raw, path) = CgroupHead::read_from_prefix(bytes).map_err(|_| DecodeError::Truncated)?;
    let length = usize::try_from(raw.path_len).unwrap_or(usize::MAX);
    let path = path.get(..length).ok_or(DecodeError::Truncated)?;
    Ok(EventBody::CgroupMkdir {
        key: CgroupKey::from_ids(raw.cgroup_id, raw.cgroup_v1_id),
        path: (length > 0).then(|| path.to_vec()),
    })
}

/// [`wire::CgroupMkdir`] without its path.
#[derive(FromBytes)]
#[repr(C)]
struct CgroupHead {
    _header: wire::Header,
    cgroup_id: u64,
    cgroup_v1_id: u64,
    path_len: u32,
    _reserved: u32,
}

const _: () = assert!(size_of::<CgroupHead>() == core::mem::offset_of!(wire::CgroupMkdir, path));

fn signal(number: u32) -> Result<Signal, DecodeError> {
    Signal::new(number).ok_or(DecodeError::NoSuchSignal(number))
}

fn generate(raw: &wire::SignalGenerate) -> Result<Generate, DecodeError> {
    let signal = signal(raw.signal)?;
    let ending = raw.target.signal_flags & (SIGNAL_GROUP_EXIT | SIGNAL_GROUP_COREDUMP) != 0;
    Ok(Generate {
        signal,
        target: process(&raw.target),
        current: process(&raw.current),
        current_exe: ExeName::new(raw.current_exe),
        blocked: raw.blocked & signal.bit() != 0,
        waited_for: raw.real_blocked & signal.bit() != 0,
        si_code: raw.si_code,
        info: InfoKind::from_raw(raw.info_kind),
        disposition: Disposition::from_raw(raw.disposition),
        caught: raw.caught,
        group: raw.group != 0,
        result: GenerateResult::from_raw(raw.result),
        group_exit_code: ending.then_some(raw.target.group_exit_code),
    })
}

/// The rule of `wait_task_zombie()` (kernel/exit.c): the group's code counts only if the group
/// exits as one. A core dump on 5.10 has its own flag, and sets the code just the same.
fn wait_status(task: &wire::Task) -> WaitStatus {
    let group = task.signal_flags & (SIGNAL_GROUP_EXIT | SIGNAL_GROUP_COREDUMP) != 0;
    WaitStatus(if group { task.group_exit_code } else { task.exit_code } & 0xffff)
}

fn process(task: &wire::Task) -> Process {
    let zombie = task.exit_state & (EXIT_ZOMBIE | EXIT_DEAD) != 0;
    Process {
        id: ProcessId::from_boot_ns(task.tgid, task.start_boottime_ns),
        parent: (task.ppid != 0)
            .then(|| ProcessId::from_boot_ns(task.ppid, task.parent_start_boottime_ns)),
        pgid: task.pgid,
        ns_pid: task.ns_pid,
        ns_level: task.ns_level,
        ns_inum: task.ns_inum,
        uid: task.uid,
        cgroup: CgroupKey::from_ids(task.cgroup_id, task.cgroup_v1_id),
        comm: Name::new(task.comm),
        flags: ProcessFlags {
            unkillable: task.signal_flags & SIGNAL_UNKILLABLE != 0,
            group_exit: task.signal_flags & SIGNAL_GROUP_EXIT != 0,
            exiting: task.task_flags & PF_EXITING != 0,
            // A leader can be a zombie while other threads of it live on.
            dead: zombie && task.live == 0,
            stopped: task.signal_flags & SIGNAL_STOP_STOPPED != 0,
            frozen: task.jobctl & JOBCTL_TRAP_FREEZE != 0
                || task.state & TASK_FROZEN != 0
                || task.task_flags & PF_FROZEN != 0,
            kernel_thread: task.task_flags & PF_KTHREAD != 0,
        },
    }
}
