//! What a process did that never took its stop signal, or not in the end.

use crate::fixture::check;

#[test]
fn killed_without_a_stop_signal() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen KILL 50>100 fatal
         +11ms exit 100 sig=9
         +20ms free 100",
        "forced: no stop
           100 killed, SIGKILL by host
           ! warning killed-without-stop-signal
           ! warning kill-from-outside",
    );
}

#[test]
fn crashed_after_the_stop_signal() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +50ms exit 100 sig=139
         +60ms free 100",
        "crashed: SIGTERM by host, 40 ms
           100 crashed, SIGSEGV
           ! error crash-during-shutdown",
    );
}

#[test]
fn oom_killed() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen KILL 100>100 kernel fatal
         +11ms oom 100
         +12ms exit 100 sig=9
         +20ms free 100",
        "oom-killed: no stop
           100 oom-killed, SIGKILL by oom-killer
           ! error oom-kill",
    );
}

#[test]
fn unkillable_lives_on_after_sigkill() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +2010ms gen KILL 50>100 fatal
         +12s tick",
        "still-running: SIGTERM by host, 2000 ms
           100 unkillable, alive
           ! error unkillable-process",
    );
}

#[test]
fn running_at_the_end_of_the_session() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +2010ms end",
        "still-running: SIGTERM by host, 2000 ms
           100 running, alive",
    );
}

#[test]
fn not_signalled_child_of_a_shell_that_does_not_forward() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=sh
         +0ms proc 101 parent=100 comm=worker
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +21ms gen KILL 100>101 kernel exiting fatal
         +22ms exit 101 sig=9
         +30ms free 101
         +31ms free 100",
        "forced: SIGTERM by host, 11 ms
           100 graceful, code 0
           101 not-signalled, SIGKILL by pidns-teardown
           ! error stop-signal-not-forwarded",
    );
}

#[test]
fn default_action_of_a_later_stop_signal_than_the_ignored_one() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen HUP 100>101 ignore dropped
         +13ms gen TERM 100>101 default fatal
         +14ms exit 101 sig=15
         +20ms exit 100 code=0
         +30ms free 101
         +31ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 0
           101 default-action, SIGTERM",
    );
}
