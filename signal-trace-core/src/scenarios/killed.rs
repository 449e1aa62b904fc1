//! Who was killed by whom, and before what.

use crate::{
    findings::Severity,
    fixture::{check, run, shutdowns, story},
};

#[test]
fn a_worker_that_was_killed_before_the_stop_came_was_not_left_untold() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen KILL 50>101 fatal
         +10100us gen TERM 50>100 handler
         +11ms exit 101 sig=9
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 101
         +31ms free 100",
        "forced: SIGTERM by host, 9 ms
           100 graceful, code 0
           101 killed, SIGKILL by host",
    );
}

#[test]
fn what_was_asked_to_stop_before_the_session_began_is_not_accused() {
    let text = "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms begin
         +2s gen KILL 50>100 fatal exe=runc
         +2001ms exit 100 sig=9
         +2010ms free 100";
    check(
        text,
        "forced: no stop
           100 killed, SIGKILL by runtime
           ! info killed-without-stop-signal",
    );
    let told = run(text);
    let report = &shutdowns(&told)[0];
    assert!(!report.complete);
    assert!(report.findings[0].summary.contains("before signal-trace began"));
    // Long after the grace of a stop signal that nobody saw, and of who was born later, all is known.
    for text in [
        text.replace("+2s", "+20s").replace("+2001ms", "+20001ms").replace("+2010ms", "+21s"),
        text.replace("+0ms begin", "+0ms begin\n+1s fork 101 parent=100 cgroup=8")
            .replace("50>100", "50>101")
            .replace("exit 100", "exit 101")
            .replace("free 100", "free 101"),
    ] {
        let told = run(&text);
        let report = &shutdowns(&told)[0];
        assert!(report.complete, "{text}");
        assert_eq!(report.findings[0].severity, Severity::Warning, "{text}");
    }
}

#[test]
fn a_worker_that_its_manager_has_killed_and_that_does_not_die_is_unkillable() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen KILL 100>101 fatal
         +60s gen TERM 50>100 handler
         +60001ms take TERM 100 handler
         +60010ms exit 100 code=0
         +60020ms free 100",
    );
    let wanted = "100 graceful, code 0\n  101 unkillable, alive\n  ! error unkillable-process";
    assert!(told.ends_with(wanted), "{told}");
}

#[test]
fn who_was_dying_of_another_sigkill_is_no_victim_of_the_oom_killer() {
    // Where memory runs out while a process dies, the kernel marks it as a victim all the same.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen KILL 50>100 fatal exe=runc
         +12ms oom 100
         +13ms exit 100 sig=9
         +21ms free 100",
        "forced: no stop
           100 killed, SIGKILL by runtime
           ! warning killed-without-stop-signal",
    );
}

#[test]
fn what_dies_with_a_pid_1_that_was_killed_is_not_held_against_that() {
    // `docker stop --time 5`, which nobody has told the tracer of.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler exe=runc
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 handler
         +13ms take TERM 101 handler
         +5010ms gen KILL 50>100 fatal exe=runc
         +5011ms exit 100 sig=9
         +5012ms gen KILL 100>101 kernel exiting fatal
         +5013ms exit 101 sig=9
         +5020ms free 101
         +5021ms free 100",
        "forced: SIGTERM by runtime, 5000 ms
           100 overran, SIGKILL by runtime
           101 overran, SIGKILL by pidns-teardown
           ! error grace-period-exceeded",
    );
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen KILL 50>100 fatal exe=runc
         +11ms exit 100 sig=9
         +12ms gen KILL 100>101 kernel exiting fatal
         +13ms exit 101 sig=9
         +20ms free 101
         +21ms free 100",
        "forced: no stop
           100 killed, SIGKILL by runtime
           101 killed, SIGKILL by pidns-teardown
           ! warning killed-without-stop-signal",
    );
}

#[test]
fn a_main_process_that_was_killed_and_not_told_has_forwarded_nothing() {
    // `pkill worker`, and then `kill -9` of the main process.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +0ms proc 102 parent=100
         +10ms gen TERM 50>101 handler
         +11ms take TERM 101 handler
         +2s gen KILL 50>100 fatal
         +2001ms exit 100 sig=9
         +2010ms exit 101 code=0
         +2011ms gen KILL 50>102 fatal
         +2012ms exit 102 sig=9
         +2020ms free 102
         +2020ms free 101
         +2021ms free 100",
        "forced: SIGTERM by host, 1990 ms
           100 not-signalled, SIGKILL by host
           101 graceful, code 0
           102 not-signalled, SIGKILL by host",
    );
}

#[test]
fn a_container_whose_stop_signal_is_quit_and_that_is_killed_after_30_seconds_was_asked() {
    // As with nginx in Kubernetes, where the grace period is not known to the tracer.
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7 ns=1 comm=nginx
        +10ms gen QUIT 50>100 handler exe=runc
        +11ms take QUIT 100 handler
        +12s tick
        +30010ms gen KILL 50>100 fatal exe=runc
        +30011ms exit 100 sig=9
        +30020ms free 100");
    let findings = &shutdowns(&out)[0].findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Info);
    assert_eq!(
        findings[0].summary,
        "nginx[100] (pid 1 in its namespace) was killed with SIGKILL (runtime, p50[50]) 30.00 s \
         after SIGQUIT, the last stop signal that it had been sent"
    );
    let seqs: std::vec::Vec<_> = findings[0].evidence.iter().map(|seq| seq.0).collect();
    assert_eq!(seqs, [1, 3, 4], "QUIT, KILL, exit");
}

#[test]
fn a_worker_that_was_asked_from_outside_and_killed_later_was_asked() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 handler
         +11ms take TERM 101 handler
         +30s gen KILL 50>101 fatal
         +30001ms exit 101 sig=9
         +30010ms free 101",
    );
    assert!(told.contains("! info killed-without-stop-signal"), "{told}");
}

#[test]
fn a_reload_long_before_a_kill_was_no_request() {
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen HUP 50>100 handler
         +11ms take HUP 100 handler
         +30s gen KILL 50>100 fatal
         +30001ms exit 100 sig=9
         +30010ms free 100",
    );
    assert!(told.contains("! warning killed-without-stop-signal"), "{told}");
}
