//! Fills a `wire::Task` from a `struct task_struct`.

use crate::common::{layout::ABSENT, wire::Task};

use crate::{cgroup, globals::layout, memory::Address};

/// `PF_KTHREAD` of `task->flags`, the same in all kernels.
const PF_KTHREAD: u32 = 0x0020_0000;

/// A `struct task_struct`.
#[derive(Clone, Copy)]
pub struct TaskPtr(Address);

/// How far a task is in its life: what may be followed from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has not been reaped.
    Present,
    /// It is being freed: its parent, ids and process group are gone or stale.
    Freed,
}

impl TaskPtr {
    /// The task at `address`.
    pub const fn new(address: Address) -> Self {
        Self(address)
    }

    /// The task that the CPU runs.
    #[inline(always)]
    pub fn current() -> Self {
        Self(Address::current_task())
    }

    /// Where it is.
    pub const fn address(self) -> Address {
        self.0
    }

    /// `task->pid`, the thread id.
    #[inline(always)]
    pub fn tid(self) -> u32 {
        self.0.read(|l| &l.task_pid)
    }

    /// `task->tgid`, the process id.
    #[inline(always)]
    pub fn tgid(self) -> u32 {
        self.0.read(|l| &l.task_tgid)
    }

    /// Whether it is a thread of the kernel's own.
    #[inline(always)]
    pub fn is_kernel_thread(self) -> bool {
        self.0.read::<u32>(|l| &l.task_flags) & PF_KTHREAD != 0
    }

    /// `task->signal`, what the threads of the process share.
    #[inline(always)]
    pub fn signal(self) -> Address {
        self.0.follow(|l| &l.task_signal)
    }

    /// Writes every field of `slot`. The pattern names them all, so that the compiler finds one
    /// that is forgotten.
    #[inline(always)]
    pub fn fill(self, slot: &mut Task, stage: Stage) {
        let Task {
            start_boottime_ns,
            parent_start_boottime_ns,
            cgroup_id,
            cgroup_v1_id,
            jobctl,
            tgid,
            tid,
            ppid,
            pgid,
            ns_pid,
            ns_level,
            ns_inum,
            uid,
            task_flags,
            state,
            exit_state,
            signal_flags,
            group_exit_code,
            exit_code,
            live,
            reserved,
            comm,
        } = slot;

        let task = self.0;
        task.copy(|l| &l.task_tgid, tgid);
        task.copy(|l| &l.task_pid, tid);
        task.copy(|l| &l.task_flags, task_flags);
        task.copy(|l| &l.task_state, state);
        task.copy(|l| &l.task_jobctl, jobctl);
        task.follow(|l| &l.task_real_cred).copy(|l| &l.cred_uid, uid);
        *reserved = 0;

        let leader = task.follow(|l| &l.task_group_leader);
        leader.copy(|l| &l.task_start_boottime, start_boottime_ns);
        leader.copy(|l| &l.task_exit_state, exit_state);
        leader.copy(|l| &l.task_exit_code, exit_code);
        leader.copy(|l| &l.task_comm, comm);

        let signal = self.signal();
        signal.copy(|l| &l.signal_flags, signal_flags);
        signal.copy(|l| &l.signal_group_exit_code, group_exit_code);
        signal.copy(|l| &l.signal_live, live);

        // Of the leader: threads can be in cgroups of their own below that (threaded ones).
        let css_set = leader.follow(|l| &l.task_cgroups);
        cgroup::id(css_set.follow(|l| &l.css_set_dfl_cgrp), cgroup_id);
        cgroup::id(cgroup::v1_of(css_set), cgroup_v1_id);

        if stage == Stage::Freed {
            (*ppid, *pgid, *ns_pid, *ns_level, *ns_inum) = (0, 0, 0, 0, 0);
            *parent_start_boottime_ns = 0;
            return;
        }

        let parent = task.follow(|l| &l.task_real_parent);
        parent.copy(|l| &l.task_tgid, ppid);
        parent
            .follow(|l| &l.task_group_leader)
            .copy(|l| &l.task_start_boottime, parent_start_boottime_ns);

        // `numbers[0]` is the id in the initial namespace; `nr` is the first member of it.
        *pgid = pgid_of(signal).member(|l| &l.pid_numbers).load();

        let pid = leader.follow(|l| &l.task_thread_pid);
        pid.copy(|l| &l.pid_level, ns_level);
        // The depth is at most 32 (MAX_PID_NS_LEVEL); the mask bounds a value read in a race.
        let depth = u64::from(*ns_level & 63);
        let upid = pid.member(|l| &l.pid_numbers).plus(depth * u64::from(layout(|l| &l.upid_size)));
        *ns_pid = upid.load();
        upid.follow(|l| &l.upid_ns).copy(|l| &l.pid_namespace_inum, ns_inum);
    }
}

/// The process group's `struct pid`; NULL if this kernel does not tell.
#[inline(always)]
fn pgid_of(signal: Address) -> Address {
    match layout(|l| &l.pidtype_pgid) {
        ABSENT => Address::new(0),
        pgid => signal.member(|l| &l.signal_pids).plus(u64::from(pgid) * 8).load_pointer(),
    }
}
