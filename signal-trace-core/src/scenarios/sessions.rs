//! Sessions of `docker exec`, and what they start: no fault of the workload.

use crate::fixture::{check, story};

#[test]
fn what_a_session_of_docker_exec_has_started_is_accused_of_nothing() {
    // A health check: `sh -c "curl …"`, in the moment of the stop.
    check(
        "+0ms proc 50 comm=shim
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=50 cgroup=7 ns=22 comm=sh
         +0ms proc 102 parent=101 comm=curl
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +21ms gen KILL 100>101 kernel exiting fatal
         +21ms gen KILL 100>102 kernel exiting fatal
         +22ms exit 101 sig=9
         +22ms exit 102 sig=9
         +30ms free 101
         +30ms free 102
         +31ms free 100",
        "forced: SIGTERM by host, 11 ms
           100 graceful, code 0
           101 not-signalled, SIGKILL by pidns-teardown
           102 not-signalled, SIGKILL by pidns-teardown",
    );
}

#[test]
fn a_daemon_that_a_session_left_behind_is_none_of_the_main_process() {
    let told = story(
        "+0ms proc 50 comm=shim
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=50 cgroup=7 ns=22 comm=sh
         +1ms fork 1102 parent=101 comm=daemon
         +2ms exit 101 code=0
         +3ms free 101
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +21ms gen KILL 100>1102 kernel exiting fatal
         +22ms exit 1102 sig=9
         +30ms free 1102
         +31ms free 100",
    );
    assert!(!told.contains('!'), "{told}");
}

#[test]
fn children_of_the_main_process_of_a_unit_are_from_inside() {
    let told = story(
        "+0ms proc 50
         +0ms proc 102 parent=101 cgroup=7 comm=worker
         +0ms proc 100 parent=50 cgroup=7
         +0ms proc 101 parent=100 cgroup=7
         +0ms proc 102 parent=101 cgroup=7 comm=worker
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 100
         +12s tick",
    );
    assert!(told.contains("! warning"), "{told}");
}

#[test]
fn a_shell_of_docker_exec_that_ignores_the_signal_is_not_accused() {
    // Interactive shells ignore TERM; PID 1 sends it to all (`kill -TERM -1`).
    check(
        "+0ms proc 50 comm=shim
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=50 cgroup=7 ns=22 comm=bash
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 ignore dropped
         +20ms exit 100 code=0
         +21ms gen KILL 100>101 kernel exiting fatal
         +22ms exit 101 sig=9
         +30ms free 101
         +31ms free 100",
        "forced: SIGTERM by host, 11 ms
           100 graceful, code 0
           101 ignored, SIGKILL by pidns-teardown
           ! info stop-signal-ignored",
    );
}

#[test]
fn a_probe_that_took_too_long_is_killed_and_the_container_goes_on() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=50 cgroup=7 ns=22
         +10ms gen KILL 50>101 fatal exe=runc
         +11ms exit 101 sig=9
         +20ms free 101
         +3s tick",
    );
    assert!(told.contains("! info killed-without-stop-signal"), "{told}");
    assert!(!told.contains("! warning"), "{told}");
}
