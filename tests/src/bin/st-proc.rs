//! A process that does exactly one known thing with SIGTERM: `st-proc MODE...`.
//!
//! Once everything is in place it prints `READY PID [CHILD PID...]` (pids as it sees them), so that
//! a test can wait for it. See [`Mode::parse`] for the modes.

use std::{
    ffi::CString,
    fs,
    io::{Read as _, Write as _},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

/// What to do. The handlers run in signal context, so they only sleep, signal and exit.
enum Mode {
    Default,
    Ignore,
    Handle { delay_ms: i32, code: i32 },
    Reraise,
    Crash,
    Swallow,
    Sigwait { code: i32 },
    Block,
    Exit { code: i32 },
    Threads { count: usize, mode: Box<Mode> },
    LeaderExits { mode: Box<Mode> },
    ExecFromThread { arguments: Vec<String> },
    Fork { count: usize, mode: Box<Mode> },
    NoForward { mode: Box<Mode> },
    Zombie { seconds: u64 },
}

impl Mode {
    fn parse(words: &[String]) -> Option<Self> {
        let number = |i: usize| words.get(i).and_then(|word| word.parse::<u32>().ok());
        let int = |i| number(i).and_then(|n| i32::try_from(n).ok());
        let count = |i| number(i).and_then(|n| usize::try_from(n).ok());
        let rest = |i: usize| words.get(i..).and_then(Self::parse).map(Box::new);
        Some(match words.first()?.as_str() {
            "default" => Self::Default,
            "ignore" => Self::Ignore,
            // A handler that works for so long and then exits.
            "handle" => Self::Handle { delay_ms: int(1)?, code: int(2)? },
            // A handler that restores the default action and sends the signal to itself again.
            "reraise" => Self::Reraise,
            // A handler that aborts.
            "crash" => Self::Crash,
            // A handler that does nothing.
            "swallow" => Self::Swallow,
            "sigwait" => Self::Sigwait { code: int(1)? },
            "block" => Self::Block,
            "exit" => Self::Exit { code: int(1)? },
            // More threads, on each of which the signal may land.
            "threads" => Self::Threads { count: count(1)?, mode: rest(2)? },
            // The main thread ends and another one goes on.
            "leader-exits" => Self::LeaderExits { mode: rest(1)? },
            // A thread that is not the leader execs this program.
            "exec-from-thread" => {
                Self::parse(words.get(1..)?)?;
                Self::ExecFromThread { arguments: words[1..].to_vec() }
            }
            // Children; the parent forwards SIGTERM, waits for them and exits 0.
            "fork" => Self::Fork { count: count(1)?, mode: rest(2)? },
            // A child; the parent exits 0 at SIGTERM and tells the child nothing.
            "no-forward" => Self::NoForward { mode: rest(1)? },
            // A child that ends at once and is reaped that much later (0: never).
            "zombie" => Self::Zombie { seconds: number(1)?.into() },
            _ => return None,
        })
    }

    /// Sets dispositions and mask; threads and children inherit them.
    fn prepare(&self) {
        set_disposition(libc::SIG_DFL);
        mask(libc::SIG_UNBLOCK);
        match self {
            Self::Ignore => set_disposition(libc::SIG_IGN),
            Self::Handle { delay_ms, code } => {
                DELAY_MS.store(*delay_ms, Ordering::SeqCst);
                CODE.store(*code, Ordering::SeqCst);
                set_handler(on_handle);
            }
            Self::NoForward { .. } => set_handler(on_handle),
            Self::Reraise => set_handler(on_reraise),
            Self::Crash => set_handler(on_crash),
            Self::Swallow => set_handler(on_swallow),
            Self::Sigwait { .. } | Self::Block | Self::Fork { .. } => mask(libc::SIG_BLOCK),
            Self::Threads { mode, .. } | Self::LeaderExits { mode } => mode.prepare(),
            _ => {}
        }
    }

    /// Lives it; `READY` goes to `out`.
    fn live(&self, out: &OwnedFd) -> ! {
        match self {
            Self::Sigwait { code } => {
                ready(out, &[]);
                wait_for_term();
                exit(*code)
            }
            Self::Exit { code } => {
                ready(out, &[]);
                exit(*code)
            }
            Self::Threads { count, mode } => {
                for _ in 0..*count {
                    std::thread::spawn(|| pause());
                }
                mode.live(out)
            }
            Self::LeaderExits { mode } => leader_exits(mode, out),
            Self::ExecFromThread { arguments } => {
                let arguments = arguments.clone();
                std::thread::spawn(move || exec(&arguments));
                pause()
            }
            Self::Fork { count, mode } => {
                let children: Vec<_> = (0..*count).map(|_| child(mode)).collect();
                ready(out, &children);
                wait_for_term();
                for pid in &children {
                    // SAFETY: no memory is passed.
                    unsafe { libc::kill(*pid, libc::SIGTERM) };
                }
                for pid in children {
                    reap(pid);
                }
                exit(0)
            }
            Self::NoForward { mode } => {
                ready(out, &[child(mode)]);
                pause()
            }
            Self::Zombie { seconds } => {
                let pid = child_that_ends();
                ready(out, &[pid]);
                if *seconds > 0 {
                    std::thread::sleep(Duration::from_secs(*seconds));
                    reap(pid);
                }
                pause()
            }
            _ => {
                ready(out, &[]);
                pause()
            }
        }
    }
}

/// What `on_handle` does; a signal handler has no arguments of its own.
static DELAY_MS: AtomicI32 = AtomicI32::new(0);
static CODE: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_handle(_: i32) {
    let ms = DELAY_MS.load(Ordering::SeqCst);
    let nap =
        libc::timespec { tv_sec: (ms / 1000).into(), tv_nsec: (ms % 1000 * 1_000_000).into() };
    // SAFETY: both are async-signal-safe, and `nap` outlives the call.
    unsafe {
        libc::nanosleep(&raw const nap, std::ptr::null_mut());
        libc::_exit(CODE.load(Ordering::SeqCst));
    }
}

extern "C" fn on_reraise(signal: i32) {
    // SAFETY: both are async-signal-safe. The signal is blocked until this handler returns.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

extern "C" fn on_crash(_: i32) {
    // SAFETY: async-signal-safe.
    unsafe { libc::abort() }
}

extern "C" fn on_swallow(_: i32) {}

fn set_handler(handler: extern "C" fn(i32)) {
    set_disposition(handler as *const () as libc::sighandler_t);
}

fn set_disposition(disposition: libc::sighandler_t) {
    // SAFETY: a disposition constant or a handler that is async-signal-safe.
    unsafe { libc::signal(libc::SIGTERM, disposition) };
}

fn term_set() -> libc::sigset_t {
    // SAFETY: `sigset_t` is plain data, set up by sigemptyset.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        set
    }
}

fn mask(how: i32) {
    let set = term_set();
    // SAFETY: `set` outlives the call.
    unsafe { libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut()) };
}

fn wait_for_term() {
    let (set, mut signal) = (term_set(), 0);
    // SAFETY: both outlive the call.
    unsafe { libc::sigwait(&raw const set, &raw mut signal) };
}

fn pause() -> ! {
    loop {
        // SAFETY: no memory is passed.
        unsafe { libc::pause() };
    }
}

fn exit(code: i32) -> ! {
    // SAFETY: ends the process; nothing of it is used any more.
    unsafe { libc::_exit(code) }
}

fn reap(pid: i32) {
    // SAFETY: a null status is allowed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

fn pid() -> i32 {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

fn ready(out: &OwnedFd, children: &[i32]) {
    let pids: Vec<_> = std::iter::once(pid()).chain(children.iter().copied()).collect();
    let words: Vec<_> = pids.iter().map(ToString::to_string).collect();
    let line = format!("READY {}\n", words.join(" "));
    let mut file = fs::File::from(out.try_clone().expect("a descriptor is left"));
    file.write_all(line.as_bytes()).expect("the reader of READY is there");
}

/// The main thread ends; `READY` once the kernel has made a zombie of it.
fn leader_exits(mode: &Mode, out: &OwnedFd) -> ! {
    let words: Vec<String> = std::env::args().skip(2).collect();
    assert!(!matches!(mode, Mode::Fork { .. }), "children would copy only this thread");
    let out = out.try_clone().expect("a descriptor is left");
    std::thread::spawn(move || {
        let leader = format!("/proc/self/task/{}/stat", pid());
        while !fs::read_to_string(&leader).is_ok_and(|stat| stat.contains(") Z ")) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Mode::parse(&words).expect("parsed before").live(&out)
    });
    // SAFETY: ends this thread alone, without unwinding; what it owns stays valid for the others.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("exit(2) does not return");
}

fn exec(arguments: &[String]) -> ! {
    let words: Vec<CString> = std::iter::once("st-proc")
        .chain(arguments.iter().map(String::as_str))
        .map(|word| CString::new(word).expect("an argument holds no NUL"))
        .collect();
    let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: a NULL-terminated array of strings that outlives the call.
    unsafe { libc::execv(c"/proc/self/exe".as_ptr(), pointers.as_ptr()) };
    exit(127)
}

/// Forks a child that lives `mode`; its pid, once it is ready.
fn child(mode: &Mode) -> i32 {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors; this process has one thread when it forks; and the
    // descriptors are owned by nobody else.
    let (pid, reader, writer) = unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0, "pipe2");
        let (reader, writer) = (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]));
        (libc::fork(), reader, writer)
    };
    assert!(pid >= 0, "fork");
    if pid == 0 {
        drop(reader);
        mode.prepare();
        // An exec closes the pipe: READY must come on the standard output of the new program.
        // SAFETY: replaces descriptor 1, which nothing of this process refers to.
        unsafe { libc::dup2(writer.as_raw_fd(), 1) };
        mode.live(&writer);
    }
    drop(writer);
    let (mut file, mut line, mut byte) = (fs::File::from(reader), Vec::new(), [0]);
    while byte[0] != b'\n' && file.read(&mut byte).expect("the pipe can be read") == 1 {
        line.push(byte[0]);
    }
    assert!(line.starts_with(b"READY "), "the child did not start");
    pid
}

/// Forks a child that ends at once; its pid, once it is a zombie.
fn child_that_ends() -> i32 {
    // SAFETY: this process has one thread; `info` has room for what the kernel writes.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::_exit(0);
        }
        let mut info = std::mem::zeroed();
        let id = libc::id_t::try_from(pid).expect("fork failed");
        libc::waitid(libc::P_PID, id, &raw mut info, libc::WEXITED | libc::WNOWAIT);
        pid
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mode = Mode::parse(&words).expect("usage: st-proc MODE...; see the source");
    // SAFETY: nothing else in this program uses descriptor 1.
    let out = unsafe { OwnedFd::from_raw_fd(1) };
    mode.prepare();
    mode.live(&out)
}
