//! Podman with its storage, its state and its API in a temporary folder.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    cgroup,
    daemon::{self, Daemon},
    folder::Folder,
    image, inside, programs,
};

/// Podman, its service, and an image of busybox.
#[derive(Debug)]
pub struct Podman {
    // Stopped first.
    service: Option<Daemon>,
    folder: Folder,
}

/// What every container needs where root lacks `CAP_SYS_RESOURCE`: limits that are no higher than
/// ours, and no network of its own.
const LIMITS: [&str; 5] =
    ["--network=none", "--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:4096"];

impl Podman {
    /// Makes the image and starts the service.
    pub fn start() -> Self {
        daemon::remove_leftovers();
        let folder = Folder::new();
        for name in ["tmp", "home"] {
            fs::create_dir(folder.file(name)).expect("the folder is ours");
        }
        let mut podman = Self { service: None, folder };
        let archive = image::busybox(&podman.folder).display().to_string();
        podman.run(&["load", "--input", &archive]);
        let address = format!("unix://{}", podman.socket().display());
        let mut service = Daemon::start(
            "podman-service",
            podman.command().args(["system", "service", "--time=0", &address]),
            &podman.folder,
        );
        service.wait_until_it_answers(&podman.socket());
        podman.service = Some(service);
        podman
    }

    /// Where its API is served.
    pub fn socket(&self) -> PathBuf {
        self.folder.file("podman.sock")
    }

    /// `podman=SOCKET`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        format!("podman={}", self.socket().display())
    }

    /// Runs `podman ARGUMENTS`; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|error| panic!("podman {arguments:?}: {error}"))
    }

    /// Starts a container that runs `sh -c SCRIPT`; its id and the pid of its PID 1. The script
    /// runs [`inside::UP`] when its signal handling is in place.
    pub fn start_shell(&self, options: &[&str], script: &str) -> (String, i32) {
        let command = [image::BUSYBOX, "sh", "-c", script];
        let id = self.run(&[&["run", "--detach"], &LIMITS[..], options, &command].concat());
        let pid = self.inspect(&id, "{{.State.Pid}}").parse().expect("a pid");
        inside::wait_until_up(pid);
        (id, pid)
    }

    /// One field of what it knows of a container.
    pub fn inspect(&self, id: &str, format: &str) -> String {
        self.run(&["container", "inspect", "--format", format, id])
    }

    fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        // conmon keeps the standard error of a detached container's `podman run`.
        let errors = self.folder.file("errors");
        let output = fs::File::options()
            .create(true)
            .append(true)
            .open(&errors)
            .and_then(|errors| self.command().args(arguments).stderr(errors).output())
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(fs::read_to_string(errors).unwrap_or_default());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(programs::system("podman", "podman"));
        command
            .env("PATH", daemon::search_path())
            .env("HOME", self.folder.file("home"))
            .env("TMPDIR", self.folder.file("tmp"))
            .stdin(Stdio::null())
            .args(["--runtime", "runc", "--cgroup-manager", "cgroupfs"])
            .args(["--storage-driver", "vfs", "--events-backend", "file"]);
        for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "libpod")] {
            command.arg(option).arg(self.folder.file(name));
        }
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Best effort: a test that failed has already said why.
        let _removed = self.try_run(&["rm", "--force", "--all", "--time", "0"]);
        self.service = None;
        daemon::clear(self.folder.path());
        // Where the cgroups of its containers were.
        cgroup::remove_empty("/libpod_parent");
    }
}
