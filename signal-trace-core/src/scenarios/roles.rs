//! What a sender is to its target.

use std::format;

use crate::fixture::story;

const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// The role of the sender 50 (in cgroup 5) of a SIGKILL to 100 (in cgroup 7).
#[track_caller]
fn role(setup: &str, kill: &str, wanted: &str) {
    let told = story(&format!(
        "{setup}
         +10ms gen KILL {kill}
         +11ms exit 100 sig=9
         +20ms free 100"
    ));
    assert!(told.contains(&format!("100 killed, SIGKILL by {wanted}")), "{wanted}: {told}");
}

#[test]
fn a_runtime_is_known_by_its_executable_and_its_place() {
    let container = format!("+0ms path 7 /docker/{ID}\n+0ms proc 100 cgroup=7 ns=1");
    role(&format!("{container}\n+0ms proc 50 cgroup=5"), "50>100 fatal exe=runc", "runtime");
    role(&format!("{container}\n+0ms proc 50 cgroup=5"), "50>100 fatal exe=kubelet", "kubelet");
    // Podman's conmon has a cgroup that is named after the container.
    let conmon = format!("+0ms path 5 /machine.slice/libpod-conmon-{ID}.scope");
    role(
        &format!("{conmon}\n+0ms proc 50 cgroup=5\n+0ms proc 100 cgroup=7"),
        "50>100 fatal exe=conmon",
        "runtime",
    );
}

#[test]
fn a_container_that_calls_its_program_runc_is_no_runtime() {
    // With --pid=host it is as deep as what it kills.
    let hostile = format!("+0ms path 5 /docker/{OTHER}\n+0ms proc 50 cgroup=5");
    role(&format!("{hostile}\n+0ms proc 100 cgroup=7"), "50>100 fatal exe=runc", "other-container");
    role(
        "+0ms proc 50 cgroup=5 ns=3\n+0ms proc 100 cgroup=7",
        "50>100 fatal exe=runc",
        "other-container",
    );
}

#[test]
fn systemd_is_a_manager_and_not_any_program_of_that_name() {
    let target = "+0ms proc 100 cgroup=7";
    role(&format!("+0ms proc 1 cgroup=5\n{target}"), "1>100 fatal exe=systemd", "systemd");
    let user = "+0ms path 5 /user.slice/user-1000.slice/user@1000.service/init.scope";
    role(
        &format!("{user}\n+0ms proc 50 cgroup=5\n{target}"),
        "50>100 fatal exe=systemd",
        "systemd",
    );
    role(&format!("+0ms proc 50 cgroup=5\n{target}"), "50>100 fatal exe=systemd", "host");
    // In a container of its own it is PID 1 of that.
    let inside = format!(
        "+0ms path 5 /docker/{ID}/init.scope\n+0ms path 7 /docker/{ID}/system.slice/x.service\n\
         +0ms proc 50 cgroup=5 ns=1\n+0ms proc 100 cgroup=7 ns=9"
    );
    role(&inside, "50>100 fatal exe=systemd", "systemd");
    role(&inside, "50>100 fatal exe=bash", "host");
}

#[test]
fn kernel_kills_are_told_apart() {
    let own = "+0ms proc 100 cgroup=7";
    role(&format!("{own}\n+0ms proc 50 cgroup=5"), "50>100 noinfo fatal", "cgroup-kill");
    // RLIMIT_CPU: as an OOM kill of itself, but the OOM killer says nothing.
    role(own, "100>100 kernel fatal", "kernel");
    role(
        "+0ms proc 60 cgroup=5 ns=1\n+0ms proc 100 cgroup=7 ns=2",
        "60>100 kernel exiting fatal",
        "pidns-teardown",
    );
    // The dying PID 1 of another namespace, on whose account the kernel happens to do it.
    role(
        "+0ms proc 60 cgroup=5 ns=1 inum=9\n+0ms proc 100 cgroup=7 ns=2",
        "60>100 kernel exiting fatal",
        "kernel",
    );
}
