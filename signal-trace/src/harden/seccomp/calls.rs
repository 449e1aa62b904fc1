//! Which system calls are refused. All others are allowed: the libraries that we use, and those of the
//! system, take what they need from one version to the next.

#[cfg(target_arch = "x86_64")]
use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
#[cfg(target_arch = "x86_64")]
use seccompiler::SeccompRule;

use super::Condition;

/// Refused in any case.
const ALWAYS: &[c_long] = &[
    // Other programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes: their memory, their files, their end.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    #[cfg(not(target_env = "musl"))] // There, abort(3) needs it.
    libc::SYS_tkill,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    467, // open_tree_attr
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    // More tracing.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_fanotify_init,
    libc::SYS_userfaultfd,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "aarch64")]
    294, // kexec_file_load
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_personality,
    // Keys.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Ways around the checks: of this filter, of paths, of users.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_memfd_secret,
    libc::SYS_mknodat,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    // Older names of some of these.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mknod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
];

/// `CLONE_NEW*` of `clone(2)`; a time namespace goes by `clone3` and `unshare` only.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Of sockets: all that we, the enricher and the C library's look-up of names use.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Refused in any case.
pub fn refused() -> impl Iterator<Item = i64> {
    ALWAYS.iter().copied()
}

/// Refused if all conditions of one of the alternatives hold.
pub fn refused_if() -> Vec<(i64, Vec<Vec<Condition>>)> {
    let number = |value: i32| u64::from(value.unsigned_abs());
    let all_of = |mask: i32| MaskedEq(number(mask));
    let executable = |argument| vec![(argument, all_of(libc::PROT_EXEC), number(libc::PROT_EXEC))];
    let both = libc::PROT_WRITE | libc::PROT_EXEC;
    vec![
        // abort(3) signals its own process.
        (libc::SYS_tgkill, vec![vec![(0, Ne, u64::from(std::process::id()))]]),
        // A thread may step back itself (PRIO_PROCESS, 0), as that does which compresses files.
        (libc::SYS_setpriority, vec![vec![(0, Ne, 0)], vec![(1, Ne, 0)]]),
        (libc::SYS_clone, NAMESPACES.map(|flag| vec![(0, all_of(flag), number(flag))]).into()),
        (libc::SYS_socket, vec![FAMILIES.map(|family| (0, Ne, number(family))).into()]),
        // Code comes from files only.
        (libc::SYS_mmap, vec![vec![(2, all_of(both), number(both))]]),
        (libc::SYS_mprotect, vec![executable(2)]),
        (libc::SYS_pkey_mprotect, vec![executable(2)]),
        (libc::SYS_shmat, vec![vec![(2, all_of(SHM_EXEC), number(SHM_EXEC))]]),
        // What was typed by nobody.
        (libc::SYS_ioctl, [TIOCSTI, TIOCLINUX].map(|what| vec![(1, Eq, what)]).into()),
    ]
}

/// `asm-generic/ioctls.h`; each C library has another type for them.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541C;

/// `shmat(2)`.
const SHM_EXEC: i32 = 0o100_000;

/// The same calls by their numbers of the x32 ABI, which a kernel may have: without it, each refusal
/// could be walked around. Nobody uses it, so all that has other numbers there is refused.
#[cfg(target_arch = "x86_64")]
pub fn add_x32(rules: &mut BTreeMap<i64, Vec<SeccompRule>>) {
    /// `__X32_SYSCALL_BIT`.
    const X32: i64 = 0x4000_0000;
    /// Calls that are there once more, with other structures.
    const OTHERS: std::ops::RangeInclusive<i64> = 512..=547;
    let numbers: Vec<_> = rules.keys().copied().chain(OTHERS).collect();
    for number in numbers {
        rules.insert(X32 | number, Vec::new());
    }
    rules.insert(X32 | libc::SYS_clone3, Vec::new());
}
