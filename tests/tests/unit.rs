//! The unit of `deploy/systemd` under a real systemd: it becomes ready, sees what is stopped, reloads and
//! ends, with the rights that the unit leaves it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    cgroup::Cgroup,
    clock::{Deadline, boot_ns},
    docker::{Docker, RUNTIME_BPF},
    inside,
    process::Proc,
    programs, schema,
    systemd::Systemd,
    tools,
};

const UNIT: &str = "signal-trace.service";
/// The container has the node's `/usr`.
const PROGRAM: &str = "/opt/signal-trace";
const LOG: &str = "var/log/signal-trace/signal-trace.jsonl";
/// `CAP_DAC_READ_SEARCH`, `CAP_SYS_PTRACE`, `CAP_PERFMON`, `CAP_BPF`.
const CAPABILITIES: &str = "000000c000080004";

#[test]
fn runs_under_systemd_with_what_the_unit_leaves() {
    let docker = Docker::start();
    let path = tools::repository().join("deploy/systemd");
    let unit = read(&path.join(UNIT)).replace("/usr/bin/signal-trace", PROGRAM).replace(
        "[Install]",
        // systemd is in a container here, and the node's processes are elsewhere.
        "[Service]\nEnvironment=SIGNAL_TRACE__HOST_PROC=/host/proc\n[Install]",
    );
    let options = ["--volume=/proc:/host/proc:ro", "--runtime", RUNTIME_BPF];
    let systemd = Systemd::boot_with(&docker, &[(UNIT, &unit)], &options);
    put(&systemd, &programs::signal_trace(), PROGRAM);
    put(&systemd, &path.join("signal-trace.toml"), "/etc/signal-trace/config.toml");

    // Returns when the daemon has said that it is ready.
    if let Err(error) = docker.try_run(&["exec", &systemd.id, "systemctl", "start", UNIT]) {
        panic!("{error}\n{}", journal(&docker, &systemd));
    }
    assert_eq!(systemd.show(UNIT, "ActiveState"), "active");
    let status =
        read(&inside::path(systemd.pid, &format!("proc/{}/status", systemd.show(UNIT, "MainPID"))));
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
    let bounding = u64::from_str_radix(bounding.expect("a line").trim(), 16).expect("digits");
    let given = u64::from_str_radix(CAPABILITIES, 16).expect("digits");
    assert_eq!(bounding & !given, 0, "{status}");

    stop_one_and_see_it(&docker, &systemd, "before");
    systemd.run(&["reload", UNIT]);
    stop_one_and_see_it(&docker, &systemd, "after");
    assert_eq!(systemd.show(UNIT, "NRestarts"), "0");

    let began = boot_ns();
    systemd.run(&["stop", UNIT]);
    let took = Duration::from_nanos(boot_ns() - began);
    assert!(took < Duration::from_secs(4), "it took {took:?} to end");
    assert_eq!(systemd.show(UNIT, "Result"), "success");
    let kept: Vec<String> =
        read(&inside::path(systemd.pid, LOG)).lines().map(str::to_owned).collect();
    let lines = schema::checked(&kept);
    assert_eq!(lines.last().expect("lines")["type"], "end");
    assert!(lines.iter().all(|line| line["type"] != "loss"), "{kept:#?}");
}

/// Stops a process of the node.
fn stop_one_and_see_it(docker: &Docker, systemd: &Systemd, name: &str) {
    let cgroup = Cgroup::new(name);
    let mut process = Proc::start_in("default", Some(&cgroup));
    process.signal(Signal::SIGTERM);
    process.wait();
    let log = inside::path(systemd.pid, LOG);
    let told = || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut shutdowns = lines.filter(|line| line["type"] == "shutdown");
        shutdowns.any(|line| line["processes"][0]["process"]["pid"] == process.pid)
    };
    Deadline::after(Duration::from_secs(15)).until_or_not(told);
    assert!(told(), "no shutdown of {}: {}", process.pid, journal(docker, systemd));
}

fn journal(docker: &Docker, systemd: &Systemd) -> String {
    let arguments =
        ["exec", &systemd.id, "journalctl", "--no-pager", "--output=cat", "--unit", UNIT];
    docker.try_run(&arguments).unwrap_or_else(|error| error)
}

fn put(systemd: &Systemd, file: &Path, at: &str) {
    let target: PathBuf = inside::path(systemd.pid, at.trim_start_matches('/'));
    fs::create_dir_all(target.parent().expect("a folder")).expect("root may");
    fs::copy(file, &target).unwrap_or_else(|error| panic!("{}: {error}", target.display()));
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
