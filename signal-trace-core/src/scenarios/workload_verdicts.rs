//! How a workload ended: the first verdict that holds.

use crate::{
    fixture::{check, run, shutdowns, story},
    output::RecordBody,
};

#[test]
fn a_loss_in_its_window_makes_a_shutdown_inconclusive() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 100
         +31ms loss deliver 2 from=+5ms",
        "inconclusive: SIGTERM by host, 10 ms
           100 graceful, code 0
           ! warning events-lost",
    );
}

#[test]
fn a_loss_before_the_window_does_not_touch_it() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms loss deliver 2 from=+5ms
         +5s gen TERM 50>100 default fatal
         +5001ms exit 100 sig=15
         +5010ms free 100",
        "default-action: SIGTERM by host, 1 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn a_sigkill_whose_stop_signal_may_be_lost_is_inconclusive() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms loss generate 1 from=+5ms
         +5s gen KILL 50>100 fatal
         +5001ms exit 100 sig=9
         +5010ms free 100",
        "inconclusive: no stop
           100 killed, SIGKILL by host
           ! warning kill-from-outside
           ! warning events-lost",
    );
}

#[test]
fn forced_if_anybody_needed_sigkill() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 handler
         +13ms take TERM 101 handler
         +2s gen KILL 100>101 fatal
         +2001ms exit 101 sig=9
         +2010ms exit 100 code=0
         +2020ms free 101
         +2021ms free 100",
        "forced: SIGTERM by host, 1990 ms
           100 graceful, code 0
           101 overran, SIGKILL by supervisor
           ! error grace-period-exceeded",
    );
}

#[test]
fn crash_comes_before_forced() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 handler
         +20ms exit 101 sig=11
         +2s gen KILL 50>100 fatal
         +2001ms exit 100 sig=9
         +2010ms free 101
         +2011ms free 100",
        "crashed: SIGTERM by host, 1990 ms
           100 overran, SIGKILL by host
           101 crashed, SIGSEGV
           ! error crash-during-shutdown
           ! error grace-period-exceeded",
    );
}

#[test]
fn still_running_is_amended_when_sigkill_comes_late() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 default dropped
         +12s tick
         +30s gen KILL 50>100 fatal
         +30001ms exit 100 sig=9
         +30010ms free 100",
        "still-running: SIGTERM by host, 11890 ms
           100 ignored, alive
           ! error pid1-ignores-stop-signal
         forced (amended): SIGTERM by host, 29990 ms
           100 ignored, SIGKILL by host
           ! error pid1-ignores-stop-signal",
    );
}

#[test]
fn reports_of_one_shutdown_have_their_own_names() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen TERM 50>100 handler
        +12s tick
        +13s exit 100 code=0
        +13010ms free 100");
    let reports = shutdowns(&out);
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[1].amends.as_ref(), Some(&reports[0].shutdown_id));
    assert_ne!(reports[0].shutdown_id, reports[1].shutdown_id);
}

#[test]
fn sessions_of_docker_exec_are_no_fault_of_the_workload() {
    // Their parent is the shim outside: nobody inside could forward anything to them.
    check(
        "+0ms proc 50 comm=shim
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=50 cgroup=7 ns=22 comm=bash
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +21ms gen KILL 100>101 kernel exiting fatal
         +22ms exit 101 sig=9
         +30ms free 101
         +31ms free 100",
        "forced: SIGTERM by host, 11 ms
           100 graceful, code 0
           101 not-signalled, SIGKILL by pidns-teardown",
    );
}

#[test]
fn helpers_that_a_shutdown_starts_are_left_out() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms fork 101 parent=100 comm=sleep
         +50ms exit 101 code=0
         +60ms exit 100 code=0
         +70ms free 101
         +71ms free 100",
        "graceful: SIGTERM by host, 50 ms
           100 graceful, code 0",
    );
}

#[test]
fn a_process_that_was_freed_without_an_exit_is_not_alive() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms exit 100 code=0
         +30ms free 101
         +31ms free 100
         +12s tick",
        "inconclusive: SIGTERM by host, 10 ms
           100 graceful, code 0
           101 not-signalled, alive
           ! warning events-lost",
    );
}

#[test]
fn what_comes_and_goes_after_the_report_is_forgotten() {
    let workers = (200..220u32).map(|pid| {
        let at = 10_000 + 20 * pid;
        std::format!(
            "+{at}ms fork {pid} parent=100
             +{at}ms gen TERM 100>{pid} default fatal
             +{at}ms exit {pid} sig=15
             +{at}ms free {pid}\n"
        )
    });
    let out = run(&std::format!(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 ignore dropped
         +12s tick
         {}
         +20s gen KILL 50>100 fatal
         +20001ms exit 100 sig=9
         +20010ms free 100",
        workers.collect::<std::string::String>()
    ));
    assert_eq!(shutdowns(&out).last().unwrap().processes.len(), 1);
}

#[test]
fn a_zombie_that_only_proc_has_shown_is_not_alive() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms zombie 101
         +20ms exit 100 code=0
         +30ms free 101
         +31ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 0
           101 not-signalled, code 0",
    );
}

#[test]
fn an_exit_that_did_not_come_and_that_nobody_counted_is_a_loss() {
    let losses = |text: &str| {
        let out = run(text);
        let lost = out.records.iter().filter_map(|record| match &record.body {
            RecordBody::Loss(loss) => Some(loss.count),
            _ => None,
        });
        lost.sum::<u64>()
    };
    let missing = "+0ms proc 100 cgroup=7
        +20ms free 100";
    assert_eq!(losses(missing), 1);
    // What the kernel counted is not counted again.
    assert_eq!(losses(&std::format!("+15ms loss exit 3 from=+5ms\n{missing}")), 3);
}

#[test]
fn an_event_that_came_too_late_to_be_put_in_order_makes_a_shutdown_inconclusive() {
    // Its exit is read four seconds after it happened.
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +1s gen TERM 50>100 handler
         +1001ms take TERM 100 handler
         +5s tick
         +1100ms exit 100 code=0
         +5010ms free 100",
    );
    assert!(told.starts_with("inconclusive"), "{told}");
    assert!(told.contains("! warning events-lost"), "{told}");
}
