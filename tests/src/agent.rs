//! One run of `signal-trace daemon`, from the moment that it says it is ready to its end.

use std::{
    fs::{self, File},
    os::unix::{net::UnixDatagram, process::ExitStatusExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::{clock::Deadline, folder::Folder, programs, schema};

/// Generous: two busy cores load nine programs in well under a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running daemon; its standard output is a file in the folder.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    notify: UnixDatagram,
    /// What it told the service manager, that is us.
    told: Vec<String>,
    /// Where its files are.
    pub folder: Folder,
}

impl Agent {
    /// Starts it with this configuration, in which `FOLDER` stands for its folder, and waits until
    /// it is ready. No port is opened unless the configuration says so.
    pub fn start(config: &str) -> Self {
        Self::start_with(config, |_| {})
    }

    /// The same, with more done to the command.
    pub fn start_with(config: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        Self::start_in(Folder::new(), config, prepare)
    }

    /// The same, in a folder that a daemon was in already.
    pub fn start_in(folder: Folder, config: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let socket = folder.file("notify");
        let _left = fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).expect("a socket in our folder");
        write_config(&folder, config);
        let append = |name: &str| {
            let path = folder.file(name);
            File::options().append(true).create(true).open(path).expect("our folder")
        };
        let mut command = Command::new(programs::signal_trace());
        command
            .args(["daemon", "--config"])
            .arg(folder.file("config.toml"))
            .env("NOTIFY_SOCKET", &socket)
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(append("stdout"))
            .stderr(append("stderr"));
        if !config.contains("[metrics]") {
            command.env("SIGNAL_TRACE__METRICS__ENABLED", "false");
        }
        prepare(&mut command);
        let child = command.spawn().expect("signal-trace can be started");
        let mut agent = Self { child, notify, told: vec![], folder };
        agent.wait_until_told("READY=1");
        agent
    }

    /// Waits until it told the service manager this, since the last time.
    pub fn wait_until_told(&mut self, wanted: &str) {
        let deadline = Deadline::after(PATIENCE);
        loop {
            if let Some(at) = self.told.iter().position(|line| line == wanted) {
                self.told.drain(..=at);
                return;
            }
            let ended = self.child.try_wait().expect("it is our child");
            assert!(
                ended.is_none() && !deadline.passed(),
                "no {wanted} ({ended:?}); {}",
                self.errors()
            );
            let step = deadline.left().min(Duration::from_millis(50)).max(Duration::from_millis(1));
            self.notify.set_read_timeout(Some(step)).expect("a time");
            let mut text = [0; 4096];
            if let Ok(length) = self.notify.recv(&mut text) {
                let text = String::from_utf8_lossy(&text[..length]).into_owned();
                self.told.extend(text.lines().map(str::to_owned));
            }
        }
    }

    /// Writes another configuration, and has it read.
    pub fn reload(&mut self, config: &str) {
        write_config(&self.folder, config);
        self.signal(Signal::SIGHUP);
        self.wait_until_told("READY=1");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs: it is not reaped yet");
    }

    /// Its pid.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().expect("a pid"))
    }

    /// The whole lines of a file in its folder, each checked against the schema.
    pub fn lines(&self, name: &str) -> Vec<Value> {
        lines_of(&self.folder.file(name))
    }

    /// Waits until a line of that file is as wanted.
    pub fn wait_for(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        let deadline = Deadline::after(PATIENCE);
        while found.is_none() {
            assert!(!deadline.passed(), "no sign of {what} in {name}; {}", self.errors());
            std::thread::sleep(Duration::from_millis(20));
            found = self.lines(name).into_iter().find(&wanted);
        }
        found.expect("waited for")
    }

    /// Waits until the end of this process in a shutdown stands in that file.
    pub fn wait_for_shutdown(&self, name: &str, pid: i32) -> Value {
        self.wait_for(name, &format!("the shutdown of process {pid}"), |line| is_end_of(line, pid))
    }

    /// Ends it with SIGTERM: exit code 0, and how long it took.
    pub fn end(&mut self) -> Duration {
        let before = crate::clock::boot_ns();
        self.signal(Signal::SIGTERM);
        let code = self.wait();
        assert_eq!(code, Some(0), "at SIGTERM; {}", self.errors());
        Duration::from_nanos(crate::clock::boot_ns() - before)
    }

    /// Ends it with SIGKILL; its folder is left.
    pub fn kill(mut self) -> Folder {
        self.signal(Signal::SIGKILL);
        let status = self.child.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(9));
        std::mem::take(&mut self.folder)
    }

    /// Waits for its end; the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let mut status = None;
        Deadline::after(PATIENCE).until("the end of the daemon", || {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// What it wrote to its standard error.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.file("stderr")).unwrap_or_default()
    }

    fn errors(&self) -> String {
        format!("its standard error:\n{}", self.stderr())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}

/// The whole lines of a file, each checked against the schema; none if it is not there.
pub fn lines_of(path: &PathBuf) -> Vec<Value> {
    let text = String::from_utf8(fs::read(path).unwrap_or_default()).expect("UTF-8");
    let whole: Vec<_> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    schema::checked(&whole.iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>())
}

/// Whether it is a shutdown with the end of this process.
pub fn is_end_of(line: &Value, pid: i32) -> bool {
    let mut reports = line["processes"].as_array().into_iter().flatten();
    line["type"] == "shutdown"
        && reports.any(|p| p["process"]["pid"] == pid && !p["exit"].is_null())
}

fn write_config(folder: &Folder, config: &str) {
    let path = folder.path().to_str().expect("a plain path");
    fs::write(folder.file("config.toml"), config.replace("FOLDER", path)).expect("our folder");
}
