//! The processes that tests signal and reap: their pids, wait statuses and times are the truth.

use std::{
    ffi::{CString, OsString},
    fs::File,
    io::{BufRead as _, BufReader},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    time::Duration,
};

use nix::{
    fcntl::OFlag,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{Pid, pipe2},
};

use crate::{
    cgroup::Cgroup,
    clock::{Deadline, wall_ns},
    programs,
};

/// linux/sched.h; libc's constant overflows its type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Two readings of the wall clock, and something happened between them.
#[derive(Clone, Copy, Debug)]
pub struct Bracket {
    /// Before it.
    pub from: i128,
    /// After it.
    pub to: i128,
}

impl Bracket {
    /// Whether `time` is no further than `slack` outside.
    pub fn holds(&self, time: i128, slack: Duration) -> bool {
        let slack = i128::try_from(slack.as_nanos()).expect("a short time");
        (self.from - slack..=self.to + slack).contains(&time)
    }
}

/// Where and how to start a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Born in this cgroup; else in that of the harness.
    pub cgroup: Option<&'a Cgroup>,
    /// PID 1 of a new PID namespace.
    pub pid_namespace: bool,
}

/// A child of the harness; killed and reaped when it is dropped.
#[derive(Debug)]
pub struct Proc {
    /// In the initial PID namespace (that of the harness).
    pub pid: i32,
    /// Children, as it sees them itself.
    pub children: Vec<i32>,
    /// Raw wait status, once reaped.
    pub status: Option<i32>,
    /// Around the last signal that we sent it.
    pub signalled: Option<Bracket>,
    /// From the last signal (else the start) to the return of waitpid.
    pub ended: Option<Bracket>,
    started: i128,
    /// Kept open, so that the process never gets SIGPIPE.
    output: Option<BufReader<File>>,
}

impl Proc {
    /// Starts `st-proc MODE...` and waits until it is ready.
    pub fn start(mode: &str, place: Place) -> Self {
        let program = programs::helper().into_os_string();
        let modes = mode.split_whitespace().map(OsString::from);
        let words: Vec<_> = std::iter::once(program).chain(modes).collect();
        let mut process = Self::spawn(&words, place);
        process.await_ready();
        process
    }

    /// Starts a program, given by its path and arguments, and does not wait for it.
    pub fn spawn(words: &[OsString], place: Place) -> Self {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        let started = wall_ns();
        let pid = clone_and_exec(words, place, &writer);
        let output = Some(BufReader::new(File::from(reader)));
        Self {
            pid,
            children: Vec::new(),
            status: None,
            signalled: None,
            ended: None,
            started,
            output,
        }
    }

    /// Waits for its `READY PID [CHILD PID...]`, and notes the children.
    pub fn await_ready(&mut self) {
        let mut line = String::new();
        let output = self.output.as_mut().expect("it was spawned");
        output.read_line(&mut line).expect("the pipe can be read");
        let mut words = line.split_whitespace();
        let name = std::fs::read_to_string(format!("/proc/{}/cmdline", self.pid));
        let name = name.unwrap_or_default().replace('\0', " ");
        assert_eq!(words.next(), Some("READY"), "`{name}` did not start: {line:?}");
        self.children = words.skip(1).map(|word| word.parse().expect("a pid")).collect();
    }

    /// The pid in the READY that it has printed, if it has; of one that has ended.
    pub fn ready_pid(&mut self) -> Option<i32> {
        let mut line = String::new();
        self.output.as_mut()?.read_line(&mut line).ok()?;
        line.strip_prefix("READY ")?.trim().parse().ok()
    }

    /// A grandchild whose parent is about to end: as its subreaper we become its parent.
    pub fn adopt(pid: i32) -> Self {
        Self {
            pid,
            children: Vec::new(),
            status: None,
            signalled: None,
            ended: None,
            started: wall_ns(),
            output: None,
        }
    }

    /// In a cgroup of its own or, without one, in the harness'.
    pub fn start_in(mode: &str, cgroup: Option<&Cgroup>) -> Self {
        Self::start(mode, Place { cgroup, pid_namespace: false })
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) -> Bracket {
        let from = wall_ns();
        kill(Pid::from_raw(self.pid), signal).expect("the process is there: it is not reaped yet");
        let bracket = Bracket { from, to: wall_ns() };
        self.signalled = Some(bracket);
        bracket
    }

    /// Waits for its end and reaps it: the raw wait status.
    pub fn wait(&mut self) -> i32 {
        let status = wait_raw(self.pid, 0).expect("it is our child").expect("it has ended");
        self.reaped(status)
    }

    /// Reaps it if it has ended.
    pub fn try_wait(&mut self) -> Option<i32> {
        let status = wait_raw(self.pid, libc::WNOHANG).expect("it is our child")?;
        Some(self.reaped(status))
    }

    /// Reaps it if it has come to us, and has ended.
    pub fn try_wait_orphan(&mut self) -> Option<i32> {
        let status = wait_raw(self.pid, libc::WNOHANG).ok()??;
        Some(self.reaped(status))
    }

    /// Waits that long at most; panics if it lives on.
    pub fn wait_for(&mut self, wait: Duration) -> i32 {
        let mut status = None;
        Deadline::after(wait).until("the end of a process", || {
            status = self.try_wait();
            status.is_some()
        });
        status.expect("waited for")
    }

    /// From its start to its end, as far as that has come.
    pub fn lifetime(&self) -> Duration {
        let end = self.ended.map_or_else(wall_ns, |ended| ended.to);
        Duration::from_nanos((end - self.started).try_into().unwrap_or_default())
    }

    fn reaped(&mut self, status: i32) -> i32 {
        let from = self.signalled.map_or(self.started, |signal| signal.from);
        self.ended = Some(Bracket { from, to: wall_ns() });
        self.status = Some(status);
        status
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        // What was only adopted may have been reaped by another one, and its pid given again.
        let ours = self.output.is_some() || is_our_child(self.pid);
        if self.status.is_none() && ours {
            let pid = Pid::from_raw(self.pid);
            // Not reaped, so this pid is still that of our child.
            let _gone = kill(pid, Signal::SIGKILL);
            let _reaped = waitpid(pid, Some(WaitPidFlag::empty()));
        }
        for child in self.children.iter().filter(|pid| **pid != self.pid && is_our_child(**pid)) {
            let child = Pid::from_raw(*child);
            let _gone = kill(child, Signal::SIGKILL);
            let _reaped = waitpid(child, Some(WaitPidFlag::empty()));
        }
    }
}

/// Whether a process that was left behind has come to us.
fn is_our_child(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.is_some_and(|parent| parent.trim() == std::process::id().to_string())
}

/// Like waitpid(2): the raw status, which is what the recording is compared with.
fn wait_raw(pid: i32, options: i32) -> Result<Option<i32>, nix::Error> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let result = unsafe { libc::waitpid(pid, &raw mut status, options) };
    nix::Error::result(result).map(|reaped| (reaped == pid).then_some(status))
}

/// Starts it with clone3(2), because only that puts a process into its cgroup at birth. One of v1 it
/// joins before it becomes the program.
fn clone_and_exec(words: &[OsString], place: Place, output: &OwnedFd) -> i32 {
    let words: Vec<CString> = words
        .iter()
        .map(|word| CString::new(word.as_bytes()).expect("an argument holds no NUL"))
        .collect();
    let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let cgroup = place.cgroup.and_then(Cgroup::handle);
    let entry = place.cgroup.and_then(Cgroup::entry);
    let entry = entry.as_ref().map(AsRawFd::as_raw_fd);
    // SAFETY: `clone_args` is plain data.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = u64::try_from(libc::SIGCHLD).expect("positive");
    if place.pid_namespace {
        arguments.flags |= u64::try_from(libc::CLONE_NEWPID).expect("positive");
    }
    if let Some(cgroup) = &cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup.as_raw_fd().try_into().expect("a descriptor");
    }
    // SAFETY: like fork(2): the child has a copy of this memory and makes only async-signal-safe
    // calls, with strings that were made before.
    let pid = unsafe {
        let pid = libc::syscall(libc::SYS_clone3, &raw const arguments, size_of_val(&arguments));
        if pid == 0 {
            if let Some(entry) = entry
                && libc::write(entry, c"0".as_ptr().cast(), 1) != 1
            {
                libc::_exit(126);
            }
            libc::dup2(output.as_raw_fd(), 1);
            as_if_new();
            libc::execv(pointers[0], pointers.as_ptr());
            libc::_exit(127);
        }
        pid
    };
    assert!(pid > 0, "clone3: {} (the tests need root)", std::io::Error::last_os_error());
    i32::try_from(pid).expect("a pid")
}

/// What the harness was started with is not handed on: ignored signals (by a shell that runs it in
/// the background), its process group, a limit that allows core dumps.
///
/// Makes async-signal-safe calls only.
fn as_if_new() {
    const CHANGED: [i32; 8] = [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGHUP,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGCHLD,
        libc::SIGPIPE,
    ];
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: constants, and memory that outlives the calls.
    unsafe {
        for signal in CHANGED {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
        libc::setsid();
    }
}
