//! Reports that correct earlier ones, and timelines that must not stay open for ever.

use std::{format, vec::Vec};

use crate::{
    fixture::{ZERO, check, run, shutdowns},
    output::RecordBody,
    time::MS,
};

#[test]
fn an_unkillable_worker_that_dies_at_last_amends_the_report() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 parent=100
         +10ms gen KILL 50>101 fatal frozen
         +5100ms tick
         +6200ms tick
         +30s exit 101 sig=9
         +30010ms free 101
         +40s gen TERM 50>100 default fatal
         +40001ms exit 100 sig=15
         +40010ms free 100",
        "still-running: no stop
           100 running, alive
           101 unkillable, alive
           ! error unkillable-process
         forced (amended): no stop
           100 running, alive
           101 killed, SIGKILL by host
           ! warning killed-without-stop-signal
           ! warning kill-from-outside
         default-action: SIGTERM by host, 1 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn the_end_of_the_others_is_told_though_one_of_them_cannot_be_killed() {
    let ticks = (2..40).map(|n| format!("+{n}s tick\n")).collect::<Vec<_>>().concat();
    let (before, after) = ticks.split_at(ticks.find("+10s").unwrap());
    check(
        &format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +0ms proc 101 parent=100
             +10ms gen TERM 50>100 handler
             +11ms take TERM 100 handler
             +1s gen KILL 100>101 fatal
             {before}
             +10s gen KILL 50>100 fatal
             +10001ms exit 100 sig=9
             +10010ms free 100
             {after}"
        ),
        "still-running: SIGTERM by host, 990 ms
           100 running, alive
           101 unkillable, alive
           ! error unkillable-process
         forced (amended): SIGTERM by host, 990 ms
           100 overran, SIGKILL by host
           101 unkillable, alive
           ! error unkillable-process
           ! error grace-period-exceeded",
    );
}

#[test]
fn workers_that_are_killed_one_after_another_do_not_keep_a_timeline_open() {
    // A manager that replaces what the OOM killer takes, twice a second.
    let kills: Vec<_> = (0..100u32)
        .map(|n| {
            let (at, pid) = (n * 500 + 10, 2000 + n);
            format!(
                "+{at}ms fork {pid} parent=100
                 +{at}ms gen KILL {pid}>{pid} kernel fatal
                 +{at}ms oom {pid}
                 +{at}ms exit {pid} sig=9
                 +{at}ms free {pid}\n"
            )
        })
        .collect();
    let out = run(&format!("+0ms proc 100 cgroup=7\n{}", kills.concat()));
    let reports = shutdowns(&out);
    assert!(reports.len() > 3, "{}", reports.len());
    let killed: usize = reports.iter().map(|report| report.processes.len() - 1).sum();
    assert_eq!(killed, 100);
}

#[test]
fn who_passes_signals_on_for_ever_after_the_report_does_not_fill_the_memory() {
    let workers: Vec<_> = (0..100u32)
        .map(|n| {
            let (at, pid) = (12_000 + n * 20, 2000 + n);
            format!(
                "+{at}ms fork {pid} parent=100
                 +{at}ms gen TERM 100>{pid} default fatal
                 +{at}ms exit {pid} sig=15
                 +{at}ms free {pid}\n"
            )
        })
        .collect();
    let out = run(&format!(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 ignore dropped
         +12s tick
         {}
         +20s gen KILL 50>100 fatal
         +20001ms exit 100 sig=9
         +20010ms free 100",
        workers.concat()
    ));
    assert_eq!(shutdowns(&out).last().unwrap().forwards, []);
}

#[test]
fn a_new_main_process_beside_a_survivor_that_runs_out_of_memory_is_told_of() {
    check(
        "+0ms proc 50
         +0ms proc 100 parent=50 cgroup=7 comm=cron
         +0ms proc 101 parent=40 cgroup=7 comm=job
         +10ms gen TERM 50>100 default fatal
         +11ms exit 100 sig=15
         +20ms free 100
         +12s tick
         +13s fork 200 parent=50 cgroup=7 comm=cron
         +20s gen KILL 200>200 kernel fatal
         +20001ms oom 200
         +20002ms exit 200 sig=9
         +20010ms free 200
         +40s tick
         +41s exit 101 code=0
         +41010ms free 101",
        "still-running: SIGTERM by parent, 11890 ms
           100 default-action, SIGTERM
           101 not-signalled, alive
           ! info no-stop-handler
         oom-killed: no stop
           200 oom-killed, SIGKILL by oom-killer
           101 running, alive
           ! error oom-kill
         oom-killed (amended): no stop
           200 oom-killed, SIGKILL by oom-killer
           101 not-signalled, code 0
           ! error oom-kill",
    );
}

#[test]
fn a_report_does_not_wait_for_a_reap_that_does_not_come() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen TERM 50>100 handler
        +11ms take TERM 100 handler
        +20ms exit 100 code=0
        +400ms tick
        +700ms tick");
    let reported = out.records.iter().find(|r| matches!(r.body, RecordBody::Shutdown(_)));
    let ms = (reported.unwrap().at.0 - ZERO) / MS;
    assert!((520..=600).contains(&ms), "{ms}");
}
