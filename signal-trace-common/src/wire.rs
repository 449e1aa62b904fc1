//! The records that the eBPF programs write to the ring buffers.
//!
//! Every record starts with a [`Header`]. All fields are plain integers without padding, in the
//! byte order of the machine; what a number means is decided in `signal-trace-core`, which keeps
//! values that it does not know.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Version of these layouts; it is written into recordings, which hold the records as they came.
pub const ABI: u32 = 3;

/// What a record is; the value of [`Header::kind`] and the index into the drop counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// [`SignalGenerate`].
    Generate = 1,
    /// [`SignalDeliver`].
    Deliver = 2,
    /// [`ProcessExit`].
    Exit = 3,
    /// [`ProcessFree`].
    Free = 4,
    /// [`ProcessFork`].
    Fork = 5,
    /// [`ProcessExec`].
    Exec = 6,
    /// [`OomVictim`].
    Oom = 7,
    /// [`CgroupMkdir`].
    CgroupMkdir = 8,
    /// [`CgroupAttach`].
    CgroupAttach = 9,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Generate,
        Self::Deliver,
        Self::Exit,
        Self::Free,
        Self::Fork,
        Self::Exec,
        Self::Oom,
        Self::CgroupMkdir,
        Self::CgroupAttach,
    ];
    /// Length of an array that is indexed by kind.
    pub const SLOTS: u32 = 16;
}

/// Rows of the map of drop counters: one a CPU; CPUs beyond share them.
pub const DROP_CPUS: u32 = 1024;

/// Start of every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// `CLOCK_BOOTTIME` when the record was made, nanoseconds.
    pub boot_ns: u64,
    /// CPU that made it.
    pub cpu: u32,
    /// Running number on that CPU (wraps): breaks ties of `boot_ns`, nothing else.
    pub cpu_seq: u32,
    /// A [`Kind`].
    pub kind: u32,
    /// Size of the whole record, header included, bytes.
    pub size: u32,
}

/// A process as seen through one of its threads.
///
/// Members that the running kernel lacks, or that are gone at that point of a process' life (see
/// each record), are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Task {
    /// `group_leader->start_boottime`, nanoseconds: with `tgid` the identity of the process.
    pub start_boottime_ns: u64,
    /// The same of `real_parent`'s leader.
    pub parent_start_boottime_ns: u64,
    /// Id of the cgroup in the v2 hierarchy (`kernfs_node.id`, the inode number); 1 is its root.
    pub cgroup_id: u64,
    /// The same in the v1 hierarchy of the pids (else memory) controller; 0 if there is none.
    pub cgroup_v1_id: u64,
    /// `task->jobctl`; bit 23 (`JOBCTL_TRAP_FREEZE`) is the v2 freezer.
    pub jobctl: u64,
    /// Process id in the initial PID namespace.
    pub tgid: u32,
    /// Thread id of the thread that was looked at.
    pub tid: u32,
    /// `real_parent->tgid`.
    pub ppid: u32,
    /// Process group id in the initial PID namespace.
    pub pgid: u32,
    /// Process id in the innermost PID namespace (of the group leader).
    pub ns_pid: u32,
    /// Depth of that namespace; 0 is the initial one.
    pub ns_level: u32,
    /// Inode number of that namespace.
    pub ns_inum: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// `task->flags` (`PF_*`).
    pub task_flags: u32,
    /// `task->__state` (low 32 bits).
    pub state: u32,
    /// `group_leader->exit_state`.
    pub exit_state: u32,
    /// `signal->flags` (`SIGNAL_*`).
    pub signal_flags: u32,
    /// `signal->group_exit_code`; meaningful only with `SIGNAL_GROUP_EXIT` (0x4) set.
    pub group_exit_code: u32,
    /// `group_leader->exit_code`.
    pub exit_code: u32,
    /// `signal->live`: threads that have not begun to exit.
    pub live: u32,
    /// Always 0.
    pub reserved: u32,
    /// `group_leader->comm`, NUL-padded.
    pub comm: [u8; 16],
}

/// A signal was sent, or dropped at once (`signal:signal_generate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SignalGenerate {
    /// Common part.
    pub header: Header,
    /// The process it was sent to.
    pub target: Task,
    /// `current`: the sender only of signals of user origin; others come from interrupts, or on
    /// account of a process that exits.
    pub current: Task,
    /// Base name of `current`'s executable (`mm->exe_file`), NUL-padded, cut at 31 bytes.
    pub current_exe: [u8; 32],
    /// `target->blocked`.
    pub blocked: u64,
    /// `target->real_blocked` (set during `sigtimedwait`).
    pub real_blocked: u64,
    /// `target->signal->shared_pending.signal`, this signal included.
    pub shared_pending: u64,
    /// Those of [`ASKED_FOR`] that the target has a handler for, as a `sigset_t`.
    pub caught: u64,
    /// Signal number, 1 to 64.
    pub signal: u32,
    /// `si_code`; what the kernel would show for the two special `info` values.
    pub si_code: i32,
    /// The raw `info` argument: 0 `SEND_SIG_NOINFO`, 1 `SEND_SIG_PRIV`, 2 a pointer.
    pub info_kind: u32,
    /// A value of [`disposition`].
    pub disposition: u32,
    /// 1 if sent to the process, 0 if to one thread.
    pub group: u32,
    /// The tracepoint's `result` (`TRACE_SIGNAL_*`), 0 to 4.
    pub result: u32,
}

/// A thread took a signal off its queue (`signal:signal_deliver`). Not written for SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SignalDeliver {
    /// Common part.
    pub header: Header,
    /// The process that takes it.
    pub process: Task,
    /// Signal number, 1 to 64.
    pub signal: u32,
    /// `si_code`.
    pub si_code: i32,
    /// As in [`SignalGenerate::info_kind`].
    pub info_kind: u32,
    /// A value of [`disposition`], from the tracepoint's own `k_sigaction`.
    pub disposition: u32,
}

/// The last thread of a process exits (`sched:sched_process_exit` with `live == 0`).
///
/// Two threads that exit together can both write it: readers keep the first per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProcessExit {
    /// Common part.
    pub header: Header,
    /// The process.
    pub process: Task,
    /// `signal->shared_pending.signal`.
    pub shared_pending: u64,
    /// `pending.signal` of the exiting thread.
    pub thread_pending: u64,
    /// `blocked` of the exiting thread.
    pub blocked: u64,
    /// `real_blocked` of the exiting thread.
    pub real_blocked: u64,
}

/// The kernel frees a group leader (`sched:sched_process_free`): an RCU grace period after it was
/// reaped. `process` has no parent, namespace or process group any more (0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProcessFree {
    /// Common part.
    pub header: Header,
    /// The process.
    pub process: Task,
}

/// A process was forked (`sched:sched_process_fork`; threads are left out).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProcessFork {
    /// Common part.
    pub header: Header,
    /// The child; its parent is in `ppid` and `parent_start_boottime_ns`.
    pub child: Task,
}

/// A process executed a new program (`sched:sched_process_exec`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProcessExec {
    /// Common part.
    pub header: Header,
    /// The process, with its new `comm`.
    pub process: Task,
}

/// The OOM killer chose a victim (`oom:mark_victim`); its SIGKILL was generated just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct OomVictim {
    /// Common part.
    pub header: Header,
    /// The victim. On kernels whose tracepoint carries only a thread id (5.10), all but `tid` is 0.
    pub victim: Task,
    /// `mm->total_vm`, pages; 0 if unknown.
    pub total_vm_pages: u64,
    /// `signal->oom_score_adj`.
    pub oom_score_adj: i32,
    /// Always 0.
    pub reserved: u32,
}

/// A cgroup was made (`cgroup:cgroup_mkdir`) in the v2 hierarchy, or in that v1 hierarchy whose ids
/// are in [`Task::cgroup_v1_id`]. User space keeps of it what `path_len` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CgroupMkdir {
    /// Common part.
    pub header: Header,
    /// Its id in the v2 hierarchy, else 0.
    pub cgroup_id: u64,
    /// Its id in the v1 hierarchy, else 0.
    pub cgroup_v1_id: u64,
    /// Length of `path`; 0 if that is longer than fits.
    pub path_len: u32,
    /// Always 0.
    pub reserved: u32,
    /// Its path from the root of the hierarchy, whatever cgroup namespace it was made in. What is
    /// behind `path_len` means nothing.
    pub path: [u8; PATH_MAX],
}

/// Room for the path of a cgroup, bytes: a container in a pod in a container takes about 400.
pub const PATH_MAX: usize = 512;

/// A process was moved into another cgroup (`cgroup:cgroup_attach_task`) of these hierarchies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CgroupAttach {
    /// Common part.
    pub header: Header,
    /// The process, which is there already.
    pub process: Task,
}

/// The signals that programs are asked to stop with: HUP, INT, QUIT, USR1, TERM and WINCH.
/// Whether the target of one handles another is in [`SignalGenerate::caught`].
pub const ASKED_FOR: [u32; 6] = [1, 2, 3, 10, 15, 28];

/// Values of the `disposition` fields.
pub mod disposition {
    /// `SIG_DFL`.
    pub const DEFAULT: u32 = 0;
    /// `SIG_IGN`.
    pub const IGNORE: u32 = 1;
    /// A handler of the program (its address is not recorded).
    pub const HANDLER: u32 = 2;
    /// It could not be read (the process is past `exit_notify`).
    pub const UNKNOWN: u32 = 3;
}

macro_rules! assert_size {
    ($($type:ty = $size:literal),* $(,)?) => {
        $(const _: () = assert!(size_of::<$type>() == $size && align_of::<$type>() == 8);)*
    };
}

assert_size! {
    Header = 24,
    Task = 120,
    SignalGenerate = 352,
    SignalDeliver = 160,
    ProcessExit = 176,
    ProcessFree = 144,
    ProcessFork = 144,
    ProcessExec = 144,
    OomVictim = 160,
    CgroupMkdir = 560,
    CgroupAttach = 144,
}
