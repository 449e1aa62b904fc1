//! A Docker engine of the tests' own: nothing of it is shared with one that may run already.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::json;

use crate::{
    clock::{Deadline, wall_ns},
    containerd::{Client, Containerd},
    daemon::{self, Daemon},
    folder::Folder,
    image, programs,
};

/// The one image: made here, so that no registry is needed.
pub const IMAGE: &str = image::BUSYBOX;

/// A runtime that adds `CAP_BPF` and `CAP_PERFMON`, which Docker before 23 has no names for, to a
/// container that has `CAP_SYS_ADMIN`.
pub const RUNTIME_BPF: &str = "st-runc-bpf";

/// containerd and dockerd with their state in a temporary folder, and an image of busybox.
#[derive(Debug)]
pub struct Docker {
    // Stopped in this order.
    engine: Daemon,
    containerd: Containerd,
    folder: Folder,
}

impl Docker {
    /// Starts the engine and makes the image.
    pub fn start() -> Self {
        daemon::remove_leftovers();
        let folder = Folder::new();
        let path = |name: &str| folder.file(name).display().to_string();
        let containerd = Containerd::start(&folder, Client::Docker);
        // In place of the machine's configuration, if it has one.
        let runtimes = json!({ "runtimes": { RUNTIME_BPF: { "path": runtime_bpf(&folder) } } });
        fs::write(folder.file("dockerd.json"), runtimes.to_string()).expect("the folder is ours");
        let engine = Daemon::start(
            "dockerd",
            Command::new(programs::system("dockerd", "docker.io"))
                .arg("--containerd")
                .arg(containerd.socket())
                .args(["--data-root", &path("data")])
                .args(["--exec-root", &path("exec"), "--pidfile", &path("docker.pid")])
                .args(["--host", &format!("unix://{}", path("docker.sock"))])
                // Nothing of the machine's network is touched.
                .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
                .args(["--config-file", &path("dockerd.json")]),
            &folder,
        );
        let mut docker = Self { engine, containerd, folder };
        let socket = docker.socket();
        docker.engine.wait_until_it_answers(&socket);
        Deadline::after(Duration::from_secs(30))
            .until("dockerd", || docker.try_run(&["version"]).is_ok());
        docker.load(&image::busybox(&docker.folder));
        docker
    }

    /// Where its API is served.
    pub fn socket(&self) -> PathBuf {
        self.folder.file("docker.sock")
    }

    /// `docker=SOCKET`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        format!("docker={}", self.socket().display())
    }

    /// runc's state of its containers: a folder for each, with `state.json`.
    pub fn oci_state(&self) -> PathBuf {
        self.folder.file("exec").join("runtime-runc/moby")
    }

    /// The containerd below it, whose events tell pids also of what is gone.
    pub fn containerd(&self) -> &Containerd {
        &self.containerd
    }

    /// Where there is room for more.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Adds the images of an archive.
    pub fn load(&self, archive: &Path) {
        self.run(&["load", "--input", &archive.display().to_string()]);
    }

    /// Runs `docker ARGUMENTS`; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|error| panic!("docker {arguments:?}: {error}"))
    }

    /// Starts a container without network that runs `sh -c SCRIPT`; its id and the pid of its PID 1.
    /// The script says `up` when its signal handling is in place.
    pub fn start_shell(&self, options: &[&str], script: &str) -> (String, i32) {
        self.start_image(IMAGE, options, &["sh", "-c", script])
    }

    /// The same, of another image, with another command.
    pub fn start_image(&self, image: &str, options: &[&str], words: &[&str]) -> (String, i32) {
        let mut arguments = vec!["run", "--detach", "--network=none"];
        arguments.extend(options);
        arguments.push(image);
        arguments.extend(words);
        let id = self.run(&arguments);
        Deadline::after(Duration::from_secs(20))
            .until("the container to be up", || self.run(&["logs", &id]).contains("up"));
        let pid = self.pid(&id);
        (id, pid)
    }

    /// Runs a container that ends by itself; its id and the pid that its PID 1 had.
    pub fn run_to_its_end(&self, options: &[&str], words: &[&str]) -> (String, i32) {
        let mut arguments = vec!["run", "--detach", "--network=none"];
        arguments.extend(options);
        arguments.push(IMAGE);
        arguments.extend(words);
        let id = self.run(&arguments);
        self.run(&["wait", &id]);
        let pid = self.containerd.pid_of("start", &id);
        (id, pid)
    }

    /// Starts a process in a container, as an administrator who looks at it does; its pid.
    pub fn exec(&self, id: &str, words: &[&str]) -> i32 {
        self.run(&[&["exec", "--detach", id], words].concat());
        self.containerd.pid_of("exec-started", id)
    }

    /// The pid of a running container's PID 1.
    pub fn pid(&self, id: &str) -> i32 {
        self.inspect(id, "{{.State.Pid}}").parse().expect("a pid")
    }

    /// The exit code as Docker counts: 128 + N for signal N.
    pub fn exit_code(&self, id: &str) -> i64 {
        self.inspect(id, "{{.State.ExitCode}}").parse().expect("a number")
    }

    /// What a container wrote so far, to both of its outputs.
    pub fn log(&self, id: &str) -> String {
        let output = self.command(&["logs", id]).output().expect("docker can be started");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// One field of what the engine knows of a container.
    pub fn inspect(&self, id: &str, format: &str) -> String {
        self.run(&["inspect", "--format", format, id])
    }

    /// What the engine told of a container since then, nanoseconds since 1970: each event in this
    /// format. Also of one that is gone.
    pub fn events(&self, id: &str, since: i128, format: &str) -> Vec<String> {
        let at = |ns: i128| format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
        let all = self.run(&[
            "events",
            &format!("--since={}", at(since)),
            &format!("--until={}", at(wall_ns())),
            &format!("--filter=container={id}"),
            &format!("--format={format}"),
        ]);
        all.lines().map(str::to_owned).collect()
    }

    /// The same as [`Self::run`]; what it says if it fails.
    pub fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(programs::system("docker", "docker.io"));
        command
            .env("DOCKER_HOST", format!("unix://{}", self.socket().display()))
            .env("DOCKER_CONFIG", self.folder.path())
            // Images are built without what has to be downloaded for that.
            .env("DOCKER_BUILDKIT", "0")
            .args(arguments);
        command
    }
}

/// runc, after a change to the configuration that it is given.
fn runtime_bpf(folder: &Folder) -> PathBuf {
    let runc = programs::system("runc", "runc");
    let script = format!(
        "#!/bin/sh\nfor word; do\n    [ \"$last\" = --bundle ] && sed -i \
         's/\"CAP_SYS_ADMIN\"/&,\"CAP_BPF\",\"CAP_PERFMON\"/g' \"$word/config.json\"\n    \
         last=$word\ndone\nexec {} \"$@\"\n",
        runc.display()
    );
    let path = folder.file(RUNTIME_BPF);
    fs::write(&path, script).expect("the folder is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Best effort: a test that failed has already said why.
        if let Ok(ids) = self.try_run(&["ps", "--all", "--quiet", "--no-trunc"]) {
            let ids: Vec<_> = ids.split_whitespace().collect();
            if !ids.is_empty() {
                let _removed = self.try_run(&[&["rm", "--force"], &ids[..]].concat());
            }
        }
        self.engine.stop();
        self.containerd.stop();
        daemon::clear(self.folder.path());
    }
}
