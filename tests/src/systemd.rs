//! systemd as PID 1 of a container, with units of the tests': the node itself may have none.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::json;

use crate::{clock::Deadline, docker::Docker, image, tree};

/// What lets systemd be PID 1 where root lacks `CAP_SYS_RESOURCE`.
const OPTIONS: [&str; 15] = [
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    // What it could do to the node.
    "--cap-drop=SYS_BOOT",
    "--cap-drop=SYS_MODULE",
    "--cap-drop=SYS_TIME",
    "--security-opt=seccomp=unconfined",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--volume=/usr:/usr:ro",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp",
    "--env=container=docker",
    "--stop-signal=SIGRTMIN+3",
    "--network=none",
    "--detach",
];

/// It boots to this and no further: the node's own services have no place in it.
const TARGET: &str = "[Unit]\nDescription=What the tests need\nDefaultDependencies=no\n\
     Requires=dbus.socket dbus.service systemd-journald.service\n\
     After=dbus.socket dbus.service systemd-journald.service\nAllowIsolate=yes\n";

/// A booted container.
#[derive(Debug)]
pub struct Systemd<'a> {
    docker: &'a Docker,
    /// Id of the container.
    pub id: String,
    /// Pid of systemd.
    pub pid: i32,
    run: PathBuf,
}

impl<'a> Systemd<'a> {
    /// Boots it with these units: names and texts.
    pub fn boot(docker: &'a Docker, units: &[(&str, &str)]) -> Self {
        Self::boot_with(docker, units, &[])
    }

    /// The same, with more options of `docker run`.
    pub fn boot_with(docker: &'a Docker, units: &[(&str, &str)], options: &[&str]) -> Self {
        let folder = docker.folder();
        let root = image::host_root(folder);
        let folder_of_units = root.join("etc/systemd/system");
        fs::create_dir_all(&folder_of_units).expect("the folder is ours");
        // With one it is no first boot, in which all services of the node would be enabled.
        fs::write(root.join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n")
            .expect("the folder is ours");
        for (name, text) in [("st-test.target", TARGET)].iter().chain(units) {
            fs::write(folder_of_units.join(name), text).expect("the folder is ours");
        }
        docker.load(&image::archive(folder, "host", &root, &[(image::HOST, json!({}))]));
        let run = folder.file("systemd-run");
        fs::create_dir(&run).expect("the folder is ours");
        let run_volume = format!("--volume={}:/run", run.display());
        let command = [image::HOST, "/lib/systemd/systemd", "--unit=st-test.target"];
        let id = docker.run(&[&["run"], &OPTIONS[..], options, &[&run_volume], &command].concat());
        let pid = docker.pid(&id);
        let systemd = Self { docker, id, pid, run };
        Deadline::after(Duration::from_secs(60))
            .until("systemd", || systemd.systemctl(&["is-active", "st-test.target"]).is_ok());
        systemd
    }

    /// Its D-Bus, and its own socket that speaks D-Bus without the bus.
    pub fn sockets(&self) -> [PathBuf; 2] {
        ["dbus/system_bus_socket", "systemd/private"].map(|name| self.run.join(name))
    }

    /// `systemd=SOCKET`, for `--runtime`.
    pub fn runtime_argument(&self) -> String {
        format!("systemd={}", self.sockets()[0].display())
    }

    /// Starts a unit; the pid of its main process, as the node sees it.
    pub fn start_unit(&self, unit: &str) -> i32 {
        self.run(&["start", unit]);
        let inside = self.show(unit, "MainPID");
        let cgroup = self.show(unit, "ControlGroup");
        let procs = PathBuf::from(format!("/sys/fs/cgroup/systemd{cgroup}/cgroup.procs"));
        let unified = PathBuf::from(format!("/sys/fs/cgroup{cgroup}/cgroup.procs"));
        let list = fs::read_to_string(&procs).or_else(|_| fs::read_to_string(&unified));
        let list = list.unwrap_or_else(|error| panic!("{}: {error}", procs.display()));
        let pid = list.split_whitespace().find(|pid| ns_pid(pid).as_ref() == Some(&inside));
        let pid = pid.unwrap_or_else(|| panic!("{unit}: no pid {inside} among {list:?}"));
        pid.parse().expect("a pid")
    }

    /// Waits until a shell has set its signals up: its loop has begun.
    pub fn wait_until_it_traps(pid: i32) {
        Deadline::after(Duration::from_secs(20))
            .until("the script of a unit", || !tree::children(pid).is_empty());
    }

    /// A property of a unit.
    pub fn show(&self, unit: &str, property: &str) -> String {
        self.run(&["show", "--property", property, "--value", unit])
    }

    /// Runs `systemctl ARGUMENTS` in the container; what it prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.systemctl(arguments).unwrap_or_else(|e| panic!("systemctl {arguments:?}: {e}"))
    }

    fn systemctl(&self, arguments: &[&str]) -> Result<String, String> {
        self.docker.try_run(&[&["exec", &self.id, "systemctl"], arguments].concat())
    }
}

/// The pid in the innermost namespace.
fn ns_pid(pid: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().last().map(str::to_owned)
}
