//! What a process can and cannot do after it was hardened: each test does it in a process of its own,
//! which is this program once more. Needs root.

#![expect(clippy::unwrap_used, reason = "all of it is a test")]

use std::{
    env, fs,
    io::Error,
    net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _},
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::{
            net::{SocketAddr, UnixListener, UnixStream},
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    ptr, thread,
    time::Duration,
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::Uid,
};
use signal_trace::{
    capture::procfs::Root,
    harden::{self, Outcome, Plan, State},
};

/// The folder of a test that is run inside.
const INSIDE: &str = "SIGNAL_TRACE_TEST_INSIDE";
/// `nobody`.
const OTHER_USER: u32 = 65_534;

/// Runs the test `name` once more, in a process that [`folder`] is for.
fn run_inside(name: &str) -> Output {
    assert!(Uid::effective().is_root(), "this test gives up privileges and needs root");
    let folder = env::temp_dir().join(format!("st-harden-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, &folder)
        .output();
    fs::remove_dir_all(&folder).unwrap();
    output.unwrap()
}

fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// A new folder, for a test that is run inside: who is hardened cannot remove it.
fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env::var_os(INSIDE).unwrap()).join(name);
    fs::create_dir(&path).unwrap();
    path
}

/// The test is over here, if it has been run in a process of its own.
fn done_outside(name: &str) -> bool {
    if is_inside() {
        return false;
    }
    let output = run_inside(name);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    true
}

/// A process of another user; it ends when it is waited for, which closes its input.
fn other_user() -> Child {
    Command::new("cat").uid(OTHER_USER).stdin(Stdio::piped()).spawn().unwrap()
}

fn harden(writable: &[&Path], ports: &[u16]) -> (Outcome, Root) {
    let proc = Root::default();
    (harden_with(&proc, writable, ports), proc)
}

fn harden_with(proc: &Root, writable: &[&Path], ports: &[u16]) -> Outcome {
    let plan = Plan {
        writable: writable.iter().map(PathBuf::from).collect(),
        connect_ports: ports.to_vec(),
        proc: proc.clone(),
    };
    harden::apply(&plan)
}

fn is_done(outcome: &Outcome, name: &str) -> bool {
    outcome.steps.iter().any(|step| step.name == name && step.state == State::Done)
}

fn errno(result: libc::c_long) -> i32 {
    if result == -1 { Error::last_os_error().raw_os_error().unwrap() } else { 0 }
}

#[test]
fn the_status_shows_what_was_dropped() {
    if done_outside("the_status_shows_what_was_dropped") {
        return;
    }
    let (outcome, _) = harden(&[], &[]);
    assert!(outcome.is_complete(), "{outcome}");
    let shown = |path: &str| {
        let status = fs::read_to_string(path).unwrap();
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap()
        };
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"].map(value)
    };
    let kept = 1 << 19 | 1 << 2;
    assert_eq!(shown("/proc/thread-self/status"), [0, kept, kept, 0, 0, 1, 2]);
    let of_new_thread = thread::spawn(move || shown("/proc/thread-self/status")).join().unwrap();
    assert_eq!(of_new_thread, [0, kept, kept, 0, 0, 1, 2]);
}

#[test]
fn system_calls_are_refused() {
    if done_outside("system_calls_are_refused") {
        return;
    }
    let mut zombie = Command::new("true").spawn().unwrap();
    let (outcome, _) = harden(&[], &[]);
    assert!(is_done(&outcome, "seccomp"), "{outcome}");
    let spawned = Command::new("true").stdin(Stdio::null()).spawn().map(drop);
    assert_eq!(spawned.unwrap_err().raw_os_error(), Some(libc::EPERM));
    let parent = std::os::unix::process::parent_id();
    let none = ptr::null::<u8>();
    // SAFETY: all of these are refused before they look at their arguments.
    let results = unsafe {
        [
            ("execve", errno(libc::syscall(libc::SYS_execve, none, none, none))),
            ("ptrace", errno(libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, parent, 0, 0))),
            (
                "process_vm_readv",
                errno(libc::syscall(libc::SYS_process_vm_readv, parent, none, 0, none, 0, 0)),
            ),
            ("bpf", errno(libc::syscall(libc::SYS_bpf, 0, none, 0))),
            ("perf_event_open", errno(libc::syscall(libc::SYS_perf_event_open, none, 0, 0, 0, 0))),
            ("mount", errno(libc::syscall(libc::SYS_mount, none, none, none, 0, none))),
            ("unshare", errno(libc::syscall(libc::SYS_unshare, libc::CLONE_NEWNS))),
            ("setns", errno(libc::syscall(libc::SYS_setns, 0, 0))),
            ("kill", errno(libc::syscall(libc::SYS_kill, parent, 0))),
            ("tgkill", errno(libc::syscall(libc::SYS_tgkill, parent, parent, 0))),
            ("setpriority", errno(libc::syscall(libc::SYS_setpriority, 0, parent, 19))),
            ("io_uring_setup", errno(libc::syscall(libc::SYS_io_uring_setup, 1, none))),
            ("open_by_handle_at", errno(libc::syscall(libc::SYS_open_by_handle_at, 0, none, 0))),
            ("init_module", errno(libc::syscall(libc::SYS_init_module, none, 0, none))),
            (
                "clone",
                errno(libc::syscall(
                    libc::SYS_clone,
                    libc::CLONE_NEWUSER | libc::SIGCHLD,
                    0,
                    0,
                    0,
                    0,
                )),
            ),
            ("socket", errno(libc::syscall(libc::SYS_socket, libc::AF_PACKET, libc::SOCK_RAW, 0))),
            ("mprotect", errno(libc::syscall(libc::SYS_mprotect, 0, 0, libc::PROT_EXEC))),
            #[cfg(target_arch = "x86_64")]
            ("kill of x32", errno(libc::syscall(0x4000_0000 | libc::SYS_kill, parent, 0))),
            #[cfg(target_arch = "x86_64")]
            ("execve of x32", errno(libc::syscall(0x4000_0208, none, none, none))),
        ]
    };
    for (name, errno) in results {
        assert_eq!(errno, libc::EPERM, "{name}");
    }
    // SAFETY: as above.
    assert_eq!(errno(unsafe { libc::syscall(libc::SYS_clone3, none, 0) }), libc::ENOSYS);
    // SAFETY: no memory is passed.
    let own_priority = unsafe { libc::syscall(libc::SYS_setpriority, 0, 0, 19) };
    assert_eq!(errno(own_priority), 0, "the thread that compresses files steps back");
    // It ended meanwhile, and may be reaped.
    assert!(zombie.wait().unwrap().success());
}

#[test]
fn files_are_written_in_the_given_folders_only() {
    if done_outside("files_are_written_in_the_given_folders_only") {
        return;
    }
    let (inside, outside) = (folder("inside"), folder("outside"));
    let old = outside.join("old");
    fs::write(&old, "old").unwrap();
    let missing = outside.join("missing");
    let (outcome, _) = harden(&[&inside, &missing], &[]);
    let text = outcome.to_string();
    assert!(text.contains(&format!("writes below {} only", inside.display())), "{text}");
    assert!(text.contains("missing is not there"), "{text}");

    let denied = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EACCES));
    };
    denied(fs::write(outside.join("new"), "new"));
    denied(fs::write(&old, "new"));
    denied(fs::remove_file(&old));
    denied(fs::rename(&old, inside.join("old")));
    denied(fs::create_dir(&missing));
    assert_eq!(fs::read_to_string(&old).unwrap(), "old");

    let log = inside.join("log");
    fs::write(&log, "one").unwrap();
    fs::create_dir(inside.join("more")).unwrap();
    fs::rename(&log, inside.join("more/log.1")).unwrap();
    fs::remove_dir_all(inside.join("more")).unwrap();
    drop(UnixListener::bind(inside.join("socket")).unwrap());
    fs::remove_file(inside.join("socket")).unwrap();
}

#[test]
fn connections_go_to_the_given_ports_and_to_unix_sockets() {
    if done_outside("connections_go_to_the_given_ports_and_to_unix_sockets") {
        return;
    }
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (allowed, other) = (listen(), listen());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let path = folder("sockets").join("engine");
    let _engine = UnixListener::bind(&path).unwrap();
    let name = format!("st-harden-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let (outcome, _) = harden(&[], &[port(&allowed)]);
    assert!(is_done(&outcome, "landlock"), "{outcome}");

    let connect = |listener| TcpStream::connect((Ipv4Addr::LOCALHOST, port(listener)));
    drop(connect(&allowed).unwrap());
    assert_eq!(connect(&other).unwrap_err().raw_os_error(), Some(libc::EACCES));
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(drop);
    assert_eq!(bound.unwrap_err().raw_os_error(), Some(libc::EACCES));
    // One that listens already goes on.
    drop(allowed.accept().unwrap());
    drop(UnixStream::connect(&path).unwrap());
    // Made by ourselves, so not outside.
    let own = UnixListener::bind_addr(&address).unwrap();
    drop(UnixStream::connect_addr(&address).unwrap());
    drop(own);
    // Name resolution, which loads libraries.
    assert!(("localhost", 1).to_socket_addrs().unwrap().next().is_some());
}

#[test]
fn abstract_sockets_of_others_are_out_of_reach_unless_the_service_manager_listens_there() {
    let name =
        "abstract_sockets_of_others_are_out_of_reach_unless_the_service_manager_listens_there";
    let abstract_name = |pid| format!("st-harden-other-{pid}");
    if !is_inside() {
        let address = SocketAddr::from_abstract_name(abstract_name(std::process::id())).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        done_outside(name);
        return;
    }
    let name = abstract_name(std::os::unix::process::parent_id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    drop(UnixStream::connect_addr(&address).unwrap());
    let (outcome, _) = harden(&[], &[]);
    assert!(is_done(&outcome, "landlock"), "{outcome}");
    let error = UnixStream::connect_addr(&address).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
}

#[test]
fn other_processes_are_seen_as_before() {
    if done_outside("other_processes_are_seen_as_before") {
        return;
    }
    let path = folder("manager").join("socket");
    let _manager = UnixListener::bind(&path).unwrap();
    let mut other = other_user();
    let mut zombie = Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    let (outcome, proc) = harden(&[], &[]);
    assert!(outcome.is_complete(), "{outcome}");

    let dir = proc.process(other.id()).unwrap().unwrap();
    for name in ["stat", "status", "cgroup"] {
        assert!(!dir.read(name).unwrap().unwrap().is_empty(), "{name}");
    }
    // By the helper: Landlock would show neither. This is how managers in containers are asked.
    let root = dir.root().unwrap().unwrap();
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let socket = openat2(&root, &path, how).unwrap();
    drop(UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap());
    assert_eq!(
        fs::read_link(format!("/proc/{}/root", other.id())).unwrap_err().raw_os_error(),
        Some(libc::EACCES)
    );
    let dir = proc.process(zombie.id()).unwrap().unwrap();
    let stat = loop {
        let stat = dir.stat().unwrap().unwrap();
        if stat.is_zombie() {
            break stat;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(stat.exit_code, 7 << 8);
    assert!(proc.process(u32::MAX).unwrap().is_none());
    assert!(dir.root().is_err() || dir.root().unwrap().is_none(), "a zombie has no root");
    zombie.wait().unwrap();
    other.wait().unwrap();
    // Of ourselves: the counters of the programs are read there.
    assert!(fs::read_to_string("/proc/self/fdinfo/1").unwrap().contains("flags"));
}

/// Landlock would make us one of those that it hides them from.
#[test]
fn a_procfs_that_hides_processes_shows_them_all_the_same() {
    if done_outside("a_procfs_that_hides_processes_shows_them_all_the_same") {
        return;
    }
    let (mut other, at) = (other_user(), folder("proc"));
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let (none, private) = (None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE);
    mount(none, "/", none, private, none).unwrap();
    mount(Some("proc"), &at, Some("proc"), MsFlags::empty(), Some("hidepid=ptraceable")).unwrap();
    let proc = Root::at(&at).unwrap();
    let outcome = harden_with(&proc, &[], &[]);
    let [.., landlock] = &outcome.steps[..] else { panic!("{outcome}") };
    assert_eq!((landlock.name, landlock.state), ("landlock", State::Not));
    assert!(landlock.text.contains("left out") && landlock.text.contains("hidepid"), "{outcome}");
    assert!(proc.process(other.id()).unwrap().unwrap().stat().unwrap().is_some());
    other.wait().unwrap();
}

#[test]
fn the_helper_holds_nothing_open_and_ends_with_us() {
    if done_outside("the_helper_holds_nothing_open_and_ends_with_us") {
        return;
    }
    let (_, proc) = harden(&[], &[]);
    let children = fs::read_to_string("/proc/thread-self/children").unwrap();
    let pid: u32 = children.trim().parse().unwrap();
    let dir = proc.process(pid).unwrap().unwrap();
    let status = String::from_utf8(dir.read("status").unwrap().unwrap()).unwrap();
    assert!(status.contains("Name:\tst-looks\n"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"), "{status}");
    assert!(status.contains("CapEff:\t0000000000080004\n"), "{status}");
    drop((dir, proc));
    // Reaped too.
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn an_abort_is_still_possible() {
    if is_inside() {
        harden(&[], &[]);
        std::process::abort();
    }
    let output = run_inside("an_abort_is_still_possible");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
}
