//! What the kernel said, in the words of the domain; made by `decode`, read by the engine.

use alloc::vec::Vec;

use crate::{
    ids::{CgroupKey, ProcessId},
    signal::{Disposition, GenerateResult, InfoKind, Signal, WaitStatus},
    time::BootNs,
};

/// A `comm` or other name of at most `N` bytes from the kernel: any bytes, NUL-padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<const N: usize>([u8; N]);

impl<const N: usize> Name<N> {
    /// From the kernel's buffer.
    pub const fn new(raw: [u8; N]) -> Self {
        Self(raw)
    }

    /// From any bytes, cut at `N`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut raw = [0; N];
        for (to, from) in raw.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self(raw)
    }

    /// The bytes before the first NUL. Untrusted: any process can call itself anything.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
        &self.0[..end]
    }
}

/// `task_struct.comm`.
pub type Comm = Name<16>;
/// Base name of an executable, cut at 31 bytes.
pub type ExeName = Name<32>;

/// A process at the moment of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Identity.
    pub id: ProcessId,
    /// Its `real_parent`; `None` where that is gone or unknown.
    pub parent: Option<ProcessId>,
    /// Process group in the initial PID namespace; 0 if unknown.
    pub pgid: u32,
    /// Pid in its own PID namespace; 0 if unknown.
    pub ns_pid: u32,
    /// Depth of that namespace, 0 being the initial one.
    pub ns_level: u32,
    /// Inode number of that namespace; 0 if unknown.
    pub ns_inum: u32,
    /// Real user id.
    pub uid: u32,
    /// The cgroup whose workload it belongs to.
    pub cgroup: CgroupKey,
    /// Name of the group leader.
    pub comm: Comm,
    /// Bits about its state.
    pub flags: ProcessFlags,
}

impl Process {
    /// PID 1 of a PID namespace other than the initial one.
    pub const fn is_namespace_init(&self) -> bool {
        self.ns_pid == 1 && self.ns_level > 0
    }
}

/// State bits of a process at the moment of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of the kernel, not a state")]
pub struct ProcessFlags {
    /// `SIGNAL_UNKILLABLE`: the kernel drops what its PID 1 has no handler for.
    pub unkillable: bool,
    /// A fatal signal or `exit_group(2)` is killing it (`SIGNAL_GROUP_EXIT`).
    pub group_exit: bool,
    /// The looked-at thread is past the start of `do_exit()` (`PF_EXITING`).
    pub exiting: bool,
    /// Its group leader is a zombie and no thread lives.
    pub dead: bool,
    /// Stopped by SIGSTOP and the like.
    pub stopped: bool,
    /// Frozen by the v1 or v2 freezer.
    pub frozen: bool,
    /// A kernel thread.
    pub kernel_thread: bool,
}

/// One kernel event with its place in the total order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: BootNs,
    /// CPU that it was recorded on.
    pub cpu: u32,
    /// Running number on that CPU.
    pub cpu_seq: u32,
    /// What.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// A signal was sent.
    Generate(Generate),
    /// A signal was taken by a thread.
    Deliver(Deliver),
    /// The last thread of a process exited.
    Exit(Exit),
    /// A process was reaped and its memory freed.
    Free(Process),
    /// A process was forked.
    Fork(Process),
    /// A process executed a new program.
    Exec(Process),
    /// The OOM killer chose a victim.
    Oom(Oom),
    /// A cgroup was made.
    CgroupMkdir {
        /// Which.
        key: CgroupKey,
        /// Its path from the root of its hierarchy; `None` if it was too long for a record.
        path: Option<Vec<u8>>,
    },
    /// A process was moved into another cgroup.
    CgroupAttach(Process),
}

/// A signal was sent (`signal_generate`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generate {
    /// The signal.
    pub signal: Signal,
    /// To whom.
    pub target: Process,
    /// Who ran on that CPU; the sender only if [`Generate::sent_by_current`].
    pub current: Process,
    /// Base name of `current`'s executable; empty for kernel threads.
    pub current_exe: ExeName,
    /// The signal is blocked by the thread it was aimed at.
    pub blocked: bool,
    /// Some thread waits for it in `sigtimedwait(2)` (`real_blocked`).
    pub waited_for: bool,
    /// `si_code`.
    pub si_code: i32,
    /// Kind of the raw `info`.
    pub info: InfoKind,
    /// The target's disposition.
    pub disposition: Disposition,
    /// Other signals that stop programs and that the target has a handler for, as a set.
    pub caught: u64,
    /// Sent to the process (`kill(2)`), not to a thread (`tgkill(2)`).
    pub group: bool,
    /// What the kernel did with it.
    pub result: GenerateResult,
    /// `group_exit_code` if the process is being killed or exits already.
    pub group_exit_code: Option<u32>,
}

impl Generate {
    /// Whether `current` is the sender: by `SI_FROMUSER()` (include/linux/signal.h), less the codes
    /// that are sent from interrupts, or sent by the kernel as a user would.
    pub const fn sent_by_current(&self) -> bool {
        match self.info {
            InfoKind::NoInfo => true,
            InfoKind::Kernel => false,
            // SI_TIMER, SI_MESGQ, SI_ASYNCIO and SI_SIGIO come from whatever was interrupted.
            InfoKind::Siginfo => self.si_code <= 0 && !matches!(self.si_code, -5..=-2),
        }
    }

    /// This very signal is killing the process now: `complete_signal()` ran before the tracepoint.
    pub fn kills_now(&self) -> bool {
        self.result.queued()
            && self
                .group_exit_code
                .is_some_and(|code| code & 0x7f == u32::from(self.signal.number()))
    }

    /// The process was ending before this signal, which therefore means nothing.
    pub fn target_was_dying(&self) -> bool {
        self.target.flags.dead || (self.group_exit_code.is_some() && !self.kills_now())
    }
}

/// A thread took a signal off its queue (`signal_deliver`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliver {
    /// The signal.
    pub signal: Signal,
    /// The process.
    pub process: Process,
    /// What it will do with it.
    pub disposition: Disposition,
}

/// The last thread of a process exited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The process.
    pub process: Process,
    /// What its parent will be told.
    pub status: WaitStatus,
    /// Signals still pending, of the process and of its last thread.
    pub pending: u64,
    /// Signals that its last thread blocked, `sigtimedwait(2)` masks included.
    pub blocked: u64,
}

/// The OOM killer chose a victim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oom {
    /// The victim; of a kernel that names only a thread, just its pid is known.
    pub victim: Process,
    /// Thread id of the victim.
    pub tid: u32,
    /// Virtual memory, pages; 0 if unknown.
    pub total_vm_pages: u64,
    /// `oom_score_adj`.
    pub oom_score_adj: i32,
}
