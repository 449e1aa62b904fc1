//! `signal-trace doctor`: whether `record` would work here, and what to do if not.

mod hardening;

use std::{
    fs,
    io::{self, Write as _},
    os::unix::{fs::FileTypeExt as _, net::UnixStream},
    path::Path,
};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use nix::{
    sys::{
        resource::{RLIM_INFINITY, Resource, getrlimit},
        statfs::{CGROUP2_SUPER_MAGIC, statfs},
    },
    unistd::geteuid,
};
use signal_trace_common::names::PROBES;

use crate::{
    capture::procfs::Root,
    cli::DoctorArgs,
    kernel::{self, LoadOptions, Paths, requirements::kernel_release},
};

/// One line: what was looked at, and what to do about it.
struct Check {
    state: State,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it must be.
    Ok,
    /// `record` cannot work.
    No,
    /// Worth knowing.
    Note,
}

/// Looks at everything, prints it, and ends with 0 if `record` would work, else 2.
pub fn run(args: &DoctorArgs) -> anyhow::Result<u8> {
    let paths = Paths::default();
    let proc = args.host_proc.as_deref().map(Root::at).transpose();
    let mut checks = vec![user(&paths.status), kernel(&kernel_release()), btf(&paths.btf)];
    checks.extend(tracepoints(&paths));
    checks.extend([processes(proc.as_ref()), memory_limit(), cgroups()]);
    checks.extend(managers());
    checks.push(programs());
    checks.extend(hardening::checks(&proc.ok().flatten().unwrap_or_default()));
    let mut out = AutoStream::auto(io::stdout());
    for Check { state, text } in &checks {
        let (style, word) = match state {
            State::Ok => (AnsiColor::Green.on_default(), "ok"),
            State::No => (AnsiColor::Red.on_default().bold(), "no"),
            State::Note => (Style::new().dimmed(), "note"),
        };
        writeln!(out, "{style}{word:<4}{style:#}  {text}")?;
    }
    let works = checks.iter().all(|check| check.state != State::No);
    writeln!(out, "{}", if works { "record works here" } else { "record does not work here" })?;
    out.flush()?;
    Ok(if works { 0 } else { 2 })
}

fn ok(text: impl Into<String>) -> Check {
    Check { state: State::Ok, text: text.into() }
}

fn no(text: impl Into<String>) -> Check {
    Check { state: State::No, text: text.into() }
}

fn note(text: impl Into<String>) -> Check {
    Check { state: State::Note, text: text.into() }
}

const CAP_DAC_READ_SEARCH: u64 = 1 << 2;
const CAP_SYS_PTRACE: u64 = 1 << 19;
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_PERFMON: u64 = 1 << 38;
const CAP_BPF: u64 = 1 << 39;

fn user(status: &Path) -> Check {
    let capabilities = fs::read_to_string(status).map_or(0, |text| effective(&text));
    let uid = geteuid();
    let has = |capability| capabilities & capability == capability;
    if !has(CAP_SYS_ADMIN) && !has(CAP_BPF | CAP_PERFMON) {
        return no(format!(
            "user id {uid} has neither CAP_BPF and CAP_PERFMON nor CAP_SYS_ADMIN: run it with \
             sudo, or in a container with these capabilities"
        ));
    }
    if !has(CAP_SYS_PTRACE | CAP_DAC_READ_SEARCH) {
        return note(format!(
            "user id {uid} lacks CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH: what runs already may be \
             shown with fewer labels"
        ));
    }
    ok(format!("user id {uid} has the capabilities"))
}

/// `CapEff` of a status file.
fn effective(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}

fn kernel(release: &str) -> Check {
    match version(release) {
        Some(version) if version >= (5, 10) => ok(format!("kernel {release}")),
        Some(_) => no(format!("kernel {release} is too old: 5.10 or later is needed")),
        None => note(format!("kernel {release}: which version that is cannot be told")),
    }
}

/// Major and minor number.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn btf(path: &Path) -> Check {
    match fs::File::open(path) {
        Ok(_) => ok(format!("type information in {}", path.display())),
        Err(error) => no(format!(
            "type information in {} cannot be read ({error}): use a kernel that is built with \
             CONFIG_DEBUG_INFO_BTF, as all current distributions do",
            path.display()
        )),
    }
}

fn tracepoints(paths: &Paths) -> Vec<Check> {
    let events = paths.tracefs.iter().map(|mount| mount.join("events")).find(|at| at.is_dir());
    let Some(events) = events else {
        return vec![note(
            "tracefs is not there or cannot be read: record mounts one that only it \
             sees, if it may (CAP_SYS_ADMIN); else run `mount -t tracefs tracefs \
             /sys/kernel/tracing` as root (in a container, mount the host's there)",
        )];
    };
    let mut checks = vec![ok(format!("tracefs in {}", events.display()))];
    let missing: Vec<_> = PROBES
        .iter()
        .filter(|probe| !events.join(probe.category).join(probe.tracepoint).is_dir())
        .map(|probe| format!("{}:{}", probe.category, probe.tracepoint))
        .collect();
    checks.push(if missing.is_empty() {
        ok(format!("all {} tracepoints", PROBES.len()))
    } else {
        no(format!(
            "no tracepoint {}: use a kernel that is built with CONFIG_EVENT_TRACING",
            missing.join(", ")
        ))
    });
    checks
}

/// `named` is what `--host-proc` names, if it is given.
fn processes(named: Result<&Option<Root>, &anyhow::Error>) -> Check {
    let (proc, named) = match named {
        Err(error) => return no(super::describe(error)),
        Ok(Some(root)) => (root.clone(), true),
        Ok(None) => (Root::default(), false),
    };
    let path = proc.path().display();
    match proc.shows_the_node() {
        Some(true) if named => ok(format!("{path} shows the node's processes")),
        Some(true) => ok("runs in the initial PID namespace"),
        Some(false) => note(
            "runs in a PID namespace of its own, where /proc does not show the node's processes: \
             in a container, use `--pid=host` (Docker) or `hostPID: true` (Kubernetes), or mount \
             the host's /proc and name it with --host-proc",
        ),
        None => {
            note(format!("whose processes {path} shows cannot be told: mount the node's /proc"))
        }
    }
}

fn memory_limit() -> Check {
    match getrlimit(Resource::RLIMIT_MEMLOCK) {
        Ok((RLIM_INFINITY, _)) => ok("locked memory is not limited"),
        Ok((soft, hard)) => note(format!(
            "locked memory is limited to {soft} bytes (at most {hard}): that matters before Linux \
             5.11 only, where record raises it"
        )),
        Err(error) => note(format!("the limit on locked memory cannot be told ({error})")),
    }
}

fn cgroups() -> Check {
    let root = Path::new("/sys/fs/cgroup");
    match statfs(root) {
        Ok(stat) if stat.filesystem_type() == CGROUP2_SUPER_MAGIC => ok("cgroups of version 2"),
        Ok(_) if root.join("unified").is_dir() => ok(
            "cgroups of both versions (hybrid): version 2 or the pids controller names a workload",
        ),
        Ok(_) if root.join("pids").is_dir() || root.join("memory").is_dir() => {
            ok("cgroups of version 1: the pids or memory controller names a workload")
        }
        Ok(_) | Err(_) => note(
            "no cgroups in /sys/fs/cgroup: workloads will have no names; in a container, mount \
             the host's there",
        ),
    }
}

/// Whom `record` asks for names and grace periods, where they listen by default.
const SOCKETS: [(&str, &str); 7] = [
    ("Docker", "/run/docker.sock"),
    ("Podman", "/run/podman/podman.sock"),
    ("containerd", "/run/containerd/containerd.sock"),
    ("containerd of k3s", "/run/k3s/containerd/containerd.sock"),
    ("CRI-O", "/run/crio/crio.sock"),
    ("systemd", "/run/systemd/private"),
    ("the system bus", "/run/dbus/system_bus_socket"),
];

fn managers() -> Vec<Check> {
    let is_socket = |path| fs::metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let found: Vec<_> = SOCKETS.iter().filter(|(_, path)| is_socket(path)).collect();
    if found.is_empty() {
        return vec![note(
            "no socket of a container engine or of systemd is at its usual place (none is needed): \
             ids and units come from cgroups, names and grace periods from nobody; `record \
             --runtime KIND=PATH` asks elsewhere",
        )];
    }
    found.iter().map(|(name, path)| note(manager(name, path))).collect()
}

fn manager(name: &str, path: &str) -> String {
    match UnixStream::connect(path) {
        Ok(_) => format!("{name} can be asked for names and grace periods, at {path}"),
        Err(error) => format!(
            "{name} at {path} cannot be asked ({error}): names and grace periods may be missing"
        ),
    }
}

fn programs() -> Check {
    match kernel::load(&LoadOptions::default()) {
        Ok(_) => ok("the eBPF programs can be loaded and attached"),
        Err(error) => no(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_told_from_new_ones() {
        for (release, state) in [
            ("5.10.0-30-amd64", State::Ok),
            ("7.2.1", State::Ok),
            ("5.9.16", State::No),
            ("4.18.0-553.el8", State::No),
            ("linux", State::Note),
        ] {
            assert_eq!(kernel(release).state, state, "{release}");
        }
    }

    #[test]
    fn missing_capabilities_are_named() {
        assert_eq!(effective("Name:\tx\nCapEff:\t000001ffffffffff\n"), 0x1ff_ffff_ffff);
        assert_eq!(effective(""), 0);
        let check = user(Path::new("/nonexistent"));
        assert_eq!(check.state, State::No);
        assert!(check.text.contains("CAP_BPF"), "{}", check.text);
    }

    #[test]
    fn a_missing_tracefs_is_named() {
        let paths = Paths { tracefs: vec!["/nonexistent".into()], ..Paths::default() };
        let checks = tracepoints(&paths);
        assert_eq!(checks.len(), 1);
        assert!(checks[0].text.contains("mount -t tracefs"), "{}", checks[0].text);
    }
}
