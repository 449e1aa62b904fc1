//! When findings stay at `info`, and what they say.

use crate::fixture::{check, run, shutdowns};

#[test]
fn a_worker_that_ignores_the_signal_and_ends_in_time_is_info() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 ignore dropped
         +50ms exit 101 code=0
         +60ms exit 100 code=0
         +70ms free 101
         +71ms free 100",
        "graceful: SIGTERM by host, 50 ms
           100 graceful, code 0
           101 ignored, code 0
           ! info stop-signal-ignored",
    );
}

#[test]
fn a_worker_that_its_manager_kills_instead_is_info() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 ignore dropped
         +50ms gen KILL 100>101 fatal
         +51ms exit 101 sig=9
         +60ms exit 100 code=0
         +70ms free 101
         +71ms free 100",
        "forced: SIGTERM by host, 40 ms
           100 graceful, code 0
           101 ignored, SIGKILL by supervisor
           ! info stop-signal-ignored",
    );
}

#[test]
fn pid_1_that_ignores_the_signal_and_ends_in_time_is_info() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 default dropped
         +500ms exit 100 code=0
         +510ms free 100",
        "graceful: SIGTERM by host, 490 ms
           100 ignored, code 0
           ! info pid1-ignores-stop-signal",
    );
}

#[test]
fn a_child_that_was_not_told_and_ends_by_itself_is_no_finding() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +50ms exit 101 code=0
         +60ms exit 100 code=0
         +70ms free 101
         +71ms free 100",
        "graceful: SIGTERM by host, 50 ms
           100 graceful, code 0
           101 not-signalled, code 0",
    );
}

#[test]
fn a_shell_that_is_deaf_and_its_child_are_told_apart() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=sh
         +0ms proc 101 parent=100 comm=worker
         +10ms gen TERM 50>100 default dropped exe=runc
         +2010ms gen KILL 50>100 fatal exe=runc
         +2011ms exit 100 sig=9
         +2012ms gen KILL 100>101 kernel exiting fatal
         +2013ms exit 101 sig=9
         +2020ms free 101
         +2021ms free 100",
        "forced: SIGTERM by runtime, 2000 ms
           100 ignored, SIGKILL by runtime
           101 not-signalled, SIGKILL by pidns-teardown
           ! error pid1-ignores-stop-signal
           ! warning stop-signal-not-forwarded",
    );
}

#[test]
fn summaries_tell_the_case_and_evidence_names_records() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7 ns=1 comm=sh
        +10ms gen TERM 50>100 default dropped exe=runc
        +10010ms gen KILL 50>100 fatal exe=runc
        +10011ms exit 100 sig=9
        +10020ms free 100");
    let finding = &shutdowns(&out)[0].findings[0];
    assert_eq!(
        finding.summary,
        "sh[100] (pid 1 in its namespace) got SIGTERM but has no handler for it, and the kernel \
         drops such signals for PID 1; it was killed with SIGKILL (runtime) 10.00 s later"
    );
    let seqs: std::vec::Vec<_> = finding.evidence.iter().map(|seq| seq.0).collect();
    assert_eq!(seqs, [1, 2, 3], "TERM, KILL, exit");
}

#[test]
fn hostile_names_are_escaped_in_summaries() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7 comm=\u{1b}[31mx
        +10ms gen TERM 50>100 ignore dropped
        +2010ms gen KILL 50>100 fatal
        +2011ms exit 100 sig=9
        +2020ms free 100");
    let summary = &shutdowns(&out)[0].findings[0].summary;
    assert!(summary.starts_with("\\x1b[31mx[100] "), "{summary}");
}

#[test]
fn a_child_cut_off_by_the_end_of_pid_1_has_not_exceeded_its_grace() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 handler
         +13ms take TERM 101 handler
         +20ms exit 100 code=0
         +21ms gen KILL 100>101 kernel exiting fatal
         +22ms exit 101 sig=9
         +30ms free 101
         +31ms free 100",
        "forced: SIGTERM by host, 11 ms
           100 graceful, code 0
           101 overran, SIGKILL by pidns-teardown
           ! error pidns-teardown-kill",
    );
}
