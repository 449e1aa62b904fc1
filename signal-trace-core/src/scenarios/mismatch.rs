//! `stop-signal-mismatch`, and what only looks like one.

use crate::fixture::{check, run, shutdowns, story};

#[test]
fn another_signal_that_ends_it_is_a_mismatch() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 default dropped caught=QUIT
         +3s gen QUIT 50>100 handler
         +3001ms take QUIT 100 handler
         +3100ms exit 100 code=0
         +3110ms free 100",
        "graceful: SIGTERM by host, 3090 ms
           100 ignored, code 0
           ! warning stop-signal-mismatch
           ! info pid1-ignores-stop-signal",
    );
}

#[test]
fn a_handler_for_another_signal_proves_little() {
    // bash and Python install one for INT by themselves.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 default fatal caught=INT
         +11ms exit 100 sig=15
         +20ms free 100",
        "default-action: SIGTERM by host, 1 ms
           100 default-action, SIGTERM
           ! info stop-signal-mismatch
           ! info no-stop-handler",
    );
}

#[test]
fn php_that_raises_each_signal_again_by_itself_is_no_mismatch() {
    // Zend Signals: handlers for INT, QUIT, TERM and others from the start, for PHP's own sake.
    let php = "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=php
         +10ms gen TERM 50>100 handler caught=INT
         +11ms take TERM 100 handler
         +11020us gen TERM 100>100 default dropped
         +2010ms gen KILL 50>100 fatal
         +2011ms exit 100 sig=9
         +2020ms free 100";
    check(
        php,
        "forced: SIGTERM by host, 2000 ms
           100 ignored, SIGKILL by host
           ! error pid1-ignores-stop-signal",
    );
    // What helps is a handler of the program.
    let out = run(php);
    let fix = &shutdowns(&out)[0].findings[0].fix;
    assert!(fix.contains("install the pcntl extension"), "{fix}");
}

#[test]
fn a_worker_that_ignores_the_signal_of_all_and_obeys_its_manager_is_no_mismatch() {
    // Postgres, all of it told INT: its children wait for what the postmaster sends them.
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=postgres
         +0ms proc 101 parent=100 comm=postgres
         +10ms gen TERM 50>100 handler
         +10100us gen TERM 50>101 ignore dropped
         +11ms take TERM 100 handler
         +12ms gen QUIT 100>101 handler
         +13ms take QUIT 101 handler
         +20ms exit 101 code=0
         +30ms exit 100 code=0",
    );
    assert!(told.contains("101 ignored, code 0") && !told.contains("mismatch: "), "{told}");
    assert!(!told.contains("! warning"), "{told}");
}

#[test]
fn a_login_shell_that_ignores_term_and_dies_of_a_hang_up_has_ignored_term() {
    // systemd sends both to the processes of a login scope.
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=bash
         +10ms gen TERM 50>100 ignore dropped
         +10100us gen HUP 50>100 handler
         +11ms take HUP 100 handler
         +12ms gen HUP 100>100 default fatal
         +13ms exit 100 sig=1
         +20ms free 100",
    );
    assert!(told.contains("100 ignored, SIGHUP"), "{told}");
    assert!(!told.contains("! warning") && !told.contains("no-stop-handler"), "{told}");
}
