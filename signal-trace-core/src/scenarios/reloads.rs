//! HUP, QUIT and INT that ask for something else than an end, and what happens meanwhile.

use std::format;

use crate::fixture::{check, story};

#[test]
fn a_worker_that_runs_out_of_memory_during_a_reload_is_not_held_against_the_main_process() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +0ms proc 102 parent=100
         +10ms gen HUP 50>100 handler
         +11ms take HUP 100 handler
         +12ms gen HUP 100>102 ignore dropped
         +3s gen KILL 101>101 kernel fatal
         +3001ms oom 101
         +3002ms exit 101 sig=9
         +3010ms free 101
         +12s tick",
        "oom-killed: SIGHUP by host, 2990 ms
           100 running, alive
           102 running, alive
           101 oom-killed, SIGKILL by oom-killer
           ! error oom-kill",
    );
}

#[test]
fn a_stop_by_quit_soon_after_a_reload_is_a_shutdown_of_its_own() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=nginx
         +10ms gen HUP 50>100 handler
         +11ms take HUP 100 handler
         +5s gen QUIT 50>100 handler
         +5001ms take QUIT 100 handler
         +12s tick
         +15s gen KILL 50>100 fatal
         +15001ms exit 100 sig=9
         +15010ms free 100",
        "forced: SIGQUIT by host, 10000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded
           ! warning handler-does-not-exit",
    );
}

#[test]
fn who_outlives_a_hang_up_is_not_accused_because_something_was_lost() {
    check(
        "+0ms proc 50
         +0ms proc 100 parent=50 cgroup=7 comm=sh
         +0ms proc 101 parent=100 comm=job
         +10ms gen HUP 50>100 kernel default fatal
         +10010us gen HUP 50>101 kernel ignore dropped
         +11ms exit 100 sig=1
         +12ms loss fork 1 from=+11ms
         +20ms free 100
         +30s tick",
        "inconclusive: SIGHUP by kernel, 29890 ms
           100 default-action, SIGHUP
           101 ignored, alive
           ! warning events-lost
           ! info stop-signal-ignored
           ! info no-stop-handler",
    );
}

#[test]
fn who_ignores_a_hang_up_is_judged_by_the_stop_signal_after_it() {
    let told = |end: &str| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +0ms proc 101 parent=100
             +10ms gen TERM 50>100 handler
             +11ms take TERM 100 handler
             +12ms gen HUP 100>101 ignore dropped
             +13ms gen TERM 100>101 handler
             +14ms take TERM 101 handler
             {end}
             +10020ms exit 100 code=0
             +10030ms free 100"
        ))
    };
    let ended = told("+15ms exit 101 code=0\n+16ms free 101");
    assert!(ended.contains("101 graceful, code 0"), "{ended}");
    let killed = told("+10s gen KILL 50>101 fatal\n+10001ms exit 101 sig=9\n+10005ms free 101");
    assert!(killed.contains("101 overran, SIGKILL"), "{killed}");
}

#[test]
fn who_ends_an_hour_after_a_hang_up_did_not_end_of_it() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 ignore dropped
         +12s tick
         +20s gen HUP 50>100 handler
         +20001ms take HUP 100 handler
         +3600s exit 100 code=0
         +3601s free 100",
    );
    assert!(told.contains("graceful (amended)") && !told.contains("mismatch"), "{told}");
}

#[test]
fn systemd_that_is_told_to_re_execute_itself_is_no_shutdown() {
    let told = story(
        "+0ms proc 50
         +0ms proc 1 cgroup=7 comm=systemd
         +10ms gen TERM 50>1 handler
         +11ms take TERM 1 handler
         +30s tick",
    );
    assert_eq!(told, "");
}
