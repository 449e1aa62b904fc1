//! What the kernel does that looks like something else.

use crate::fixture::{check, run, shutdowns};

#[test]
fn two_threads_that_exit_together_are_one_exit() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=3
         +20001us exit 100 code=3
         +30ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 3",
    );
}

#[test]
fn a_pid_that_is_given_again_is_another_process() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +40ms fork 100 parent=50 cgroup=8
         +50ms gen TERM 50>100 default fatal
         +51ms exit 100 sig=15
         +60ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 0
         default-action: SIGTERM by parent, 1 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn sigkill_from_inside_the_namespace_does_nothing_to_pid_1() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms gen KILL 101>100 dropped
         +20ms exit 100 code=0
         +21ms exit 101 code=0
         +30ms free 101
         +31ms free 100",
        "graceful: SIGTERM by host, 11 ms
           100 graceful, code 0
           101 not-signalled, code 0",
    );
}

#[test]
fn the_dying_pid_1_is_not_a_killer_of_zombies() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7 ns=1
        +0ms proc 101 parent=100
        +5ms exit 101 code=0
        +10ms gen TERM 50>100 handler
        +11ms take TERM 100 handler
        +20ms exit 100 code=0
        +21ms gen KILL 100>101 kernel exiting dropped
        +30ms free 101
        +31ms free 100");
    let reports = shutdowns(&out);
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].processes.len(), 1, "{reports:?}");
    assert_eq!(reports[0].verdict.name(), "graceful");
}

#[test]
fn cgroup_kill_is_named() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen KILL 50>100 noinfo fatal
         +11ms exit 100 sig=9
         +20ms free 100",
        "forced: no stop
           100 killed, SIGKILL by cgroup-kill
           ! warning killed-without-stop-signal",
    );
}

#[test]
fn a_sender_that_only_calls_itself_runc_is_no_runtime() {
    check(
        "+0ms proc 50 comm=runc
         +0ms proc 100 cgroup=7
         +10ms gen KILL 50>100 fatal exe=evil
         +11ms exit 100 sig=9
         +20ms free 100",
        "forced: no stop
           100 killed, SIGKILL by host
           ! warning killed-without-stop-signal
           ! warning kill-from-outside",
    );
}

#[test]
fn a_signal_dropped_for_an_exiting_thread_is_not_ignored_by_its_process() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler dropped
         +10100us gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 0",
    );
}

#[test]
fn a_zombie_that_was_never_seen_is_not_alive_because_it_is_signalled() {
    check(
        "+0ms proc 50
         +0ms ghost 90 cgroup=7
         +0ms proc 100 cgroup=7
         +5ms gen TERM 50>90 dropped
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 0",
    );
}

#[test]
fn a_signal_to_a_process_that_exits_by_itself_opens_nothing() {
    // Before 6.1 the kernel reports it as delivered.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler dying
         +11ms exit 100 code=0
         +20ms free 100
         +1s tick",
        "",
    );
}
