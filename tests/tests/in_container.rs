//! The tracer in a container of Docker with PID and cgroup namespaces of its own, the host's `/proc`
//! mounted elsewhere, and few capabilities.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::Value;
use signal_trace_tests::{clock::Deadline, docker::Docker, programs};

/// tracefs, mounted for as long as this lives.
struct Tracefs(PathBuf);

impl Tracefs {
    fn mount(at: PathBuf) -> Self {
        fs::create_dir(&at).expect("the folder is ours");
        let none = None::<&str>;
        mount(Some("tracefs"), &at, Some("tracefs"), MsFlags::empty(), none).expect("root may");
        Self(at)
    }
}

impl Drop for Tracefs {
    fn drop(&mut self) {
        let _gone = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// The program is linked with the node's libraries, which the image does not have.
fn libraries() -> impl Iterator<Item = String> {
    ["/usr/lib", "/lib", "/lib64", "/usr/lib64"]
        .into_iter()
        .filter_map(|path| Some((path, fs::canonicalize(path).ok()?)))
        .map(|(path, real)| format!("{}:{path}:ro", real.display()))
}

#[test]
fn few_capabilities_and_the_mounts_are_enough() {
    let docker = Docker::start();
    let tracefs = Tracefs::mount(docker.folder().file("tracefs"));
    let folder = programs::signal_trace().parent().expect("a folder").to_owned();
    let mut options: Vec<String> = Vec::new();
    // The first in place of BPF and PERFMON, which Debian's engine does not know.
    for capability in ["SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"] {
        options.push(format!("--cap-add={capability}"));
    }
    let volume = |from: &Path, to: &str| format!("{}:{to}:ro", from.display());
    let volumes = [
        volume(Path::new("/proc"), "/host/proc"),
        volume(Path::new("/sys/fs/cgroup"), "/sys/fs/cgroup"),
        volume(&tracefs.0, "/sys/kernel/tracing"),
        volume(&docker.socket(), "/host/docker.sock"),
        volume(&folder, "/program"),
    ];
    for volume in volumes.into_iter().chain(libraries()) {
        options.extend(["--volume".to_owned(), volume]);
    }
    let mut arguments = vec!["run", "--detach", "--network=none", "--cap-drop=ALL", "--read-only"];
    arguments.extend(["--cgroupns=private"]);
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend([signal_trace_tests::docker::IMAGE, "/program/signal-trace", "record"]);
    arguments.extend(["--format", "jsonl", "--host-proc", "/host/proc"]);
    arguments.extend(["--runtime", "docker=/host/docker.sock"]);
    let (early, early_pid) = docker.start_shell(&["--name", "early"], "echo up; sleep 100 & wait");
    let tracer = docker.run(&arguments);
    let told = || docker.run(&["logs", &tracer]);
    Deadline::after(Duration::from_secs(30))
        .until("the recording line", || told().contains("\"type\":\"recording\""));
    let (late, late_pid) = docker.start_shell(&["--name", "late"], "echo up; sleep 100 & wait");
    docker.run(&["stop", "--time", "1", &early, &late]);
    Deadline::after(Duration::from_secs(20))
        .until_or_not(|| told().matches("\"type\":\"shutdown\"").count() >= 2);
    let tracer_pid = docker.pid(&tracer);
    docker.run(&["stop", &tracer]);

    assert_eq!(docker.exit_code(&tracer), 0, "{}", told());
    let lines: Vec<Value> = told()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let of = |kind: &'static str| lines.iter().filter(move |line| line["type"] == kind);
    let recording = of("recording").next().expect("the first line");
    assert_eq!(recording["config"]["tracer_pid"], tracer_pid, "{recording}");
    for (name, id, pid) in [("early", &early, early_pid), ("late", &late, late_pid)] {
        let shutdown = of("shutdown").find(|line| line["workload"]["id"] == **id);
        let shutdown = shutdown.unwrap_or_else(|| panic!("nothing of {name}: {lines:?}"));
        assert_eq!(shutdown["workload"]["name"], name, "{shutdown}");
        assert_eq!(shutdown["processes"][0]["process"]["pid"], pid, "{shutdown}");
        assert_eq!(shutdown["verdict"], "forced", "{shutdown}");
        assert_eq!(shutdown["stop"]["sender"]["role"], "runtime", "{shutdown}");
    }
    assert_eq!(of("loss").count(), 0);
}
