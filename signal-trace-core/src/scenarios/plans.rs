//! What managers say, where it must not be held against a workload: hooks that are none, grace
//! periods that are long, stop signals of others, and what is learned late.

use alloc::{format, string::String};

use crate::{
    config::Config,
    fixture::{Script, check, run, run_with, shutdowns, tell},
    ids::CgroupKey,
    output::{Outputs, RecordBody},
    signal::Signal,
    time::SECOND,
    trace::Trace,
};

/// A container with a hook `/bin/sh -c`; then `rest`.
fn hooked(rest: &str) -> String {
    format!(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +1ms workload 7 grace=30s source=kubernetes hook=/bin/sh
         {rest}"
    )
}

const SESSION: &str = "+1s fork 60 parent=50 comm=runc
                       +1001ms move 60 cgroup=7
                       +1100ms exec 60 comm=sh";

#[test]
fn an_open_kubectl_exec_shell_is_no_hook_that_used_up_the_grace() {
    for (stop, end) in [("+11s", "+36s"), ("+600s", "+615s")] {
        let out = run(&hooked(&format!(
            "{SESSION}
             {stop} gen TERM 50>100 handler exe=runc
             {stop} take TERM 100 handler
             {end} exit 100 code=0
             {end} gen KILL 100>60 kernel exiting fatal
             {end} exit 60 sig=9
             {end} free 60
             {end} free 100"
        )));
        let told = tell(&out);
        assert!(told.contains("100 graceful, code 0"), "{told}");
        assert_eq!(shutdowns(&out)[0].pre_stop, None);
    }
}

#[test]
fn a_shell_that_was_left_just_before_the_stop_after_an_hour_is_no_hook() {
    let out = run(&hooked(&format!(
        "{SESSION}
         +3600s exit 60 code=0
         +3600s free 60
         +3600100ms gen TERM 50>100 handler exe=runc
         +3600100ms take TERM 100 handler
         +3605s exit 100 code=0
         +3605s free 100"
    )));
    assert_eq!(shutdowns(&out)[0].pre_stop, None);
    let told = tell(&out);
    assert!(!told.contains('!'), "{told}");
}

#[test]
fn the_main_process_of_a_pod_that_shares_its_pid_namespace_is_no_hook() {
    let out = run("+0ms proc 50
         +1ms workload 7 grace=6s source=kubernetes hook=/bin/sh
         +10ms fork 100 parent=50 comm=runc
         +11ms move 100 cgroup=7
         +20ms exec 100 comm=sh
         +6s gen TERM 50>100 handler exe=runc
         +6001ms take TERM 100 handler
         +9s exit 100 code=0
         +9001ms free 100");
    assert_eq!(shutdowns(&out)[0].pre_stop, None);
    let told = tell(&out);
    assert!(told.contains("100 graceful, code 0"), "{told}");
}

#[test]
fn a_reload_without_a_limit_is_over_before_a_crash_of_another_day() {
    for grace in ["forever", "3600s"] {
        check(
            &format!(
                "+0ms proc 50
                 +0ms proc 100 cgroup=7
                 +1ms workload 7 grace={grace} source=systemd
                 +10ms gen HUP 50>100 handler
                 +11ms take HUP 100 handler
                 +100s tick
                 +1000s exit 100 sig=11
                 +1000s free 100"
            ),
            "",
        );
    }
}

#[test]
fn a_stop_without_a_limit_is_reported_all_the_same() {
    let text = "+0ms proc 50
         +0ms proc 100 cgroup=7
         +1ms workload 7 grace=forever source=systemd
         +10ms gen TERM 50>100 ignore dropped
         +595s tick";
    assert_eq!(
        tell(&run(&format!("{text}\n+599s end"))).lines().next(),
        Some("still-running: SIGTERM by host, 598990 ms")
    );
    let told = tell(&run(&format!("{text}\n+602s tick\n+603s end")));
    assert_eq!(told.lines().next(), Some("still-running: SIGTERM by host, 601890 ms"), "{told}");
}

#[test]
fn nobody_waits_for_ever_for_a_workload_without_a_limit() {
    for (grace, seconds) in [("forever", 0), ("20s", 20)] {
        let text = format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7
             +1ms workload 7 grace={grace} source=systemd
             +10ms gen TERM 50>100 handler
             +1s tick"
        );
        let mut trace = Trace::new(Config::new());
        for input in Script::parse(&text).inputs {
            trace.step(input, &mut Outputs::default());
        }
        assert_eq!((trace.open_timelines(), trace.longest_grace_ns()), (1, seconds * SECOND));
    }
}

#[test]
fn who_was_sent_a_stop_signal_of_its_own_was_asked() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +1ms workload 7 signal=USR1
         +10ms gen USR1 50>101 handler
         +11ms take USR1 101 handler
         +20s gen KILL 50>101 fatal
         +20001ms exit 101 sig=9
         +20002ms free 101",
        "forced: no stop
           100 running, alive
           101 killed, SIGKILL by host
           ! warning kill-from-outside
           ! info killed-without-stop-signal",
    );
}

#[test]
fn the_stop_signal_of_a_unit_is_none_of_the_processes_that_are_judged_by_tree() {
    let mut config = Config::new();
    config.split_cgroups = [CgroupKey::V2(7)].into();
    let script = Script::parse(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +1ms workload 7 signal=HUP
         +10ms gen HUP 50>100 handler
         +11ms take HUP 100 handler",
    );
    assert_eq!(tell(&run_with(config, &script.inputs)), "");
}

#[test]
fn a_sandbox_that_is_known_as_one_only_when_it_dies_is_not_judged() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1 comm=infra
         +10ms gen KILL 50>100 exe=runc fatal
         +11ms exit 100 sig=9
         +12ms workload 7 sandbox
         +20ms free 100",
        "",
    );
}

#[test]
fn a_zombie_that_is_moved_and_was_never_seen_alive_is_not_alive() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms ghost 99 cgroup=8
         +1ms move 99 cgroup=7
         +10ms gen TERM 50>100 fatal
         +11ms exit 100 sig=15
         +12ms free 100",
        "default-action: SIGTERM by host, 1 ms
           100 default-action, SIGTERM
           ! info no-stop-handler",
    );
}

#[test]
fn what_a_path_tells_counts_for_a_shutdown_that_goes_on() {
    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    check(
        &format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7 ns=1
             +10ms gen TERM 50>100 handler exe=runc
             +11ms take TERM 100 handler
             +60ms path 7 /kubepods/pod12345678-9abc-def0-1234-56789abcdef0/{ID}
             +15s exit 100 code=0
             +15s free 100"
        ),
        "graceful: SIGTERM by runtime, 14990 ms
           100 graceful, code 0",
    );
}

/// Its stop signal is watched from 1 s on; it is killed at `kill`.
fn watched_late(kill: &str) -> String {
    let mut config = Config::new();
    config.signal_mask = Signal::TERM.bit() | Signal::KILL.bit();
    let script = Script::parse(&format!(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +1s workload 7 signal=WINCH grace=10s
         {kill} gen KILL 50>100 exe=runc fatal
         {kill} exit 100 sig=9
         {kill} free 100"
    ));
    tell(&run_with(config, &script.inputs))
}

#[test]
fn a_stop_signal_that_was_not_watched_yet_may_have_been_sent() {
    let told = watched_late("+5s");
    assert!(told.starts_with("inconclusive") && !told.contains("killed-without"), "{told}");
    let told = watched_late("+15s");
    assert!(told.contains("warning killed-without-stop-signal"), "{told}");
}

#[test]
fn what_is_not_told_of_is_not_counted() {
    let mut config = Config::new();
    config.signal_mask = Signal::TERM.bit();
    let script = Script::parse(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 200 cgroup=8 ns=1
         +1ms workload 7 signal=WINCH
         +10ms gen WINCH 50>100 handler
         +12ms gen WINCH 50>200 handler",
    );
    let out = run_with(config, &script.inputs);
    let count = out.records.iter().find_map(|record| match &record.body {
        RecordBody::End(end) => Some(end.signals),
        _ => None,
    });
    assert_eq!(count, Some(1));
}

#[test]
fn what_a_manager_says_after_a_while_is_no_event_out_of_order() {
    let out = run("+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +5s tick
         +1s workload 7 name=web
         +6s gen TERM 50>100 fatal
         +6001ms exit 100 sig=15
         +6002ms free 100");
    let late = out.records.iter().find_map(|record| match &record.body {
        RecordBody::End(end) => Some(end.late),
        _ => None,
    });
    assert_eq!(late, Some(0));
}
