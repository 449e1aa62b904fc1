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
    let (bench, session) = Bench::begin();
    prepare(&bench);
    run_all(system, bench, session, cases, AT_A_TIME)
}

impl Bench {
    /// Starts the engine, and what watches it.
    pub fn begin() -> (Self, Session) {
        let docker = Docker::start();
        let folder = docker.folder();
        let root = image::host_root(folder);
        docker.load(&image::archive(folder, "host", &root, &[(image::HOST, json!({}))]));
        let session = Session::start(&["--runtime", &docker.runtime_argument()]);
        let recording = session.recording().to_owned();
        (Self { docker, recording }, session)
    }

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
        self.start_image(image::HOST, grace_seconds, options, words)
    }

    /// The same, of an image that [`Self::make_image`] made; without words, its own command.
    pub fn start_image(
        &self,
        image: &str,
        grace_seconds: u32,
        options: &[&str],
        words: &[&str],
    ) -> Container<'_> {
        let grace = format!("--stop-timeout={grace_seconds}");
        let mut all = vec!["run".to_owned(), "--detach".to_owned(), grace];
        all.extend(["--network=none", "--tmpfs=/tmp", "--tmpfs=/run"].map(str::to_owned));
        all.extend(mounts().map(|mount| format!("--volume={mount}")));
        all.extend(options.iter().chain(&[image]).chain(words).map(|&word| word.to_owned()));
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        self.adopt(self.docker.run(&all))
    }

    /// A container that something else has started, once signal-trace was told of it.
    pub fn adopt(&self, id: String) -> Container<'_> {
        let pid = self.docker.containerd().pid_of("start", &id);
        wait_until_told(&self.recording, &id);
        Container { bench: self, id, pid }
    }

    /// Makes an image of the node's programs: what its Dockerfile has below `FROM`.
    pub fn make_image(&self, name: &str, instructions: &str) {
        let file = format!("{name}/Dockerfile");
        let file = self.write(&file, &format!("FROM {}\n{instructions}\n", image::HOST));
        let folder = file.parent().expect("it is in one").display().to_string();
        self.docker.run(&["build", "--quiet", "--tag", name, &folder]);
    }
}

/// What its containers have of the node, as `FROM:TO:ro`.
pub fn mounts() -> [String; 3] {
    [
        "/usr:/usr:ro".to_owned(),
        "/etc/alternatives:/etc/alternatives:ro".to_owned(),
        format!("{}:/opt/st-proc:ro", programs::helper().display()),
    ]
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

    /// The pids, as the node sees them, of its processes whose command line begins so; waits until
    /// there are that many.
    pub fn pids_of(&self, beginning: &str, count: usize) -> Vec<i32> {
        let find = || -> Vec<i32> {
            let all = self.docker_with(&["top"], &["-eo", "pid,args"]);
            let words = all.lines().filter_map(|line| line.trim().split_once(' '));
            let found = words.filter(|(_, args)| args.trim_start().starts_with(beginning));
            found.filter_map(|(pid, _)| pid.parse().ok()).collect()
        };
        let what = format!("{count} processes {beginning:?} in a container");
        Deadline::after(PATIENCE).until(&what, || find().len() == count);
        find()
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

    /// `docker WORDS`, after which it is waited for.
    pub fn end_by(&self, words: &[&str]) -> Got {
        self.end(|| {
            self.docker(words);
            self.docker(&["wait"]);
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
        self.docker_with(words, &[])
    }

    fn docker_with(&self, before: &[&str], after: &[&str]) -> String {
        self.bench.docker.run(&[before, &[&self.id], after].concat())
    }
}

/// `--volume=FROM:TO:ro`.
pub fn read_only(from: &Path, to: &str) -> String {
    format!("--volume={}:{to}:ro", from.display())
}
