//! Provisional timelines: what may be a reload, an interrupt, or the end of one worker.

use crate::fixture::{Script, check, run, run_with, tell};
use crate::{config::Config, signal::Signal};

const NOTHING: &str = "";

#[test]
fn reload_by_hup_that_is_handled_is_no_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen HUP 50>100 handler
         +11ms take HUP 100 handler
         +30s tick",
        NOTHING,
    );
}

#[test]
fn hup_that_is_ignored_by_nohup_accuses_nobody() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen HUP 50>100 ignore dropped
         +30s tick",
        NOTHING,
    );
}

#[test]
fn a_later_stop_opens_a_new_timeline_after_a_reload() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen HUP 50>100 handler
         +11ms take HUP 100 handler
         +5s gen TERM 50>100 handler
         +5001ms take TERM 100 handler
         +5100ms exit 100 code=0
         +5110ms free 100",
        "graceful: SIGTERM by host, 100 ms
           100 graceful, code 0",
    );
}

#[test]
fn int_that_is_followed_by_sigkill_is_a_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen INT 50>100 ignore dropped
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGINT by host, 2000 ms
           100 ignored, SIGKILL by host
           ! error stop-signal-ignored",
    );
}

#[test]
fn one_worker_recycled_from_outside_is_no_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 handler
         +11ms take TERM 101 handler
         +50ms exit 101 code=0
         +60ms free 101
         +30s tick",
        NOTHING,
    );
}

#[test]
fn a_worker_told_before_the_main_process_is_one_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 handler
         +11ms gen TERM 50>100 handler
         +12ms take TERM 101 handler
         +13ms take TERM 100 handler
         +20ms exit 101 code=0
         +30ms exit 100 code=0
         +40ms free 101
         +41ms free 100",
        "graceful: SIGTERM by host, 20 ms
           100 graceful, code 0
           101 graceful, code 0",
    );
}

#[test]
fn a_signal_that_the_user_named_is_a_stop_signal_and_never_provisional() {
    let text = "+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen USR1 50>100 ignore dropped
        +12s end";
    let mut config = Config::new();
    assert_eq!(tell(&run_with(config.clone(), &Script::parse(text).inputs)), "");
    config.stop_signals.push(Signal::parse("USR1").unwrap());
    let told = tell(&run_with(config, &Script::parse(text).inputs));
    assert!(told.starts_with("still-running: SIGUSR1 by host"), "{told}");
}

#[test]
fn a_worker_recycled_long_before_is_not_the_stop_of_the_workload() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 default fatal
         +11ms exit 101 sig=15
         +20ms free 101
         +9s gen TERM 50>100 handler
         +9001ms take TERM 100 handler
         +14s exit 100 code=0
         +14010ms free 100",
        "graceful: SIGTERM by host, 5000 ms
           100 graceful, code 0",
    );
}

#[test]
fn a_worker_that_was_told_long_before_the_workload_was_told() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 handler
         +11ms take TERM 101 handler
         +5s gen TERM 50>100 handler
         +5001ms take TERM 100 handler
         +6s exit 100 code=0
         +6001ms gen KILL 100>101 kernel exiting fatal
         +6002ms exit 101 sig=9
         +6010ms free 101
         +6011ms free 100",
        "forced: SIGTERM by host, 1001 ms
           100 graceful, code 0
           101 overran, SIGKILL by pidns-teardown
           ! error pidns-teardown-kill",
    );
}

#[test]
fn what_outlives_a_hang_up_is_not_accused() {
    let told = tell(&run("+0ms proc 50
         +0ms proc 100 parent=50 comm=bash
         +0ms proc 101 parent=100 comm=job
         +0ms proc 102 parent=100 comm=setsid
         +10ms gen HUP 50>100 kernel handler
         +11ms take HUP 100 handler
         +12ms gen HUP 100>101 ignore dropped
         +13ms gen HUP 100>100 default fatal
         +14ms exit 100 sig=1
         +20ms free 100
         +12s tick"));
    assert!(!told.contains("! error") && !told.contains("! warning"), "{told}");
}

#[test]
fn what_outlived_a_hang_up_and_is_killed_much_later_is_not_accused() {
    let told = tell(&run("+0ms proc 50
         +0ms proc 100 parent=50 comm=bash
         +0ms proc 101 parent=100 comm=job
         +10ms gen HUP 50>100 kernel handler
         +11ms take HUP 100 handler
         +12ms gen HUP 100>101 ignore dropped
         +13ms gen HUP 100>100 default fatal
         +14ms exit 100 sig=1
         +20ms free 100
         +12s tick
         +300s gen KILL 50>101 fatal
         +300001ms exit 101 sig=9
         +300010ms free 101"));
    assert!(!told.contains("! error") && !told.contains("! warning"), "{told}");
}

#[test]
fn a_background_job_that_ignores_an_interrupt_is_not_accused() {
    let told = tell(&run("+0ms proc 50
         +0ms proc 100 parent=50 cgroup=7 comm=sh
         +0ms proc 101 parent=100 comm=server
         +10ms gen INT 50>100 kernel default fatal
         +10010us gen INT 50>101 kernel ignore dropped
         +11ms exit 100 sig=2
         +20ms free 100
         +30s tick"));
    assert!(!told.contains("! error") && !told.contains("! warning"), "{told}");
}

#[test]
fn a_hang_up_during_a_long_drain_does_not_replace_the_stop() {
    let told = tell(&run("+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12s tick
         +20s gen HUP 50>101 kernel handler
         +20001ms take HUP 101 handler
         +40s gen KILL 50>100 fatal
         +40001ms exit 100 sig=9
         +40002ms exit 101 code=0
         +40010ms free 100
         +40011ms free 101"));
    assert!(told.contains("forced (amended): SIGTERM by host"), "{told}");
}
