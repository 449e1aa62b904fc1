//! What a process did with its own first stop signal.

use crate::fixture::check;

#[test]
fn graceful_handler_exits_in_time() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +500ms exit 100 code=0
         +510ms free 100",
        "graceful: SIGTERM by host, 490 ms
           100 graceful, code 0",
    );
}

#[test]
fn graceful_exit_codes_that_look_like_signals_are_exits() {
    for code in [137, 143] {
        check(
            &std::format!(
                "+0ms proc 50
                 +0ms proc 100 cgroup=7
                 +10ms gen TERM 50>100 handler
                 +11ms take TERM 100 handler
                 +20ms exit 100 code={code}
                 +30ms free 100"
            ),
            &std::format!("graceful: SIGTERM by host, 10 ms\n 100 graceful, code {code}"),
        );
    }
}

#[test]
fn graceful_sigtimedwait_consumer_shows_no_delivery() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=tini
         +10ms gen TERM 50>100 waited exe=runc
         +20ms exit 100 code=143
         +30ms free 100",
        "graceful: SIGTERM by runtime, 10 ms
           100 graceful, code 143",
    );
}

#[test]
fn graceful_signalfd_consumer_has_it_blocked() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 blocked
         +20ms exit 100 code=0 blocked=TERM
         +30ms free 100",
        "graceful: SIGTERM by host, 10 ms
           100 graceful, code 0",
    );
}

#[test]
fn graceful_handler_that_re_raises_with_the_default_action() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=node
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +100ms gen TERM 100>100 default fatal
         +101ms exit 100 sig=15
         +110ms free 100",
        "graceful: SIGTERM by host, 91 ms
           100 graceful, SIGTERM",
    );
}

#[test]
fn graceful_signalfd_consumer_that_re_raises() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 blocked
         +100ms gen TERM 100>100 default fatal
         +101ms exit 100 sig=15
         +110ms free 100",
        "graceful: SIGTERM by host, 91 ms
           100 graceful, SIGTERM",
    );
}

#[test]
fn default_action_dies_at_once() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 default fatal
         +11ms exit 100 sig=15
         +20ms free 100",
        "default-action: SIGTERM by host, 1 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn default_action_of_a_stopped_process_is_delivered_after_sigcont() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 default stopped
         +900ms take TERM 100 default
         +901ms exit 100 sig=15
         +910ms free 100",
        "default-action: SIGTERM by host, 891 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn ignored_by_choice() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 ignore dropped
         +5010ms gen KILL 50>100 fatal
         +5011ms exit 100 sig=9
         +5020ms free 100",
        "forced: SIGTERM by host, 5000 ms
           100 ignored, SIGKILL by host
           ! error stop-signal-ignored",
    );
}

#[test]
fn ignored_by_pid_1_without_a_handler() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=sh
         +10ms gen TERM 50>100 default dropped exe=runc
         +10010ms gen KILL 50>100 fatal exe=runc
         +10011ms exit 100 sig=9
         +10020ms free 100",
        "forced: SIGTERM by runtime, 10000 ms
           100 ignored, SIGKILL by runtime
           ! error pid1-ignores-stop-signal",
    );
}

#[test]
fn ignored_by_pid_1_that_unblocks_it_without_a_handler() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 default blocked
         +500ms take TERM 100 default
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 ignored, SIGKILL by host
           ! error pid1-ignores-stop-signal",
    );
}

#[test]
fn ignored_by_pid_1_whose_handler_re_raises() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +20ms gen TERM 100>100 default dropped
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 ignored, SIGKILL by host
           ! error pid1-ignores-stop-signal",
    );
}

#[test]
fn blocked_and_still_pending_at_the_end() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 blocked
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9 pending=TERM blocked=TERM
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 blocked, SIGKILL by host
           ! error stop-signal-blocked",
    );
}

#[test]
fn overran_when_sigkill_came() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded",
    );
}

#[test]
fn overran_consumer_that_took_it_without_a_delivery() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 waited
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGTERM by host, 2000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded",
    );
}

#[test]
fn overran_late_exit_without_sigkill() {
    // The first report comes when the grace has passed; the second one corrects it.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +11500ms tick
         +15s exit 100 code=0
         +15010ms free 100",
        "still-running: SIGTERM by host, 11390 ms
           100 overran, alive
           ! warning handler-does-not-exit
           ! warning grace-period-exceeded
         graceful (amended): SIGTERM by host, 14990 ms
           100 overran, code 0
           ! warning grace-period-exceeded",
    );
}
