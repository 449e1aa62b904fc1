//! Reads `/proc/PID`: through one directory fd, so that all that is read is of one process, and as
//! bytes, because a process can call itself anything.

mod helper;
mod root;

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    sync::{Arc, OnceLock},
};

pub use helper::Helper;
use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::Mode,
};
pub use root::Root;
use signal_trace_core::event::Comm;

/// More than any of the files that we read can hold.
const MAX_FILE: u64 = 256 * 1024;

/// `/proc/PID` of one process: a reused pid does not get into it.
#[derive(Debug)]
pub struct ProcDir {
    fd: OwnedFd,
    /// Sees what we may not.
    helper: Arc<OnceLock<Helper>>,
}

impl ProcDir {
    /// The whole of one file; `None` if the process is gone by now.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let Some(fd) = present(openat(&self.fd, name, flags, Mode::empty()))? else {
            return Ok(None);
        };
        let mut content = Vec::new();
        match File::from(fd).take(MAX_FILE).read_to_end(&mut content) {
            Ok(_) => Ok(Some(content)),
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `stat`, parsed; `None` if the process is gone by now.
    ///
    /// # Errors
    /// It cannot be read, or has a form that is not known.
    pub fn stat(&self) -> io::Result<Option<Stat>> {
        let parse = |text: Option<Vec<u8>>| {
            let Some(text) = text else { return Ok(None) };
            Stat::parse(&text).map(Some).ok_or_else(|| {
                let text = "/proc/PID/stat has a form that is not known";
                io::Error::new(io::ErrorKind::InvalidData, text)
            })
        };
        let stat = parse(self.read("stat")?)?;
        // Under Landlock the kernel shows us 0 in place of the wait status.
        match (stat, self.helper.get()) {
            (Some(seen), Some(helper)) if seen.is_zombie() && seen.exit_code == 0 => {
                helper.stat(&self.fd).map_or(Ok(Some(seen)), parse)
            }
            _ => Ok(stat),
        }
    }

    /// What the process sees as `/`; `None` if it is gone by now. Everything below is the
    /// process's: only openat2(2) with `RESOLVE_IN_ROOT` stays in there.
    pub fn root(&self) -> io::Result<Option<OwnedFd>> {
        if let Some(helper) = self.helper.get() {
            return helper.root(&self.fd);
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        present(openat(&self.fd, "root", flags, Mode::empty()))
    }
}

/// `ENOENT` (no such pid) and `ESRCH` (reaped after it was opened) are an answer, not a failure.
fn present<T>(result: nix::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// What we use of `/proc/PID/stat` (`proc_pid_stat(5)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Field 1.
    pub pid: u32,
    /// Field 2.
    pub comm: Comm,
    /// Field 3.
    pub state: u8,
    /// Field 4; 0 if the parent is outside our PID namespace or the kernel.
    pub ppid: u32,
    /// Field 5; 0 if it has none any more.
    pub pgid: u32,
    /// Field 9, `PF_*`.
    pub flags: u32,
    /// Field 20.
    pub threads: u32,
    /// Field 22, ticks of 10 ms since boot.
    pub start_ticks: u64,
    /// Field 52: the wait status; 0 without `CAP_SYS_PTRACE`.
    pub exit_code: u32,
}

impl Stat {
    const PF_EXITING: u32 = 0x4;
    const PF_KTHREAD: u32 = 0x20_0000;

    /// Parses the file. A comm may hold blanks, newlines and `)`: only the last `)` ends it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let open = bytes.iter().position(|byte| *byte == b'(')?;
        let close = bytes.iter().rposition(|byte| *byte == b')')?;
        let comm = Comm::from_bytes(bytes.get(open + 1..close)?);
        let pid = number(bytes.get(..open)?.trim_ascii())?;
        let rest: Vec<&[u8]> =
            bytes.get(close + 1..)?.trim_ascii().split(|byte| *byte == b' ').collect();
        // `rest` begins with field 3.
        let field = |n: usize| rest.get(n - 3).copied();
        Some(Self {
            pid,
            comm,
            state: *field(3)?.first()?,
            ppid: number(field(4)?)?,
            // -1 of one that is being reaped.
            pgid: u32::try_from(number::<i64>(field(5)?)?).unwrap_or(0),
            flags: number(field(9)?)?,
            threads: number(field(20)?)?,
            start_ticks: number(field(22)?)?,
            exit_code: number(field(52)?)?,
        })
    }

    /// Whether it is a thread of the kernel.
    pub const fn is_kernel_thread(&self) -> bool {
        self.flags & Self::PF_KTHREAD != 0
    }

    /// Whether its leader has begun to exit (`do_exit`) and is no zombie yet. Whether its exit event
    /// is still to come is not to be seen from here.
    pub const fn is_ending(&self) -> bool {
        self.flags & Self::PF_EXITING != 0 && self.state != b'Z'
    }

    /// Whether no thread of it lives and its parent has not reaped it yet. A leader that exited
    /// before its other threads is in state Z too, but counts them.
    pub const fn is_zombie(&self) -> bool {
        self.state == b'Z' && self.threads == 1
    }

    /// Whether it is being reaped at this moment.
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, b'X' | b'x') || (self.state == b'Z' && self.threads == 0)
    }
}

/// What we use of `/proc/PID/status`. (Its comm is escaped: that cannot fake a line.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// `Tgid`: not the pid if a thread id was opened.
    pub tgid: u32,
    /// Last value of `NSpid`: the pid in its own namespace.
    pub ns_pid: u32,
    /// Depth of that namespace below ours.
    pub ns_level: u32,
    /// Real user id.
    pub uid: u32,
    /// `SigPnd` and `ShdPnd`: pending for the main thread or for the process.
    pub pending: u64,
    /// `SigIgn`.
    pub ignored: u64,
    /// `SigCgt`.
    pub caught: u64,
}

impl Status {
    /// Parses the file.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let values = |key: &str| {
            bytes.split(|byte| *byte == b'\n').find_map(|line| {
                let rest = line.strip_prefix(key.as_bytes())?.strip_prefix(b":")?;
                Some(rest.split(u8::is_ascii_whitespace).filter(|value| !value.is_empty()))
            })
        };
        let set = |key: &str| {
            let digits = str::from_utf8(values(key)?.next()?).ok()?;
            u64::from_str_radix(digits, 16).ok()
        };
        let ns_pids: Vec<u32> = values("NSpid")?.map(number).collect::<Option<_>>()?;
        Some(Self {
            tgid: number(values("Tgid")?.next()?)?,
            ns_pid: *ns_pids.last()?,
            ns_level: u32::try_from(ns_pids.len() - 1).ok()?,
            uid: number(values("Uid")?.next()?)?,
            pending: set("SigPnd")? | set("ShdPnd")?,
            ignored: set("SigIgn")?,
            caught: set("SigCgt")?,
        })
    }
}

/// Which line of `/proc/PID/cgroup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hierarchy {
    /// The v2 one, `0::PATH`.
    Unified,
    /// The v1 one of this controller, `7:cpu,pids:PATH`.
    Controller(&'static str),
}

/// The path of a process in `hierarchy`, from the content of `/proc/PID/cgroup`.
pub fn cgroup_path(content: &[u8], hierarchy: Hierarchy) -> Option<&[u8]> {
    content.split(|byte| *byte == b'\n').find_map(|line| {
        let mut parts = line.splitn(3, |byte| *byte == b':');
        let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let right = match hierarchy {
            Hierarchy::Unified => id == b"0" && controllers.is_empty(),
            Hierarchy::Controller(name) => {
                controllers.split(|byte| *byte == b',').any(|one| one == name.as_bytes())
            }
        };
        (right && path.starts_with(b"/")).then_some(path)
    })
}

/// A decimal number; `None` for anything else.
fn number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
