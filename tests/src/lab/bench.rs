//! What the lab's containers run on: a Docker engine, and a session that watches it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use super::{
    System,
    case::{Case, Got, run_all},
    row::Row,
};
use crate::{
    clock::{Deadline, boot_ns},
    docker::Docker,
    image, programs,
    session::{Session, wait_until_told},
    tree,
};

/// Under the load of the other cases, and of whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many cases run side by side: most of their time is waiting.
const AT_A_TIME: usize = 4;

/// Containers of it have the node's own `/usr`, and with it the packages of the node.
#[derive(Debug)]
pub struct Bench {
    /// The engine.
    pub docker: Docker,
    /// Of the session.
    recording: PathBuf,
}

/// A container that runs.
#[derive(Debug)]
pub struct Container<'a> {
    bench: &'a Bench,
    /// Its id.
    pub id: String,
    /// The pid of its first process, as the node sees it.
    pub pid: i32,
}

/// Runs the cases of a system on a bench that `prepare` has made ready.
pub fn run(system: &System, cases: &[Case<Bench>], prepare: fn(&Bench)) -> Vec<Row> {
    let docker = Docker::start();
    let folder = docker.folder();
    let root = image::host_root(folder);
    docker.load(&image::archive(folder, "host", &root, &[(image::HOST, json!({}))]));
    let session = Session::start(&["--runtime", &docker.runtime_argument()]);
    let bench = Bench { docker, recording: session.recording().to_owned() };
    prepare(&bench);
    run_all(system, bench, session, cases, AT_A_TIME)
}

impl Bench {
    /// Writes a file that a container can be given; where it is.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.docker.folder().file(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("the folder is ours");
        }
        std::fs::write(&path, text).expect("the folder is ours");
        path
    }

    /// Starts a container of the node's programs, which says `up` when it is: its grace period, more
    /// options of `docker run`, and its command (also `/opt/st-proc`). Returns when signal-trace was told of it.
    pub fn start(&self, grace_seconds: u32, options: &[&str], words: &[&str]) -> Container<'_> {
        let container = self.start_unready(grace_seconds, options, words);
        container.until_it_says("up");
        container
    }

    /// The same, which does not say `up`.
    pub fn start_unready(
        &self,
        grace_seconds: u32,
        options: &[&str],
        words: &[&str],
    ) -> Container<'_> {
        let grace = format!("--stop-timeout={grace_seconds}");
        let helper = format!("--volume={}:/opt/st-proc:ro", programs::helper().display());
        let mut all = vec!["run", "--detach", &grace, "--network=none", "--tmpfs=/tmp"];
        all.extend(["--tmpfs=/run", "--volume=/usr:/usr:ro"]);
        all.push("--volume=/etc/alternatives:/etc/alternatives:ro");
        all.extend([helper.as_str()]);
        all.extend(options);
        all.push(image::HOST);
        all.extend(words);
        let id = self.docker.run(&all);
        let pid = self.docker.containerd().pid_of("start", &id);
        wait_until_told(&self.recording, &id);
        Container { bench: self, id, pid }
    }
}

impl Container<'_> {
    /// Waits until its log has this.
    pub fn until_it_says(&self, text: &str) {
        let what = format!("{text:?} in the log of a container");
        let deadline = Deadline::after(PATIENCE);
        deadline.until_or_not(|| self.log().contains(text));
        assert!(self.log().contains(text), "waited too long for {what}: {}", self.log());
    }

    /// Waits until it has come to this number of processes.
    pub fn until_it_has(&self, processes: usize) {
        let what = format!("{processes} processes in a container");
        Deadline::after(PATIENCE).until(&what, || self.processes().len() == processes);
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.bench.docker.log(&self.id)
    }

    /// Its processes, its first one first, as the node sees them.
    pub fn processes(&self) -> Vec<i32> {
        tree::members(self.pid)
    }

    /// The one below its first process whose command line begins with these words.
    pub fn process(&self, words: &str) -> i32 {
        let is_it = |pid: &i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).replace('\0', " ").starts_with(words)
        };
        let mut all = self.processes().into_iter().skip(1);
        all.find(is_it).unwrap_or_else(|| panic!("no process {words:?} in the container"))
    }

    /// Runs a command in it to its end; what it prints.
    pub fn exec(&self, words: &[&str]) -> String {
        self.bench.docker.run(&[&["exec", &self.id], words].concat())
    }

    /// `docker kill`, with a signal.
    pub fn signal(&self, name: &str) {
        self.docker(&["kill", "--signal", name]);
    }

    /// `docker stop`, with the grace period that it is configured with.
    pub fn stop(&self) -> Got {
        self.end(|| {
            self.docker(&["stop"]);
        })
    }

    /// Waits until it has ended by itself.
    pub fn wait(&self) -> Got {
        self.end(|| {
            self.docker(&["wait"]);
        })
    }

    /// What became of it, after something that ends it.
    pub fn end(&self, by: impl FnOnce()) -> Got {
        let before = boot_ns();
        by();
        Got {
            id: self.id.clone(),
            pid: self.pid,
            exit_code: self.bench.docker.exit_code(&self.id),
            seconds: Duration::from_nanos(boot_ns() - before).as_secs_f64(),
            facts: Vec::new(),
            also: Vec::new(),
        }
    }

    fn docker(&self, words: &[&str]) -> String {
        self.bench.docker.run(&[words, &[&self.id]].concat())
    }
}

/// `--volume=FROM:TO:ro`.
pub fn read_only(from: &Path, to: &str) -> String {
    format!("--volume={}:{to}:ro", from.display())
}
