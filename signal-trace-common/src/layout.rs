//! Where the running kernel keeps the few structure members that the eBPF programs read.
//!
//! rustc emits no CO-RE relocations, so user space looks the members up in
//! `/sys/kernel/btf/vmlinux` when it loads the programs and passes the result as one frozen
//! global. The verifier then sees constants, and drops what hangs on an [`ABSENT`] member.

use zerocopy::{Immutable, IntoBytes};

/// Offset of a member that the running kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// Makes [`KernelLayout`] and [`MEMBERS`] from one list, so that they cannot disagree.
macro_rules! kernel_layout {
    ($($(#[$doc:meta])* $field:ident: $need:ident $structure:literal [$($path:literal),+];)+) => {
        /// Byte offsets of members, or [`ABSENT`]; then a few other facts about the kernel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, IntoBytes, Immutable)]
        #[repr(C)]
        pub struct KernelLayout {
            $($(#[$doc])* pub $field: u32,)+
            /// `sizeof(struct k_sigaction)`: the stride of `sighand_struct.action`.
            pub k_sigaction_size: u32,
            /// `sizeof(struct upid)`: the stride of `pid.numbers`.
            pub upid_size: u32,
            /// `enum cgroup_subsys_id` value of pids, else of memory; [`ABSENT`] if neither.
            pub cgroup_v1_subsys: u32,
            /// `enum pid_type` value `PIDTYPE_PGID`.
            pub pidtype_pgid: u32,
            /// 1 if the first argument of `oom:mark_victim` is a task, 0 if it is a thread id.
            pub mark_victim_has_task: u32,
            /// Offset of `child_pid` in the record of the classic `sched:sched_process_fork`.
            pub fork_record_child_pid: u32,
        }

        /// How each member of [`KernelLayout`] is looked up, in field order.
        pub const MEMBERS: &[Member] = &[
            $(Member {
                field: stringify!($field),
                structure: $structure,
                paths: &[$($path),+],
                need: Need::$need,
            },)+
        ];

        impl KernelLayout {
            /// A layout with nothing in it: every member [`ABSENT`].
            pub const ABSENT: Self = Self {
                $($field: ABSENT,)+
                k_sigaction_size: ABSENT,
                upid_size: ABSENT,
                cgroup_v1_subsys: ABSENT,
                pidtype_pgid: ABSENT,
                mark_victim_has_task: 0,
                fork_record_child_pid: ABSENT,
            };

            /// The members as an array in the order of [`MEMBERS`].
            pub fn members_mut(&mut self) -> [&mut u32; MEMBERS.len()] {
                [$(&mut self.$field,)+]
            }
        }
    };
}

/// One member to look up.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Field of [`KernelLayout`].
    pub field: &'static str,
    /// The kernel structure.
    pub structure: &'static str,
    /// Dotted paths of the member, tried in turn: kernels renamed some.
    pub paths: &'static [&'static str],
    /// Whether the programs can do without it.
    pub need: Need,
}

/// Whether the programs can do without a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Verdicts hang on it: loading is refused without it.
    Required,
    /// What hangs on it reads as 0.
    Optional,
}

kernel_layout! {
    /// `task_struct.pid`.
    task_pid: Required "task_struct" ["pid"];
    /// `task_struct.tgid`.
    task_tgid: Required "task_struct" ["tgid"];
    /// `task_struct.comm`.
    task_comm: Required "task_struct" ["comm"];
    /// `task_struct.real_parent`.
    task_real_parent: Required "task_struct" ["real_parent"];
    /// `task_struct.group_leader`.
    task_group_leader: Required "task_struct" ["group_leader"];
    /// `task_struct.children` (list head).
    task_children: Required "task_struct" ["children"];
    /// `task_struct.sibling` (list node in the parent's `children`).
    task_sibling: Required "task_struct" ["sibling"];
    /// `task_struct.signal`.
    task_signal: Required "task_struct" ["signal"];
    /// `task_struct.sighand`.
    task_sighand: Required "task_struct" ["sighand"];
    /// `task_struct.blocked`.
    task_blocked: Required "task_struct" ["blocked"];
    /// `task_struct.real_blocked`.
    task_real_blocked: Required "task_struct" ["real_blocked"];
    /// `task_struct.pending.signal`.
    task_pending: Required "task_struct" ["pending.signal"];
    /// `task_struct.start_boottime`.
    task_start_boottime: Required "task_struct" ["start_boottime", "real_start_time"];
    /// `task_struct.exit_code`.
    task_exit_code: Required "task_struct" ["exit_code"];
    /// `task_struct.exit_state`.
    task_exit_state: Required "task_struct" ["exit_state"];
    /// `task_struct.__state` (`state` before 5.14).
    task_state: Optional "task_struct" ["__state", "state"];
    /// `task_struct.flags`.
    task_flags: Required "task_struct" ["flags"];
    /// `task_struct.jobctl`.
    task_jobctl: Optional "task_struct" ["jobctl"];
    /// `task_struct.thread_pid`.
    task_thread_pid: Required "task_struct" ["thread_pid"];
    /// `task_struct.cgroups`.
    task_cgroups: Required "task_struct" ["cgroups"];
    /// `task_struct.real_cred`.
    task_real_cred: Optional "task_struct" ["real_cred"];
    /// `task_struct.mm`.
    task_mm: Optional "task_struct" ["mm"];
    /// `cred.uid`.
    cred_uid: Optional "cred" ["uid.val", "uid"];
    /// `mm_struct.exe_file`.
    mm_exe_file: Optional "mm_struct" ["exe_file"];
    /// `mm_struct.total_vm`.
    mm_total_vm: Optional "mm_struct" ["total_vm"];
    /// `file.f_path.dentry`.
    file_dentry: Optional "file" ["f_path.dentry", "__f_path.dentry"];
    /// `dentry.d_name.name`.
    dentry_name: Optional "dentry" ["d_name.name", "__d_name.name"];
    /// `signal_struct.live`.
    signal_live: Required "signal_struct" ["live"];
    /// `signal_struct.flags`.
    signal_flags: Required "signal_struct" ["flags"];
    /// `signal_struct.group_exit_code`.
    signal_group_exit_code: Required "signal_struct" ["group_exit_code"];
    /// `signal_struct.shared_pending.signal`.
    signal_shared_pending: Required "signal_struct" ["shared_pending.signal"];
    /// `signal_struct.pids` (array of `struct pid *` by `enum pid_type`).
    signal_pids: Optional "signal_struct" ["pids"];
    /// `signal_struct.oom_score_adj`.
    signal_oom_score_adj: Optional "signal_struct" ["oom_score_adj"];
    /// `sighand_struct.action`.
    sighand_action: Required "sighand_struct" ["action"];
    /// `k_sigaction.sa.sa_handler`.
    k_sigaction_handler: Required "k_sigaction" ["sa.sa_handler"];
    /// `kernel_siginfo.si_code`.
    siginfo_code: Required "kernel_siginfo" ["si_code"];
    /// `css_set.dfl_cgrp`.
    css_set_dfl_cgrp: Required "css_set" ["dfl_cgrp"];
    /// `css_set.subsys`.
    css_set_subsys: Optional "css_set" ["subsys"];
    /// `cgroup_subsys_state.cgroup`.
    css_cgroup: Optional "cgroup_subsys_state" ["cgroup"];
    /// `cgroup.kn`.
    cgroup_kn: Required "cgroup" ["kn"];
    /// `cgroup.root`.
    cgroup_root: Required "cgroup" ["root"];
    /// `cgroup.subsys` (array by `enum cgroup_subsys_id`).
    cgroup_subsys: Optional "cgroup" ["subsys"];
    /// `cgroup_root.hierarchy_id`; 0 is the v2 hierarchy.
    cgroup_root_hierarchy_id: Required "cgroup_root" ["hierarchy_id"];
    /// `kernfs_node.id`.
    kernfs_node_id: Required "kernfs_node" ["id"];
    /// `pid.level`.
    pid_level: Required "pid" ["level"];
    /// `pid.numbers`.
    pid_numbers: Required "pid" ["numbers"];
    /// `upid.ns`.
    upid_ns: Required "upid" ["ns"];
    /// `pid_namespace.ns.inum`.
    pid_namespace_inum: Optional "pid_namespace" ["ns.inum"];
}
