//! Daemons that the tests start, and the end of everything that they may leave behind.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{cgroup, clock::Deadline, folder::Folder, kubernetes, tree};

/// What every folder of a harness begins with; its pid comes next.
const PREFIX: &str = "st-test-";

/// A daemon that we started; its pid is kept in a file for a run that could not clean up.
#[derive(Debug)]
pub struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
    note: PathBuf,
}

impl Daemon {
    /// Starts it, with its output in the folder.
    pub fn start(name: &'static str, command: &mut Command, folder: &Folder) -> Self {
        let log = folder.file(&format!("{name}.log"));
        let output = File::create(&log).expect("the folder is ours");
        let errors = output.try_clone().expect("a descriptor is left");
        let child = command
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        fs::create_dir_all(notes()).expect("the temporary folder can be written");
        let note = notes().join(format!("{}-{name}-{}", std::process::id(), child.id()));
        let pid = i32::try_from(child.id()).expect("a pid");
        fs::write(&note, format!("{pid} {}", tree::birth(pid).unwrap_or_default()))
            .expect("as above");
        Self { name, child, log, note }
    }

    /// Waits until something listens there.
    pub fn wait_until_it_answers(&mut self, socket: &Path) {
        self.until("answer", || UnixStream::connect(socket).is_ok());
    }

    /// Waits for something that it does; panics with its log if it does not, or ends.
    pub fn until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Deadline::after(Duration::from_secs(60));
        while !done() {
            let runs = matches!(self.child.try_wait(), Ok(None)) && !deadline.passed();
            assert!(runs, "{} does not {what}; its log:\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Ends it, by force if it must be.
    pub fn stop(&mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid"));
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = kill(pid, Signal::SIGTERM);
            let deadline = Deadline::after(Duration::from_secs(15));
            while matches!(self.child.try_wait(), Ok(None)) && !deadline.passed() {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
        let _removed = fs::remove_file(&self.note);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `PATH` for engines: runc, conmon and shims are found through it.
pub fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin")
}

/// Ends what a run that was killed before it could do so left: daemons by the pids that it noted,
/// if they still are the same processes, and the containers in its folders.
pub fn remove_leftovers() {
    for note in fs::read_dir(notes()).into_iter().flatten().flatten() {
        let name = note.file_name().to_string_lossy().into_owned();
        if name.split('-').next().is_some_and(is_process) {
            continue;
        }
        let text = fs::read_to_string(note.path()).unwrap_or_default();
        if let Some((pid, start)) = text.split_once(' ')
            && let (Ok(pid), Ok(start)) = (pid.parse::<i32>(), start.parse::<u64>())
            && tree::birth(pid) == Some(start)
        {
            let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _removed = fs::remove_file(note.path());
    }
    for folder in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| pid.parse::<u32>().is_ok() && !is_process(pid)) {
            clear(&folder.path());
            let _removed = fs::remove_dir_all(folder.path());
        }
    }
    kubernetes::remove_leftovers();
}

/// Ends the containers that live in a folder of ours and their monitors, removes their cgroups, and
/// unmounts what is mounted there: it would keep the folder from going away.
pub fn clear(folder: &Path) {
    let deadline = Deadline::after(Duration::from_secs(10));
    let mut cgroups: BTreeSet<String> = BTreeSet::new();
    loop {
        let pids = inhabitants(folder);
        for pid in &pids {
            let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup"));
            let memberships = memberships.unwrap_or_default();
            cgroups
                .extend(memberships.lines().filter_map(|l| l.strip_prefix("0::")).map(Into::into));
            let _gone = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        if pids.is_empty() || deadline.passed() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    for cgroup in cgroups.iter().rev() {
        cgroup::remove_empty(cgroup);
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in mounts.lines().rev() {
        if let Some(mount) =
            line.split(' ').nth(4).filter(|path| Path::new(path).starts_with(folder))
        {
            let _gone = umount2(mount, MntFlags::MNT_DETACH);
        }
    }
}

/// Processes whose root file system lies in the folder, and monitors of containers that name it.
fn inhabitants(folder: &Path) -> Vec<i32> {
    let inside = format!("{}/", folder.display());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let comm = read("comm");
            if comm.starts_with(b"containerd-shim") || comm.starts_with(b"conmon") {
                return String::from_utf8_lossy(&read("cmdline")).contains(&inside);
            }
            let mounts = read("mountinfo");
            let mounts = String::from_utf8_lossy(&mounts);
            let mut root = mounts.lines().filter(|line| line.split(' ').nth(4) == Some("/"));
            root.any(|line| line.contains(&inside))
        })
        .collect()
}

/// Where the pids of running daemons are noted.
fn notes() -> PathBuf {
    std::env::temp_dir().join("st-test-daemons")
}

fn is_process(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}
