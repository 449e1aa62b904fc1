//! One run of a real system, from its start until nothing of it is left.

use std::{
    fs::{self, File},
    io::{Read, Write as _},
    net::TcpStream,
    os::unix::net::UnixStream,
    process::{Command, Stdio},
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid},
    },
    unistd::Pid,
};

use crate::{
    cgroup::Cgroup,
    clock::{Deadline, wall_ns},
    launch::{Address, Launch, Ready},
    system::{End, System},
    tree,
    workshop::{Site, Workshop},
};

/// For a start or a stop while everything else does the same on two cores.
const PATIENCE: Duration = Duration::from_secs(60);

/// One run of a system.
#[derive(Debug)]
pub struct Running<'a> {
    /// Which.
    pub system: System,
    /// The child of the harness.
    pub pid: i32,
    /// The process to be judged.
    pub main: i32,
    first: Vec<i32>,
    /// The raw wait status of the child, once reaped.
    pub status: Option<i32>,
    /// When it began, and when it was reaped.
    pub life: (i128, Option<i128>),
    launch: Launch,
    // Before the folder: it ends what may still write there.
    /// All that it is; without one, it is the child and its descendants.
    pub cgroup: Option<Cgroup>,
    /// Its folder.
    pub site: Site<'a>,
}

impl<'a> Running<'a> {
    /// Starts it and waits until it is up.
    pub fn start(system: System, own_cgroup: bool, workshop: &'a Workshop) -> Self {
        let site = Site::new(workshop);
        let launch = (system.launch)(&site);
        let cgroup = own_cgroup.then(|| Cgroup::new(system.name));
        // Its processes must not write over one another's words.
        let log = File::options().create_new(true).append(true).open(site.folder.file("log"));
        let log = log.expect("the folder is ours");
        let life = (wall_ns(), None);
        let pid = launch.start(cgroup.as_ref(), site.folder.path(), &log);
        let (main, first, status) = (pid, Vec::new(), None);
        let mut running = Self { system, pid, main, first, status, life, launch, cgroup, site };
        for condition in running.launch.ready.clone() {
            running.until(&format!("{condition:?}"), || {
                assert!(!running.has_ended(), "{} ended: {}", system.name, running.log());
                running.holds(condition)
            });
        }
        running.main = (system.main)(&running);
        running.first = running.pids();
        if matches!(system.end, End::Ends(_)) {
            // Some do so before the others are up, and would be zombies until then.
            running.stop();
        }
        running
    }

    /// Does to it what its case says; reaps it if it is to end.
    pub fn stop(&mut self) {
        if self.status.is_some() {
            return;
        }
        (self.system.act)(self);
        if self.system.end == End::LivesOn {
            return;
        }
        let deadline = Deadline::after(PATIENCE);
        while !self.reap() {
            assert!(!deadline.passed(), "{} does not end: {}", self.system.name, self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal to the process to be judged.
    pub fn signal(&self, signal: Signal) {
        self.signal_to(self.main, signal);
    }

    /// Sends a signal to one of its processes.
    pub fn signal_to(&self, pid: i32, signal: Signal) {
        kill(Pid::from_raw(pid), signal)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.system.name, self.log()));
    }

    /// Sends a signal to the process group that began with it, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        killpg(Pid::from_raw(self.pid), signal).expect("the leader is not reaped yet");
    }

    /// Sends a signal to all that it is, as systemd does.
    pub fn signal_all(&self, signal: Signal) {
        for pid in self.pids() {
            // Some may end because others did.
            let _gone = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Waits for something that it does; panics with its log if it does not.
    pub fn until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Deadline::after(PATIENCE);
        while !done() {
            let name = self.system.name;
            assert!(!deadline.passed(), "{name}: waited for {what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it wrote that.
    pub fn until_it_says(&self, text: &str) {
        self.until(text, || self.log().contains(text));
    }

    /// Whether its main process has a handler for a signal.
    pub fn catches(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.main));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
    }

    /// Waits until none of these processes is left, and as many are there as in the beginning.
    pub fn until_replaced(&self, pids: &[i32]) {
        self.until("new workers", || {
            let now = self.pids();
            now.len() == self.first.len() && !pids.iter().any(|pid| now.contains(pid))
        });
    }

    /// Its processes when it was up, but for the main one.
    pub fn others(&self) -> Vec<i32> {
        self.first.iter().copied().filter(|pid| *pid != self.main).collect()
    }

    /// All that live.
    pub fn pids(&self) -> Vec<i32> {
        self.cgroup.as_ref().map_or_else(|| tree::members(self.pid), Cgroup::pids)
    }

    /// The file that a process joins its cgroup by.
    pub fn members(&self) -> String {
        let cgroup = self.cgroup.as_ref().expect("its case asks for a cgroup");
        cgroup.members().display().to_string()
    }

    /// Runs a line of shell, with `$0`, `$1` and so on; it must succeed.
    pub fn shell(&self, line: &str, words: &[&str]) {
        let path = "/usr/sbin:/usr/bin:/sbin:/bin";
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", line]).args(words).env("PATH", path).stdin(Stdio::null());
        let output = shell.output().expect("there is a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {line}: {said}", self.system.name);
    }

    /// What it wrote to its standard output and error.
    pub fn log(&self) -> String {
        let text = fs::read(self.site.folder.file("log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Asks for something over HTTP; the connection, with the answer to be read from it.
    pub fn request(&self, path: &str) -> Option<Box<dyn Read>> {
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        match self.launch.address.as_ref().expect("it listens") {
            Address::Port(port) => {
                let mut stream = TcpStream::connect(("127.0.0.1", *port)).ok()?;
                stream.set_read_timeout(Some(PATIENCE)).ok()?;
                stream.write_all(request.as_bytes()).ok()?;
                Some(Box::new(stream))
            }
            Address::Socket(path) => {
                let mut stream = UnixStream::connect(path).ok()?;
                stream.set_read_timeout(Some(PATIENCE)).ok()?;
                stream.write_all(request.as_bytes()).ok()?;
                Some(Box::new(stream))
            }
        }
    }

    fn holds(&self, condition: Ready) -> bool {
        match condition {
            Ready::Log(text) => self.log().contains(text),
            Ready::File(name) => {
                fs::metadata(self.site.folder.file(name)).is_ok_and(|file| file.len() > 0)
            }
            Ready::Accepts => match self.launch.address.as_ref().expect("it listens") {
                Address::Port(port) => TcpStream::connect(("127.0.0.1", *port)).is_ok(),
                Address::Socket(path) => UnixStream::connect(path).is_ok(),
            },
            Ready::Answers => self.request("/").is_some_and(|mut stream| {
                let mut start = [0; 5];
                stream.read_exact(&mut start).is_ok() && start == *b"HTTP/"
            }),
            Ready::Processes(count) => self.pids().len() >= count,
        }
    }

    /// Whether there is something to reap.
    fn has_ended(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let state = waitid(Id::Pid(Pid::from_raw(self.pid)), flags).expect("it is our child");
        state != WaitStatus::StillAlive
    }

    fn reap(&mut self) -> bool {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        let reaped = unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) };
        if reaped == self.pid {
            self.status = Some(status);
            self.life.1 = Some(wall_ns());
        }
        self.status.is_some()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.status.is_some() {
            return;
        }
        let all = self.pids().into_iter().map(|pid| (pid, tree::birth(pid)));
        let all: Vec<_> = all.filter(|(pid, _)| *pid != self.pid).collect();
        // First nicely: some remove on the way out what the kernel would keep (shared memory).
        let pid = Pid::from_raw(self.pid);
        let _gone = kill(pid, Signal::SIGTERM);
        let deadline = Deadline::after(Duration::from_secs(3));
        while !self.reap() && !deadline.passed() {
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.status.is_none() {
            // Not reaped, so this pid is still that of our child.
            let _gone = kill(pid, Signal::SIGKILL);
            let _reaped = waitpid(pid, None);
        }
        // What it left behind is found by its cgroup, if it has one.
        for (pid, birth) in all {
            if birth.is_some() && tree::birth(pid) == birth {
                let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}
