//! Starts a real program as a service manager does, in a cgroup of its own or in ours.

use std::{
    ffi::{CString, OsStr, OsString},
    fs::File,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use crate::cgroup::Cgroup;

/// linux/sched.h; libc's constant overflows its type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Where Debian's packages put programs. Nothing else is looked at first: what a machine has
/// elsewhere may be a wrapper, or of another version.
const FOLDERS: [&str; 4] = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

/// Something that must hold before a system counts as up.
#[derive(Clone, Copy, Debug)]
pub enum Ready {
    /// It wrote this to its standard output or error.
    Log(&'static str),
    /// This file of its folder is there and not empty.
    File(&'static str),
    /// It accepts a connection.
    Accepts,
    /// It answers an HTTP request.
    Answers,
    /// It has come to this number of processes.
    Processes(usize),
}

/// Where a system listens.
#[derive(Clone, Debug)]
pub enum Address {
    /// On 127.0.0.1.
    Port(u16),
    /// A Unix socket.
    Socket(PathBuf),
}

/// A command line, where it runs, and how to know that it is up.
#[derive(Debug)]
pub struct Launch {
    words: Vec<OsString>,
    pid_namespace: bool,
    /// Where it listens, if it does.
    pub address: Option<Address>,
    /// All of them must hold.
    pub ready: Vec<Ready>,
}

impl Launch {
    /// A program and Debian's package that holds it.
    pub fn new(program: &str, package: &str) -> Self {
        let words = vec![program_path(program, package).into()];
        Self { words, pid_namespace: false, address: None, ready: Vec::new() }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// Adds arguments that hold no blanks.
    #[must_use]
    pub fn args(mut self, words: &str) -> Self {
        self.words.extend(words.split_whitespace().map(OsString::from));
        self
    }

    /// The same, as argument of a program that starts others: an init, a shell's `exec`.
    #[must_use]
    pub fn under(mut self, outer: Self) -> Self {
        self.words.splice(0..0, outer.words);
        self
    }

    /// As PID 1 of a new PID namespace.
    #[must_use]
    pub fn as_pid1(mut self) -> Self {
        self.pid_namespace = true;
        self
    }

    /// It listens there.
    #[must_use]
    pub fn at(mut self, address: Address) -> Self {
        self.address = Some(address);
        self
    }

    /// It is not up before this holds.
    #[must_use]
    pub fn ready(mut self, condition: Ready) -> Self {
        self.ready.push(condition);
        self
    }

    /// Starts it in the cgroup and the folder, with `log` for what it writes; its pid.
    pub fn start(&self, cgroup: Option<&Cgroup>, folder: &Path, log: &File) -> i32 {
        let words: Vec<_> = self.words.iter().map(c_string).collect();
        // Nothing of the machine's own environment: systems that are tested alike behave alike.
        let variables = [
            c_string("PATH=/usr/sbin:/usr/bin:/sbin:/bin"),
            c_string("LANG=C.UTF-8"),
            c_string(concat_os("HOME=", folder)),
            c_string(concat_os("TMPDIR=", folder)),
        ];
        let (argv, envp) = (pointers(&words), pointers(&variables));
        let home = c_string(folder);
        let nothing = File::open("/dev/null").expect("/dev/null is there");
        let handle = cgroup.and_then(Cgroup::handle);
        // SAFETY: `clone_args` is plain data.
        let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
        arguments.exit_signal = u64::try_from(libc::SIGCHLD).expect("positive");
        if let Some(handle) = &handle {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = handle.as_raw_fd().try_into().expect("a descriptor");
        }
        if self.pid_namespace {
            arguments.flags |= u64::try_from(libc::CLONE_NEWPID).expect("positive");
        }
        // SAFETY: like fork(2): the child has a copy of this memory and makes only
        // async-signal-safe calls, with strings that were made before.
        let pid = unsafe {
            let size = size_of_val(&arguments);
            let pid = libc::syscall(libc::SYS_clone3, &raw const arguments, size);
            if pid == 0 {
                // A service begins in a session of its own, with no signal ignored or blocked;
                // the harness' runtime ignores SIGPIPE, and children would inherit that.
                libc::setsid();
                for number in 1..=64 {
                    libc::signal(number, libc::SIG_DFL);
                }
                let mut none: libc::sigset_t = std::mem::zeroed();
                libc::sigemptyset(&raw mut none);
                libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
                libc::dup2(nothing.as_raw_fd(), 0);
                libc::dup2(log.as_raw_fd(), 1);
                libc::dup2(log.as_raw_fd(), 2);
                libc::chdir(home.as_ptr());
                libc::execve(argv[0], argv.as_ptr(), envp.as_ptr());
                libc::_exit(127);
            }
            pid
        };
        assert!(pid > 0, "clone3: {} (the tests need root)", std::io::Error::last_os_error());
        i32::try_from(pid).expect("a pid")
    }
}

/// Where a program is; a path stays as it is.
pub fn program_path(name: &str, package: &str) -> PathBuf {
    let found = FOLDERS.map(|folder| Path::new(folder).join(name));
    let found = found.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| crate::programs::system(name, package))
}

fn concat_os(left: &str, right: &Path) -> OsString {
    let mut text = OsString::from(left);
    text.push(right);
    text
}

fn c_string(text: impl AsRef<OsStr>) -> CString {
    CString::new(text.as_ref().as_encoded_bytes()).expect("neither paths nor words hold a NUL")
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}
