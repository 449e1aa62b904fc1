//! What handlers do that looks like something else.

use std::format;

use crate::fixture::{check, run, shutdowns, story};

#[test]
fn a_handler_that_runs_commands_is_at_work() {
    // `trap 'for i in $(seq 60); do sleep 1; done' TERM`, and one long command.
    let told = |sign: &str| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7 comm=sh
             +10ms gen TERM 50>100 handler
             +11ms take TERM 100 handler
             +12ms fork 1012 parent=100 comm=sleep
             {sign}
             +12s gen KILL 50>100 fatal
             +12001ms exit 100 sig=9
             +12010ms free 100"
        ))
    };
    let one_after_another = told("+5s exit 1012 code=0\n+5001ms free 1012");
    assert!(!one_after_another.contains("handler-does-not-exit"), "{one_after_another}");
    let one = told("+5s tick");
    assert!(!one.contains("handler-does-not-exit"), "{one}");
}

#[test]
fn a_shell_that_ignores_what_it_sends_to_its_group_has_handled_the_signal() {
    // `trap 'trap "" TERM; kill 0; wait' TERM`.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=sh
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>100 ignore dropped
         +12010us gen TERM 100>101 handler
         +13ms take TERM 101 handler
         +5s gen KILL 50>100 fatal
         +5001ms exit 100 sig=9
         +5s gen KILL 50>101 fatal
         +5001ms exit 101 sig=9
         +5010ms free 100
         +5010ms free 101",
        "forced: SIGTERM by host, 4990 ms
           100 overran, SIGKILL by host
           101 overran, SIGKILL by host
           ! error grace-period-exceeded",
    );
}

#[test]
fn pid_1_that_raises_the_signal_again_inside_its_handler_ignores_it() {
    // As glibc's manual has it: `signal(SIGTERM, SIG_DFL); raise(SIGTERM);`, blocked until the
    // handler returns.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms gen TERM 100>100 default blocked
         +21ms take TERM 100 default
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 ignored, SIGKILL by host
           ! error pid1-ignores-stop-signal",
    );
}

#[test]
fn pid_1_that_has_its_handler_only_for_the_second_signal_does_not_ignore_it() {
    // Told while it started, and again by a person.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 default dropped
         +2s gen TERM 50>100 handler
         +2001ms take TERM 100 handler
         +10010ms gen KILL 50>100 fatal
         +10011ms exit 100 sig=9
         +10020ms free 100",
        "forced: SIGTERM by host, 10000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded
           ! info repeated-stop-signal",
    );
}

#[test]
fn who_is_told_last_has_not_had_the_whole_grace_period() {
    // Supervisord stops its programs one after another.
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7 ns=1 comm=supervisord
        +0ms proc 101 parent=100 comm=worker
        +10ms gen TERM 50>100 handler
        +11ms take TERM 100 handler
        +9010ms gen TERM 100>101 handler
        +9011ms take TERM 101 handler
        +10010ms gen KILL 50>101 fatal exe=runc
        +10011ms exit 101 sig=9
        +10020ms exit 100 code=0");
    let findings = &shutdowns(&out)[0].findings;
    assert!(findings.iter().all(|finding| finding.id != "handler-does-not-exit"), "{findings:?}");
    let exceeded = findings.iter().find(|finding| finding.id == "grace-period-exceeded").unwrap();
    assert!(exceeded.summary.contains("but was not done after 1.00 s"), "{}", exceeded.summary);
}

#[test]
fn a_child_that_asked_to_be_killed_with_its_parent_is_not_left_untold() {
    // PR_SET_PDEATHSIG: sent as a user would, on account of the parent that exits.
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms gen KILL 100>101 pdeath exiting fatal
         +20ms exit 100 code=0
         +21ms exit 101 sig=9
         +30ms free 101
         +31ms free 100",
    );
    assert!(told.contains("101 not-signalled, SIGKILL by kernel"), "{told}");
    assert!(!told.contains("! error") && !told.contains("! warning"), "{told}");
}

#[test]
fn a_handler_that_told_its_child_is_not_idle_though_the_child_does_not_end() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 ignore dropped
         +12s gen KILL 50>100 fatal
         +12001ms exit 100 sig=9
         +12002ms gen KILL 50>101 fatal
         +12003ms exit 101 sig=9
         +12010ms free 100
         +12011ms free 101",
    );
    assert!(told.contains("stop-signal-ignored"), "{told}");
    assert!(!told.contains("handler-does-not-exit"), "{told}");
}

#[test]
fn a_process_that_was_frozen_when_sigkill_came_is_no_more_than_warned_about() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +2s gen KILL 50>100 fatal frozen
         +3s exit 100 sig=9
         +3010ms free 100",
    );
    assert!(told.contains("! warning grace-period-exceeded"), "{told}");
}
