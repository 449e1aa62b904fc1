//! HUP, QUIT and INT that ask for something else than an end, and what happens meanwhile.

use crate::fixture::check;

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
