//! What managers say of workloads: it changes names, grace and stop signal, never what was seen.

use alloc::vec::Vec;

use crate::{
    config::Config,
    fixture::{Script, check, run, run_with, shutdowns, story},
    output::{GraceSource, RecordBody},
    signal::Signal,
    workload::Source,
};

/// A process that takes TERM and ends 15 s later, with `facts` before.
fn slow(facts: &str) -> alloc::string::String {
    alloc::format!(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         {facts}
         +10ms gen TERM 50>100 handler exe=runc
         +11ms take TERM 100 handler
         +15s exit 100 code=0
         +15s free 100"
    )
}

#[test]
fn the_configured_grace_counts() {
    check(
        &slow(""),
        "still-running: SIGTERM by runtime, 14890 ms
           100 overran, alive
           ! warning handler-does-not-exit
           ! warning grace-period-exceeded
         graceful (amended): SIGTERM by runtime, 14990 ms
           100 overran, code 0
           ! warning grace-period-exceeded",
    );
    check(
        &slow("+1ms workload 7 grace=20s"),
        "graceful: SIGTERM by runtime, 14990 ms
           100 graceful, code 0",
    );
    check(
        &slow("+1ms workload 7 grace=forever"),
        "graceful: SIGTERM by runtime, 14990 ms
           100 graceful, code 0",
    );
}

#[test]
fn its_source_is_told_and_stands_above_the_flag() {
    let mut config = Config::new();
    config.grace_ns = 3_000_000_000;
    config.grace_source = GraceSource::Flag;
    for (facts, ns, source) in [
        ("", 3_000_000_000, GraceSource::Flag),
        ("+1ms workload 7 name=web", 3_000_000_000, GraceSource::Flag),
        ("+1ms workload 7 grace=20s", 20_000_000_000, GraceSource::Known(Source::Docker)),
    ] {
        let out = run_with(config.clone(), &Script::parse(&slow(facts)).inputs);
        let shutdown = shutdowns(&out)[0];
        assert_eq!((shutdown.grace_ns, shutdown.grace_source), (ns, source), "{facts}");
    }
}

#[test]
fn what_is_learned_during_a_shutdown_counts_for_it() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +10ms gen TERM 50>100 handler exe=runc
         +11ms take TERM 100 handler
         +12ms workload 7 grace=20s
         +15s exit 100 code=0
         +15s free 100",
        "graceful: SIGTERM by runtime, 14990 ms
           100 graceful, code 0",
    );
}

#[test]
fn where_nobody_tells_the_defaults_of_the_place_are_assumed() {
    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let pod = alloc::format!("/kubepods/besteffort/pod12345678-9abc-def0-1234-56789abcdef0/{ID}");
    let docker = alloc::format!("/docker/{ID}");
    for (path, seconds) in [
        (&*pod, 30),
        (&*docker, 10),
        ("/system.slice/x.service", 90),
        ("/system.slice/run-1.scope", 10),
        ("/x", 10),
    ] {
        let out = run(&slow(&alloc::format!("+1ms mkdir 7 {path}")));
        let shutdown = shutdowns(&out)[0];
        let grace = (shutdown.grace_ns / 1_000_000_000, shutdown.grace_source);
        assert_eq!(grace, (seconds, GraceSource::Default), "{path}");
    }
}

#[test]
fn a_stop_signal_of_its_own_stops_it_and_nobody_else() {
    let text = |facts: &str| {
        alloc::format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7 ns=1
             {facts}
             +10ms gen USR1 50>100 handler exe=runc
             +11ms take USR1 100 handler
             +20ms exit 100 code=0
             +21ms free 100"
        )
    };
    check(&text(""), "");
    check(&text("+1ms workload 8 signal=USR1"), "");
    check(
        &text("+1ms workload 7 signal=USR1"),
        "graceful: SIGUSR1 by runtime, 10 ms
           100 graceful, code 0",
    );
}

#[test]
fn its_own_quit_is_no_thread_dump() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +1ms workload 7 signal=QUIT grace=2s
         +10ms gen QUIT 50>100 handler exe=runc
         +11ms take QUIT 100 handler
         +2015ms gen KILL 50>100 exe=runc fatal
         +2016ms exit 100 sig=9
         +2020ms free 100",
        "forced: SIGQUIT by runtime, 2005 ms
           100 overran, SIGKILL by runtime
           ! error grace-period-exceeded
           ! warning handler-does-not-exit",
    );
}

#[test]
fn what_only_another_workload_is_stopped_with_is_not_told_of() {
    let mut config = Config::new();
    config.signal_mask = Signal::TERM.bit() | Signal::KILL.bit();
    let script = Script::parse(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +0ms proc 200 cgroup=8 ns=1
         +1ms workload 7 signal=WINCH
         +10ms gen WINCH 50>100 handler
         +11ms take WINCH 100 handler
         +12ms gen WINCH 50>200 handler
         +13ms take WINCH 200 handler",
    );
    let out = run_with(config, &script.inputs);
    let pids: Vec<_> = out
        .records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::Signal(sent) => Some(sent.target.process.id.pid),
            RecordBody::Delivery(taken) => Some(taken.process.process.id.pid),
            _ => None,
        })
        .collect();
    assert_eq!(pids, [100, 100]);
}

#[test]
fn what_a_sigkill_has_to_do_with_the_grace_is_told() {
    let summary = |kill: &str, facts: &str| {
        let out = run(&alloc::format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7 ns=1
             {facts}
             +10ms gen TERM 50>100 handler exe=runc
             +11ms take TERM 100 handler
             {kill} gen KILL 50>100 exe=runc fatal
             {kill} exit 100 sig=9
             {kill} free 100"
        ));
        let findings = &shutdowns(&out)[0].findings;
        let exceeded = findings.iter().find(|found| found.id == "grace-period-exceeded");
        exceeded.expect("it was killed").summary.clone()
    };
    for (kill, facts, end) in [
        ("+10020ms", "", "(runtime) 10.01 s later"),
        (
            "+10020ms",
            "+1ms workload 7 grace=10s",
            "10.01 s later, at the end of Docker's stop timeout (10.00 s)",
        ),
        (
            "+2020ms",
            "+1ms workload 7 grace=10s",
            "2.01 s later, before the 10.00 s of Docker's stop timeout were over",
        ),
        (
            "+2020ms",
            "+1ms workload 7 grace=2s source=systemd",
            "at the end of TimeoutStopSec= (2.00 s)",
        ),
        ("+2020ms", "+1ms workload 7 grace=forever source=systemd", "(runtime) 2.01 s later"),
    ] {
        let told = summary(kill, facts);
        assert!(told.ends_with(end), "{told}");
    }
}

#[test]
fn a_sandbox_is_never_judged_whatever_it_is_called() {
    let text = |facts: &str| {
        story(&alloc::format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7 ns=1 comm=infra
             {facts}
             +10ms gen KILL 50>100 exe=runc fatal
             +11ms exit 100 sig=9
             +12ms free 100"
        ))
    };
    assert!(text("").contains("killed-without-stop-signal"));
    assert_eq!(text("+1ms workload 7 sandbox"), "");
}

#[test]
fn advice_is_for_whoever_manages_it() {
    let fix = |facts: &str| {
        let out = run(&alloc::format!(
            "+0ms proc 50
             +0ms proc 100 cgroup=7 ns=1
             {facts}
             +10ms gen TERM 50>100 default dropped exe=runc
             +10020ms gen KILL 50>100 exe=runc fatal
             +10021ms exit 100 sig=9
             +10022ms free 100"
        ));
        shutdowns(&out)[0].findings[0].fix.clone()
    };
    assert!(fix("+1ms workload 7 name=web").starts_with("Docker: "));
    assert!(fix("+1ms workload 7 compose").starts_with("Compose: "));
    assert!(fix("+1ms workload 7 pod=web-0").starts_with("Kubernetes: "));
}

#[test]
fn both_ends_have_their_names() {
    let out = run("+0ms proc 50 cgroup=8 ns=1 inum=70
         +0ms proc 100 cgroup=7 ns=1
         +1ms workload 7 name=web
         +1ms workload 8 name=janitor
         +10ms gen TERM 50>100 fatal
         +11ms exit 100 sig=15
         +12ms free 100");
    let name = |known: &Option<alloc::sync::Arc<crate::workload::Workload>>| {
        known.as_ref().and_then(|known| known.name.clone()).expect("known")
    };
    let shutdown = shutdowns(&out)[0];
    assert_eq!(name(&shutdown.workload.known), "web");
    let sender = shutdown.stop.as_ref().and_then(|stop| stop.sender.process.as_ref());
    assert_eq!(name(&sender.expect("known").workload), "janitor");
}

#[test]
fn in_a_shared_pid_namespace_the_runtime_names_the_main_process() {
    let text = |facts: &str| {
        story(&alloc::format!(
            "+0ms proc 50
             +0ms proc 99 cgroup=7 ns=9 comm=probe
             +0ms proc 100 cgroup=7 ns=12
             {facts}
             +10ms gen TERM 50>100 exe=runc fatal
             +11ms exit 100 sig=15
             +12ms free 100
             +20ms exit 99 code=0
             +21ms free 99"
        ))
    };
    assert_eq!(text("").lines().next(), Some("graceful: SIGTERM by runtime, 10 ms"));
    let known = text("+1ms workload 7 pid1=100");
    assert_eq!(known.lines().next(), Some("default-action: SIGTERM by runtime, 10 ms"));
}

/// A container with a hook `/bin/sh -c` that began 100 ms after the start; `rest` follows.
fn hooked(rest: &str) -> alloc::string::String {
    alloc::format!(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 ns=1
         +1ms workload 7 grace=6s source=kubernetes hook=/bin/sh
         +50ms fork 60 parent=50 comm=runc
         +51ms move 60 cgroup=7
         +100ms exec 60 comm=sh
         {rest}"
    )
}

#[test]
fn the_hook_before_the_stop_signal_is_named_with_its_share() {
    let out = run(&hooked(
        "+2100ms exit 60 code=0
         +2101ms free 60
         +2150ms gen TERM 50>100 handler exe=runc
         +2151ms take TERM 100 handler
         +6160ms gen KILL 50>100 exe=runc fatal
         +6161ms exit 100 sig=9
         +6170ms free 100",
    ));
    let shutdown = shutdowns(&out)[0];
    let hook = shutdown.pre_stop.as_ref().expect("a hook");
    assert_eq!((hook.process.process.id.pid, hook.took_ns), (60, 2_000_000_000));
    let exceeded = &shutdown.findings[0];
    assert_eq!(exceeded.id, "grace-period-exceeded");
    assert!(
        exceeded.summary.contains(
            "at the end of terminationGracePeriodSeconds (6.00 s, of which its preStop hook sh[60]"
        ),
        "{}",
        exceeded.summary
    );
}

#[test]
fn a_hook_that_uses_up_the_grace_leaves_two_seconds() {
    let text = |end: &str| {
        story(&hooked(&alloc::format!(
            "+6100ms gen TERM 50>100 handler exe=runc
             +6101ms take TERM 100 handler
             {end} exit 100 code=0
             {end} free 100
             {end} exit 60 code=0
             {end} free 60"
        )))
    };
    assert!(text("+7s").contains("100 graceful"), "{}", text("+7s"));
    assert!(text("+8200ms").contains("100 overran"), "{}", text("+8200ms"));
}

#[test]
fn a_probe_is_no_hook() {
    let pre_stop = |text: &str| shutdowns(&run(text))[0].pre_stop.clone();
    let stop = "+2900ms exit 60 code=0
                +2901ms free 60
                +3s gen TERM 50>100 exe=runc handler
                +3001ms exit 100 code=0
                +3002ms free 100";
    let ended_before = stop.replace("+2900ms", "+200ms").replace("+2901ms", "+201ms");
    assert_eq!(pre_stop(&hooked(&ended_before)), None, "long before");
    let by_hand = hooked(&stop.replace("exe=runc", ""));
    assert_eq!(pre_stop(&by_hand), None, "not stopped by the runtime");
    let other = hooked(stop).replace("comm=sh", "comm=curl");
    assert_eq!(pre_stop(&other), None, "another command");
    assert!(pre_stop(&hooked(stop)).is_some());
}

#[test]
fn a_moved_process_belongs_to_where_it_is() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 101 cgroup=8
         +1ms move 101 cgroup=7
         +10ms gen TERM 50>100 fatal
         +11ms exit 100 sig=15
         +12ms free 100
         +20ms exit 101 code=0
         +21ms free 101",
        "default-action: SIGTERM by host, 10 ms
           100 default-action, SIGTERM
           101 not-signalled, code 0
           ! info no-stop-handler",
    );
}

#[test]
fn a_cgroup_has_its_path_from_birth() {
    let out = run("+0ms proc 50
         +1ms mkdir 7 /docker/x
         +2ms fork 100 parent=50 cgroup=7
         +3ms exit 100 code=0
         +3ms free 100");
    let exit = out.records.iter().find_map(|record| match &record.body {
        RecordBody::Exit(exit) => Some(exit),
        _ => None,
    });
    assert_eq!(exit.expect("an exit").process.cgroup_path.as_deref(), Some(&b"/docker/x"[..]));
    assert_eq!(out.asks.len(), 0, "nobody had to be asked");
}
