//! What opens a timeline and what does not.

use crate::config::Config;
use crate::fixture::{Script, check, run_with, tell};

const NOTHING: &str = "";

#[test]
fn quit_that_stops_the_workload_is_a_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=nginx
         +0ms proc 101 parent=100 comm=nginx
         +10ms gen QUIT 50>100 handler
         +11ms take QUIT 100 handler
         +12ms gen QUIT 100>101 handler
         +13ms take QUIT 101 handler
         +50ms exit 101 code=0
         +60ms exit 100 code=0
         +70ms free 101
         +71ms free 100",
        "graceful: SIGQUIT by host, 50 ms
           100 graceful, code 0
           101 graceful, code 0",
    );
}

#[test]
fn a_worker_stopped_by_its_manager_opens_nothing() {
    check(
        "+0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 100>101 handler
         +11ms take TERM 101 handler
         +2010ms gen KILL 100>101 fatal
         +2011ms exit 101 sig=9
         +2020ms free 101
         +30s tick",
        NOTHING,
    );
}

#[test]
fn a_stop_signal_from_inside_to_the_main_process_counts() {
    check(
        "+0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 101>100 handler
         +11ms take TERM 100 handler
         +20ms exit 101 code=0
         +30ms exit 100 code=0
         +40ms free 101
         +41ms free 100",
        "graceful: SIGTERM by peer, 20 ms
           100 graceful, code 0
           101 not-signalled, code 0",
    );
}

#[test]
fn a_process_that_signals_itself_opens_nothing() {
    check(
        "+0ms proc 100 cgroup=7
         +10ms gen TERM 100>100 default fatal
         +11ms exit 100 sig=15
         +20ms free 100
         +1s tick",
        NOTHING,
    );
}

#[test]
fn timeout_that_signals_its_own_group_opens_nothing() {
    // timeout(1) signals its child first, then its group, itself included.
    check(
        "+0ms proc 60 pgid=60 comm=timeout
         +0ms proc 61 parent=60 comm=sleep
         +10ms gen TERM 60>61 default fatal
         +10100us gen TERM 60>60 ignore dropped
         +11ms exit 61 sig=15
         +12ms exit 60 code=124
         +20ms free 61
         +21ms free 60
         +1s tick",
        NOTHING,
    );
}

#[test]
fn a_script_that_kills_its_child_is_no_group_kill() {
    check(
        "+0ms proc 60 pgid=60 comm=sh
         +0ms proc 61 parent=60 comm=sleep
         +10ms gen TERM 60>61 default fatal
         +11ms exit 61 sig=15
         +20ms free 61
         +1s tick",
        "default-action: SIGTERM by parent, 1 ms
           61 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn a_signal_to_a_zombie_or_an_exiting_process_opens_nothing() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms exit 100 code=0
         +20ms gen TERM 50>100 default
         +30ms gen KILL 50>100
         +40ms free 100
         +1s tick",
        NOTHING,
    );
}

#[test]
fn a_signal_to_a_dying_process_changes_no_verdict() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 default fatal
         +10100us gen KILL 50>100 dropped
         +11ms exit 100 sig=15
         +20ms free 100",
        "default-action: SIGTERM by host, 1 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn the_root_cgroup_is_split_by_process_tree() {
    check(
        "+0ms proc 50
         +0ms proc 100
         +0ms proc 101 parent=100
         +0ms proc 102 parent=101
         +0ms proc 200
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms gen TERM 100>101 default fatal
         +13ms exit 101 sig=15
         +20ms free 101
         +30ms exit 100 code=0
         +31ms free 100
         +12s tick
         +13s exit 102 code=0
         +13010ms free 102",
        "still-running: SIGTERM by host, 11890 ms
           100 graceful, code 0
           101 default-action, SIGTERM
           102 not-signalled, alive
           ! warning orphan-left-behind
         graceful (amended): SIGTERM by host, 12990 ms
           100 graceful, code 0
           101 default-action, SIGTERM
           102 not-signalled, code 0
           ! warning orphan-left-behind",
    );
}

#[test]
fn a_group_told_from_the_leaves_up_is_one_shutdown() {
    check(
        "+0ms proc 50
         +0ms proc 100
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 handler
         +10100us gen TERM 50>100 handler
         +10200us take TERM 101 handler
         +10300us take TERM 100 handler
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
fn an_earlier_stop_of_a_child_is_not_the_stop_of_its_parent() {
    check(
        "+0ms proc 50
         +0ms proc 100
         +0ms proc 101 parent=100
         +10ms gen TERM 50>101 handler
         +11ms take TERM 101 handler
         +8s gen TERM 50>100 handler
         +8001ms take TERM 100 handler
         +8100ms exit 101 code=0
         +8200ms exit 100 code=0
         +8210ms free 101
         +8211ms free 100",
        "graceful: SIGTERM by host, 200 ms
           100 graceful, code 0
           101 graceful, code 0",
    );
}

#[test]
fn the_tracer_that_is_told_to_end_is_no_shutdown() {
    let text = "+0ms proc 50
        +0ms proc 100
        +10ms gen TERM 50>100 handler
        +500ms end";
    let mut config = Config::new();
    assert!(tell(&run_with(config.clone(), &Script::parse(text).inputs)).contains("running"));
    config.tracer_pid = Some(100);
    assert_eq!(tell(&run_with(config, &Script::parse(text).inputs)), "");
}

#[test]
fn a_service_restarted_beside_a_survivor_has_a_new_main_process() {
    check(
        "+0ms proc 50
         +0ms proc 100 parent=50 cgroup=7 comm=cron
         +0ms proc 101 parent=40 cgroup=7 comm=job
         +10ms gen TERM 50>100 default fatal
         +11ms exit 100 sig=15
         +20ms free 100
         +12s tick
         +13s fork 200 parent=50 cgroup=7 comm=cron
         +20s gen TERM 50>200 ignore dropped
         +22s exit 101 code=0
         +32s tick
         +32s exit 200 code=0
         +32010ms free 200",
        "still-running: SIGTERM by parent, 11890 ms
           100 default-action, SIGTERM
           101 not-signalled, alive
           ! info no-stop-handler
         still-running: SIGTERM by parent, 11900 ms
           200 ignored, alive
           101 not-signalled, code 0
           ! error stop-signal-ignored
         graceful (amended): SIGTERM by parent, 12000 ms
           200 ignored, code 0
           101 not-signalled, code 0
           ! error stop-signal-ignored",
    );
}

#[test]
fn what_survived_its_tree_is_a_tree_of_its_own() {
    check(
        "+0ms proc 50
         +0ms proc 100 parent=50
         +0ms proc 101 parent=100
         +10ms gen TERM 50>100 default fatal
         +11ms exit 100 sig=15
         +20ms free 100
         +12s tick
         +60s gen TERM 50>101 default fatal
         +60001ms exit 101 sig=15
         +60010ms free 101",
        "still-running: SIGTERM by parent, 11890 ms
           100 default-action, SIGTERM
           101 not-signalled, alive
           ! warning orphan-left-behind
           ! info no-stop-handler
         default-action: SIGTERM by host, 1 ms
           101 default-action, SIGTERM
           ! info no-stop-handler",
    );
}
