//! What tells the verdicts apart that look alike: pending masks, `/proc`, who was halted.

use std::format;

use crate::fixture::{asked, check, run, story, tell};

#[test]
fn a_signalfd_consumer_that_overruns_is_not_blocked() {
    // It blocks the signal, as signalfd(2) wants it, and has read it: nothing is pending.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 blocked
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9 blocked=TERM
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded",
    );
}

#[test]
fn proc_tells_blocked_from_taken_while_it_lives() {
    let text = |answer: &str| {
        format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +10ms gen TERM 50>100 blocked
             +10100ms tick
             +10200ms {answer}
             +10500ms tick
             +12s end"
        )
    };
    let pending = story(&text("alive 100 pending=TERM"));
    assert!(pending.contains("100 blocked, alive\n  ! error stop-signal-blocked"), "{pending}");
    let taken = story(&text("alive 100"));
    assert!(taken.contains("100 overran, alive\n  ! warning grace-period-exceeded"), "{taken}");
    assert!(asked(&run(&text("tick"))).contains(&100));
}

#[test]
fn a_process_whose_exit_and_free_were_lost_accuses_nobody() {
    // /proc, asked before the report, does not know it any more.
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 100
         +10100ms tick
         +10200ms gone 101
         +12s tick",
    );
    assert!(told.starts_with("inconclusive"), "{told}");
    assert!(!told.contains("forwarded") && !told.contains("orphan"), "{told}");
}

#[test]
fn a_stopped_process_that_is_killed_did_not_ignore_anything() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler stopped
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9 pending=TERM
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 overran, SIGKILL by host
           ! warning grace-period-exceeded",
    );
}

#[test]
fn a_frozen_process_that_is_thawed_in_time_is_graceful() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler frozen
         +3s take TERM 100 handler
         +3010ms exit 100 code=0
         +3020ms free 100",
        "graceful: SIGTERM by host, 3000 ms
           100 graceful, code 0",
    );
}

#[test]
fn a_process_frozen_by_v1_outlives_sigkill_and_is_amended() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen KILL 50>100 fatal frozen
         +5100ms tick
         +5200ms alive 100 state=D
         +6100ms tick
         +30s exit 100 sig=9
         +30010ms free 100",
        "still-running: no stop
           100 unkillable, alive
           ! error unkillable-process
         forced (amended): no stop
           100 killed, SIGKILL by host
           ! warning killed-without-stop-signal
           ! warning kill-from-outside",
    );
}

#[test]
fn a_kill_that_takes_long_is_told_only_when_five_seconds_have_passed() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +10010ms gen KILL 50>100 fatal
         +12s tick
         +13s exit 100 sig=9
         +13010ms free 100",
        "forced: SIGTERM by host, 10000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded
           ! warning handler-does-not-exit",
    );
}

#[test]
fn bash_with_an_exit_trap_as_pid_1_sends_itself_the_signal_and_exits_143() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=bash
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms gen TERM 100>100 default dropped
         +21ms exit 100 code=143
         +30ms free 100",
        "graceful: SIGTERM by host, 11 ms
           100 graceful, code 143",
    );
}

#[test]
fn an_oom_kill_of_a_child_does_not_wait_for_the_grace_period() {
    let told = tell(&run("+0ms proc 100 cgroup=7 ns=1
        +0ms proc 101 parent=100
        +10ms gen KILL 101>101 kernel fatal
        +11ms oom 101
        +12ms exit 101 sig=9
        +20ms free 101
        +2s tick
        +2s end"));
    assert_eq!(
        told,
        "oom-killed: no stop\n  100 running, alive\n  101 oom-killed, SIGKILL by oom-killer\n  \
         ! error oom-kill"
    );
}

#[test]
fn pid_1_that_is_done_takes_its_helpers_with_it_and_nobody_is_accused() {
    check(
        "+0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms exit 100 code=0
         +11ms gen KILL 100>101 kernel exiting fatal
         +12ms exit 101 sig=9
         +20ms free 101
         +21ms free 100",
        "forced: no stop
           100 not-signalled, code 0
           101 killed, SIGKILL by pidns-teardown
           ! info pidns-teardown-kill",
    );
}

#[test]
fn a_signal_that_is_queued_again_shows_that_the_first_was_taken() {
    // sigwait(3) takes the first and is at work; the second waits.
    let told = |second: &str| {
        story(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +10ms gen TERM 50>100 blocked
             +1500ms gen TERM 50>100 blocked {second}
             +2s exit 100 code=0 pending=TERM blocked=TERM
             +2010ms free 100"
        ))
    };
    assert!(told("").contains("100 graceful, code 0"), "{}", told(""));
    assert!(told("pending").contains("100 blocked, code 0"), "{}", told("pending"));
}

#[test]
fn a_process_that_has_just_been_killed_is_not_unkillable() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +2s gen KILL 50>100 fatal
         +3s end",
    );
    assert!(told.contains("100 running, alive") && !told.contains("unkillable"), "{told}");
}

#[test]
fn it_is_said_why_a_process_outlives_sigkill() {
    let summary = |frozen: &str| {
        let out = run(&format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +10ms gen KILL 50>100 fatal {frozen}
             +5100ms tick
             +5200ms alive 100 state=D
             +6100ms tick"
        ));
        let shutdowns = crate::fixture::shutdowns(&out);
        shutdowns[0].findings.iter().find(|f| f.id == "unkillable-process").unwrap().summary.clone()
    };
    assert!(summary("frozen").contains("its cgroup is frozen"), "{}", summary("frozen"));
    assert!(summary("").contains("uninterruptible sleep"), "{}", summary(""));
}
