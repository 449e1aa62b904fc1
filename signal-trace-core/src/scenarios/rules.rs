//! The findings that need more than a verdict.

use std::format;

use crate::fixture::{check, own_findings, run, shutdowns, story};

#[test]
fn an_escalation_by_who_asked_first_is_no_kill_from_outside() {
    let told = |killer: u32| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 60 parent=50 comm=kill
             +0ms proc 61 parent=50 comm=kill
             +0ms proc 70 parent=9 comm=edr
             +0ms proc 100 cgroup=7
             +10ms gen TERM 60>100 ignore dropped
             +2s gen KILL {killer}>100 fatal
             +2001ms exit 100 sig=9
             +2010ms free 100"
        ))
    };
    assert!(!told(60).contains("kill-from-outside"), "the same process");
    assert!(!told(61).contains("kill-from-outside"), "another child of the same parent");
    assert!(told(70).contains("! warning kill-from-outside"));
}

#[test]
fn a_kill_from_another_container_is_named() {
    check(
        "+0ms proc 90 cgroup=9 ns=5 comm=agent
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen KILL 90>100 fatal
         +11ms exit 100 sig=9
         +20ms free 100",
        "forced: no stop
           100 killed, SIGKILL by other-container
           ! warning killed-without-stop-signal
           ! warning kill-from-outside",
    );
}

#[test]
fn a_person_who_kills_a_process_of_a_terminal_is_not_worth_a_warning() {
    check(
        "+0ms proc 50
         +0ms proc 100
         +10ms gen KILL 50>100 fatal
         +11ms exit 100 sig=9
         +20ms free 100",
        "forced: no stop
           100 killed, SIGKILL by host
           ! info killed-without-stop-signal
           ! info kill-from-outside",
    );
}

#[test]
fn a_stop_that_took_most_of_its_time_is_told_and_one_that_did_not_is_not() {
    let told = |ms: u32| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +10ms gen TERM 50>100 handler
             +11ms take TERM 100 handler
             +{ms}ms exit 100 code=0
             +{}ms free 100",
            ms + 1
        ))
    };
    assert!(told(8010).contains("! warning grace-period-nearly-exceeded"));
    assert!(told(10_010).contains("! warning grace-period-nearly-exceeded"));
    assert!(!told(8009).contains('!'));
    assert!(!told(10_020).contains("nearly"), "it was exceeded");
}

#[test]
fn a_handler_that_forwards_or_whose_children_end_is_at_work() {
    let told = |sign: &str| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +0ms proc 101 parent=100
             +10ms gen TERM 50>100 handler
             +11ms take TERM 100 handler
             {sign}
             +12s gen KILL 50>100 fatal
             +12001ms exit 100 sig=9
             +12010ms free 100"
        ))
    };
    let idle = told("+1s tick");
    assert!(idle.contains("! warning handler-does-not-exit"), "{idle}");
    let forwards = told("+1s gen TERM 100>101 handler\n+2s exit 101 code=0");
    assert!(!forwards.contains("handler-does-not-exit"), "{forwards}");
    let child = told("+2s exit 101 code=0");
    assert!(!child.contains("handler-does-not-exit"), "{child}");
}

#[test]
fn a_handler_that_was_not_given_its_full_time_is_not_said_to_hang() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +5s gen KILL 50>100 fatal
         +5001ms exit 100 sig=9
         +5010ms free 100",
    );
    assert!(!told.contains("handler-does-not-exit"), "{told}");
}

#[test]
fn an_orphan_is_who_outlives_its_parent_untold() {
    // As under Supervisord without stopasgroup: the wrapper shell dies, the worker is left to PID 1.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=supervisord
         +0ms proc 101 parent=100 comm=bash
         +0ms proc 102 parent=101 comm=worker
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 default fatal
         +13ms exit 101 sig=15
         +14ms free 101
         +3s exit 100 code=0
         +3001ms gen KILL 100>102 kernel exiting fatal
         +3002ms exit 102 sig=9
         +3010ms free 102
         +3011ms free 100",
        "forced: SIGTERM by host, 2991 ms
           100 graceful, code 0
           101 default-action, SIGTERM
           102 not-signalled, SIGKILL by pidns-teardown
           ! error orphan-left-behind",
    );
}

#[test]
fn a_daemon_that_forked_twice_inside_is_from_inside_all_the_same() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +1ms fork 101 parent=100
         +2ms fork 102 parent=101
         +3ms exit 101 code=0
         +4ms free 101
         +1s gen TERM 50>100 handler
         +1001ms take TERM 100 handler
         +1010ms exit 100 code=0
         +1011ms gen KILL 100>102 kernel exiting fatal
         +1012ms exit 102 sig=9
         +1020ms free 102
         +1021ms free 100",
        "forced: SIGTERM by host, 11 ms
           100 graceful, code 0
           102 not-signalled, SIGKILL by pidns-teardown
           ! error stop-signal-not-forwarded",
    );
}

#[test]
fn a_second_request_a_second_later_is_told_and_a_double_one_is_not() {
    let told = |ms: u32| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +10ms gen TERM 50>100 handler
             +11ms take TERM 100 handler
             +{ms}ms gen TERM 50>100 handler
             +4s exit 100 code=0
             +4010ms free 100"
        ))
    };
    assert!(told(3500).contains("! info repeated-stop-signal"));
    assert!(!told(15).contains('!'), "an init that signals its child and its group");
}

#[test]
fn a_process_that_kills_itself_is_told_in_and_out_of_a_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=php
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +2s gen KILL 100>100 fatal
         +2001ms exit 100 sig=9
         +2010ms free 100",
        "forced: SIGTERM by host, 1990 ms
           100 overran, SIGKILL by self
           ! warning self-kill",
    );
    let out = run("+0ms proc 100 cgroup=7 comm=php
        +10ms gen KILL 100>100 fatal
        +11ms exit 100 sig=9
        +20ms free 100");
    let findings = own_findings(&out);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].finding.id, "self-kill");
    assert!(findings[0].finding.fix.starts_with("Laravel queues: "), "{findings:?}");
}

#[test]
fn a_lost_stop_signal_makes_no_kill_without_one() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +1s loss generate 1 from=+900ms
         +2s gen KILL 50>100 fatal
         +2001ms exit 100 sig=9
         +2010ms free 100",
    );
    assert!(!told.contains("killed-without-stop-signal"), "{told}");
    assert!(told.contains("events-lost"), "{told}");
}

#[test]
fn a_kill_that_was_asked_for_by_a_limit_is_worth_knowing_only() {
    check(
        "+0ms proc 100 cgroup=7
         +10ms gen KILL 100>100 kernel fatal
         +11ms exit 100 sig=9
         +20ms free 100",
        "forced: no stop
           100 killed, SIGKILL by kernel
           ! info killed-without-stop-signal",
    );
}

#[test]
fn who_is_killed_after_a_repetition_did_not_answer_it() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen TERM 50>100 handler
        +11ms take TERM 100 handler
        +2s gen TERM 50>100 handler
        +2100ms gen KILL 50>100 fatal
        +2101ms exit 100 sig=9
        +2110ms free 100");
    let findings = &shutdowns(&out)[0].findings;
    let repeated = findings.iter().find(|f| f.id == "repeated-stop-signal").unwrap();
    assert!(!repeated.summary.contains("ended only then"), "{}", repeated.summary);
}

#[test]
fn a_workload_that_still_stops_when_the_session_ends_has_not_nearly_exceeded() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 handler
         +13ms take TERM 101 handler
         +8500ms exit 101 code=0
         +9s end",
    );
    assert!(told.starts_with("still-running") && !told.contains('!'), "{told}");
}

#[test]
fn a_manager_that_kills_a_worker_which_blocks_the_signal_is_at_its_own_work() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 blocked
         +2s gen KILL 100>101 fatal
         +2001ms exit 101 sig=9 pending=TERM blocked=TERM
         +2010ms exit 100 code=0",
    );
    assert!(told.contains("! info stop-signal-blocked"), "{told}");
    assert!(!told.contains("! error") && !told.contains("! warning"), "{told}");
}
