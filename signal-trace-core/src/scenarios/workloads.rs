//! What managers say of workloads: it changes names, grace and stop signal, never what was seen.

use alloc::vec::Vec;

use crate::{
    config::Config,
    fixture::{Script, check, run, run_with, shutdowns, story},
    ids::CgroupKey,
    output::{Ask, GraceSource, RecordBody},
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
fn the_report_on_a_young_container_waits_for_its_name() {
    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let reported = |path: &str, fact: &str| {
        let mut config = Config::new();
        config.asks_managers = true;
        let script = Script::parse(&alloc::format!(
            "+0ms proc 50
             +0ms mkdir 7 {path}
             +1ms fork 100 parent=50 cgroup=7 ns=1
             +10ms gen TERM 50>100 handler exe=runc
             +11ms exit 100 code=0
             +12ms free 100
             {fact}"
        ));
        let out = run_with(config, &script.inputs);
        let shutdown = out.records.iter().find_map(|record| match &record.body {
            RecordBody::Shutdown(shutdown) => Some((record.at.0 / 1_000_000, shutdown)),
            _ => None,
        });
        let (at, shutdown) = shutdown.expect("it is reported");
        let name = shutdown.workload.known.as_ref().and_then(|known| known.name.clone());
        (at - 1_000_000, name)
    };
    let docker = alloc::format!("/docker/{ID}");
    let (at, name) = reported(&docker, "+900ms workload 7 name=web\n+1001ms tick");
    assert_eq!((at, name.as_deref()), (901, Some("web")));
    // Nobody knows it.
    let (at, name) = reported(&docker, "+2900ms tick\n+3110ms tick");
    assert_eq!((at, name), (3010, None));
    // Not a container, or a session that asks nobody.
    assert_eq!(reported("/x", "+200ms tick").0, 100);
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
    let name = |known: &Option<alloc::rc::Rc<crate::workload::Workload>>| {
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
fn what_is_gone_for_minutes_is_forgotten_and_who_lives_there_is_not() {
    let out = run("+0ms path 7 /docker/abc
         +0ms path 8 /docker/gone
         +1ms proc 100 cgroup=7
         +1s tick
         +600s tick
         +600s fork 101 parent=100
         +600s fork 102 parent=100 cgroup=8
         +601s exit 101 code=0
         +601s exit 102 code=0");
    let cgroups = &out.asks;
    assert!(
        cgroups.iter().any(|ask| matches!(ask, Ask::Cgroup(CgroupKey::V2(8), _))),
        "{cgroups:?}"
    );
    assert!(
        !cgroups.iter().any(|ask| matches!(ask, Ask::Cgroup(CgroupKey::V2(7), _))),
        "{cgroups:?}"
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

#[test]
fn a_zombie_alone_in_its_cgroup_keeps_the_path_of_that() {
    let repeated = (5..=700).map(|n| std::format!("+{n}s zombie 101\n"));
    let out = run(&std::format!(
        "+0ms path 7 /docker/abc
         +0ms proc 50
         +0ms proc 101 parent=50 cgroup=7
         +10ms exit 101 code=0\n{}",
        repeated.collect::<std::string::String>()
    ));
    let paths: Vec<_> = out
        .records
        .iter()
        .filter_map(|record| match &record.body {
            RecordBody::Zombie(zombie) => Some(zombie.process.cgroup_path.as_deref()),
            _ => None,
        })
        .collect();
    assert!(paths.len() > 6, "it is told of again and again: {paths:?}");
    assert!(paths.iter().all(|path| *path == Some(&b"/docker/abc"[..])), "{paths:?}");
}
