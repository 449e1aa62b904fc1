//! A Docker engine of the tests' own: nothing of it is shared with one that may run already.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{clock::Deadline, folder::Folder, programs};

/// containerd and dockerd with their state in a temporary folder, and an image of busybox.
#[derive(Debug)]
pub struct Docker {
    // Stopped in this order.
    engine: Daemon,
    containerd: Daemon,
    folder: Folder,
}

/// The one image: made here, so that no registry is needed.
pub const IMAGE: &str = "st-busybox:1";

impl Docker {
    /// Starts the engine and makes the image.
    pub fn start() -> Self {
        kill_leftovers();
        let folder = Folder::new();
        let path = |name: &str| folder.file(name).display().to_string();
        let socket = path("containerd.sock");
        // The CRI plugin is for kubelets only.
        let config = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = \
             [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = {socket:?}\n",
            path("ctrd-root"),
            path("ctrd-state"),
        );
        fs::write(folder.file("containerd.toml"), config).expect("the folder is ours");
        let mut containerd = Daemon::start(
            "containerd",
            Command::new(programs::system("containerd", "containerd"))
                .args(["--config", &path("containerd.toml")]),
            &folder,
        );
        containerd.wait_until_it_answers(Path::new(&socket));
        // In place of the machine's configuration, if it has one.
        fs::write(folder.file("dockerd.json"), "{}").expect("the folder is ours");
        let engine = Daemon::start(
            "dockerd",
            Command::new(programs::system("dockerd", "docker.io"))
                .args(["--containerd", &socket, "--data-root", &path("data")])
                .args(["--exec-root", &path("exec"), "--pidfile", &path("docker.pid")])
                .args(["--host", &format!("unix://{}", path("docker.sock"))])
                // Nothing of the machine's network is touched.
                .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
                .args(["--config-file", &path("dockerd.json")]),
            &folder,
        );
        let mut docker = Self { engine, containerd, folder };
        let socket = docker.folder.file("docker.sock");
        docker.engine.wait_until_it_answers(&socket);
        Deadline::after(Duration::from_secs(30))
            .until("dockerd", || docker.try_run(&["version"]).is_ok());
        docker.make_image();
        docker
    }

    /// Runs `docker ARGUMENTS`; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|error| panic!("docker {arguments:?}: {error}"))
    }

    /// Starts a container without network that runs `sh -c SCRIPT`; its id and the pid of its PID 1.
    /// The script says `up` when its signal handling is in place.
    pub fn start_shell(&self, options: &[&str], script: &str) -> (String, i32) {
        let mut arguments = vec!["run", "--detach", "--network=none"];
        arguments.extend(options);
        arguments.extend([IMAGE, "sh", "-c", script]);
        let id = self.run(&arguments);
        Deadline::after(Duration::from_secs(20))
            .until("the container to be up", || self.run(&["logs", &id]).contains("up"));
        let pid = self.inspect(&id, "{{.State.Pid}}").parse().expect("a pid");
        (id, pid)
    }

    /// One field of what the engine knows of a container.
    pub fn inspect(&self, id: &str, format: &str) -> String {
        self.run(&["inspect", "--format", format, id])
    }

    fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::system("docker", "docker.io"));
        command
            .env("DOCKER_HOST", format!("unix://{}", self.folder.file("docker.sock").display()))
            .env("DOCKER_CONFIG", self.folder.path())
            .args(arguments);
        command
    }

    /// A root file system of busybox alone.
    fn make_image(&self) {
        let root = self.folder.file("rootfs");
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            fs::create_dir_all(root.join(name)).expect("the folder is ours");
        }
        let busybox = programs::system("busybox", "busybox-static");
        fs::copy(&busybox, root.join("bin/busybox")).expect("busybox can be copied");
        let list = Command::new(&busybox).arg("--list").output().expect("busybox runs").stdout;
        for applet in String::from_utf8_lossy(&list).lines().filter(|name| *name != "busybox") {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet))
                .expect("the folder is ours");
        }
        let archive = self.folder.file("rootfs.tar");
        let packed = Command::new(programs::system("tar", "tar"))
            .args(["-C", &root.display().to_string(), "-cf", &archive.display().to_string(), "."])
            .status()
            .expect("tar can start");
        assert!(packed.success(), "tar: {packed}");
        self.run(&["import", "-c", "ENV PATH=/bin", &archive.display().to_string(), IMAGE]);
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Best effort: a test that failed has already said why.
        if let Ok(ids) = self.try_run(&["ps", "--all", "--quiet"]) {
            for id in ids.split_whitespace() {
                let _removed = self.try_run(&["rm", "--force", id]);
            }
        }
        self.engine.stop();
        self.containerd.stop();
        unmount_below(self.folder.path());
    }
}

/// A daemon that we started; its pid is kept in a file for a run that could not clean up.
#[derive(Debug)]
struct Daemon {
    name: &'static str,
    child: Child,
    log: PathBuf,
    note: PathBuf,
}

impl Daemon {
    fn start(name: &'static str, command: &mut Command, folder: &Folder) -> Self {
        let log = folder.file(&format!("{name}.log"));
        let output = File::create(&log).expect("the folder is ours");
        let errors = output.try_clone().expect("a descriptor is left");
        let path = std::env::var("PATH").unwrap_or_default();
        let child = command
            // runc and containerd-shim are found through it.
            .env("PATH", format!("{path}:/usr/sbin:/usr/bin:/sbin:/bin"))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let note = notes().join(format!("{}-{name}", std::process::id()));
        fs::create_dir_all(notes()).expect("the temporary folder can be written");
        let start = start_ticks(child.id()).unwrap_or_default();
        fs::write(&note, format!("{} {start}", child.id())).expect("as above");
        Self { name, child, log, note }
    }

    fn wait_until_it_answers(&mut self, socket: &Path) {
        let deadline = Deadline::after(Duration::from_secs(60));
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            let runs = matches!(self.child.try_wait(), Ok(None)) && !deadline.passed();
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(runs, "{} does not answer; its log:\n{}", self.name, log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self) {
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

/// Where the pids of running daemons are noted.
fn notes() -> PathBuf {
    std::env::temp_dir().join("st-test-daemons")
}

/// Ends daemons of a run that was killed before it could do so: by the pids that it noted, if they
/// still are the same processes.
fn kill_leftovers() {
    for note in fs::read_dir(notes()).into_iter().flatten().flatten() {
        let owner = note.file_name().to_string_lossy().split('-').next().map(str::to_owned);
        if owner.is_some_and(|pid| Path::new("/proc").join(pid).exists()) {
            continue;
        }
        let text = fs::read_to_string(note.path()).unwrap_or_default();
        if let Some((pid, start)) = text.split_once(' ')
            && let (Ok(pid), Ok(start)) = (pid.parse::<u32>(), start.parse::<u64>())
            && start_ticks(pid) == Some(start)
        {
            let _gone = kill(Pid::from_raw(pid.try_into().expect("a pid")), Signal::SIGKILL);
        }
        let _removed = fs::remove_file(note.path());
    }
}

/// Field 22 of `/proc/PID/stat`, which tells a process from a later one with its pid.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// What containers and plugins left mounted would keep the folder from going away.
fn unmount_below(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in mounts.lines().rev() {
        if let Some(mount) =
            line.split(' ').nth(4).filter(|path| Path::new(path).starts_with(folder))
        {
            let _gone = umount2(mount, MntFlags::MNT_DETACH);
        }
    }
}
