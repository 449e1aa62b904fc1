//! A process that looks at others on our behalf: Landlock takes from whoever is under it the right to
//! see the root folder and the wait status of any process that is not.
//!
//! It is forked before that, serves one socket, and ends when we do. All that it does is to open
//! `root` and to read `stat` below a directory that it is handed.

use std::{
    fs::File,
    io::{self, IoSlice, IoSliceMut, Read as _},
    os::fd::{AsFd, AsRawFd, FromRawFd as _, OwnedFd},
    sync::Mutex,
    time::Duration,
};

use nix::{
    cmsg_space,
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::{
        prctl,
        signal::{SigHandler, Signal, signal},
        socket::{
            AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
            recvmsg, sendmsg, setsockopt, socketpair, sockopt,
        },
        stat::Mode,
        time::{TimeVal, TimeValLike as _},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{ForkResult, Pid, dup2_raw, fork},
};

/// Of a `stat` file.
const MOST_STAT: usize = 4096;
/// It answers within microseconds, unless it is not there any more.
const PATIENCE_S: i64 = 5;
/// For its end, after its socket was closed.
const LAST_MOMENT: Duration = Duration::from_millis(100);

const ROOT: u8 = b'r';
const STAT: u8 = b's';
const DONE: u8 = b'+';
const FAILED: u8 = b'-';

/// The process. It ends when this is dropped.
#[derive(Debug)]
pub struct Helper {
    /// `None` once it has failed.
    socket: Mutex<Option<OwnedFd>>,
    pid: Pid,
}

impl Helper {
    /// Forks it; `restrict` is run in it before it serves.
    ///
    /// The caller must have one thread only: the others do not exist in the new process.
    ///
    /// # Errors
    /// No process or no socket is left.
    pub fn start(restrict: impl FnOnce()) -> io::Result<Self> {
        let kind = SockType::SeqPacket;
        let (ours, its) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
        setsockopt(&ours, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_S))?;
        // SAFETY: the caller has one thread, so no lock is held by one that is not there in the new
        // process. That never returns from here.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => {
                let started = receive(&ours);
                let new = Self { socket: Mutex::new(Some(ours)), pid: child };
                match started? {
                    (text, _) if text == [DONE] => Ok(new),
                    _ => Err(io::Error::other("the helper process ended at once")),
                }
            }
            ForkResult::Child => {
                let ready = prepare(its);
                restrict();
                if let Ok(socket) = ready
                    && send(&socket, DONE, &[], None).is_ok()
                {
                    while serve(&socket).is_ok() {}
                }
                // SAFETY: it takes any number, and runs nothing of what the parent registered.
                unsafe { libc::_exit(0) }
            }
        }
    }

    /// What the process of this `/proc/PID` sees as `/`; `None` if it is gone by now.
    ///
    /// # Errors
    /// It may not be seen, or the helper is gone.
    pub fn root(&self, dir: impl AsFd) -> io::Result<Option<OwnedFd>> {
        Ok(self.ask(ROOT, dir)?.and_then(|(_, fd)| fd))
    }

    /// `stat` of this `/proc/PID`; `None` if it is gone by now.
    ///
    /// # Errors
    /// It may not be seen, or the helper is gone.
    pub fn stat(&self, dir: impl AsFd) -> io::Result<Option<Vec<u8>>> {
        Ok(self.ask(STAT, dir)?.map(|(text, _)| text))
    }

    fn ask(&self, what: u8, dir: impl AsFd) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
        let mut socket = self.socket.lock().map_err(|_| io::Error::other("a reader panicked"))?;
        let open = socket.as_ref().ok_or_else(|| io::Error::other("the helper process ended"))?;
        match exchange(open, what, dir) {
            Ok(answer) => answer,
            Err(errno) => {
                // A late answer would be taken for that to the next question.
                *socket = None;
                tracing::warn!(
                    "the process that looks at others for us is gone ({errno}): managers in \
                     containers are not asked any more; restart to have it again"
                );
                Err(errno.into())
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Ok(socket) = self.socket.get_mut() {
            *socket = None;
        }
        // Without it the end of this program leaves a zombie for a moment; no more than that.
        for _ in 0..LAST_MOMENT.as_millis() {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(nix::sys::wait::WaitStatus::StillAlive) => {}
                _ => return,
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

type Answer = io::Result<Option<(Vec<u8>, Option<OwnedFd>)>>;

/// One question and its answer; fails if there is none.
fn exchange(socket: &OwnedFd, what: u8, dir: impl AsFd) -> nix::Result<Answer> {
    let rights = [dir.as_fd().as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&rights)];
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&[what])], &rights, flags, None)?;
    let (text, fd) = receive(socket)?;
    let (kind, text) = text.split_first().ok_or(Errno::EPIPE)?;
    if *kind == DONE {
        return Ok(Ok(Some((text.to_vec(), fd))));
    }
    let number = text.try_into().map_or(0, i32::from_ne_bytes);
    Ok(match Errno::from_raw(number) {
        Errno::ENOENT | Errno::ESRCH => Ok(None),
        errno => Err(errno.into()),
    })
}

/// A message and the descriptor that came with it.
fn receive(socket: &OwnedFd) -> nix::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut text = vec![0; MOST_STAT + 1];
    let mut control = cmsg_space!([std::os::fd::RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let mut fd = None;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = part {
            for number in fds {
                // SAFETY: the kernel has just made it for us.
                fd = Some(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
    let length = message.bytes;
    text.truncate(length);
    Ok((text, fd))
}

/// Lets go of all that the parent had open: its eBPF programs would else live as long as this.
fn prepare(socket: OwnedFd) -> nix::Result<OwnedFd> {
    // The end of the parent ends us; a Ctrl-C is meant for that.
    for ignored in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        // SAFETY: ignoring runs no code of ours.
        unsafe { signal(ignored, SigHandler::SigIgn) }?;
    }
    let _unnamed = prctl::set_name(c"st-looks");
    // SAFETY: nobody uses standard input here, and all others are closed next; `socket` is among
    // them, and is forgotten.
    let kept = unsafe {
        let kept = dup2_raw(&socket, 0)?;
        libc::syscall(libc::SYS_close_range, 1, u32::MAX, 0);
        kept
    };
    std::mem::forget(socket);
    Ok(kept)
}

/// Answers one question.
fn serve(socket: &OwnedFd) -> nix::Result<()> {
    let (what, dir) = receive(socket)?;
    let result = match (&*what, dir) {
        ([ROOT], Some(dir)) => open_root(&dir).map(|fd| (Vec::new(), Some(fd))),
        ([STAT], Some(dir)) => read_stat(&dir).map(|text| (text, None)),
        ([_], _) => Err(Errno::EINVAL),
        // The parent has ended.
        _ => return Err(Errno::EPIPE),
    };
    let (kind, text, fd) = match result {
        Ok((text, fd)) => (DONE, text, fd),
        Err(errno) => (FAILED, (errno as i32).to_ne_bytes().to_vec(), None),
    };
    send(socket, kind, &text, fd.as_ref())
}

fn send(socket: &OwnedFd, kind: u8, text: &[u8], fd: Option<&OwnedFd>) -> nix::Result<()> {
    let fds: Vec<_> = fd.into_iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let rights = if fds.is_empty() { &[][..] } else { &rights[..] };
    let kind = [kind];
    let parts = [IoSlice::new(&kind), IoSlice::new(text)];
    sendmsg::<()>(socket.as_raw_fd(), &parts, rights, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

fn open_root(dir: &OwnedFd) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    openat(dir, "root", flags, Mode::empty())
}

fn read_stat(dir: &OwnedFd) -> nix::Result<Vec<u8>> {
    let fd = openat(dir, "stat", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut text = Vec::new();
    let read = File::from(fd).take(MOST_STAT as u64).read_to_end(&mut text);
    read.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    Ok(text)
}
