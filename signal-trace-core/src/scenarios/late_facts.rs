//! What `/proc` says crosses with what the kernel says.

use crate::fixture::{check, run, shutdowns};

#[test]
fn a_zombie_that_proc_shows_just_before_its_exit_arrives_ended_as_the_exit_says() {
    // Asked for at the end of the grace period, which is when SIGKILL comes. A fact has the time
    // from before the look, and its status is 0 where that may not be read.
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +10010ms gen KILL 50>100 fatal
         +10011ms zombie 100
         +10012ms exit 100 sig=9
         +10020ms free 100",
        "forced: SIGTERM by host, 10000 ms
           100 overran, SIGKILL by host
           ! error grace-period-exceeded
           ! warning handler-does-not-exit",
    );
}

#[test]
fn what_a_process_did_before_sigkill_does_not_say_why_it_lives_on() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen TERM 50>100 handler
        +11ms take TERM 100 handler
        +10100ms tick
        +10200ms alive 100 state=D
        +10500ms gen KILL 50>100 fatal
        +17s tick");
    let reports = shutdowns(&out);
    let finding = &reports.last().unwrap().findings[0];
    assert!(finding.summary.ends_with("after SIGKILL: why is not known"), "{}", finding.summary);
}
