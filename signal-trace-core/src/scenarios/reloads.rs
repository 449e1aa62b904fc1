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
