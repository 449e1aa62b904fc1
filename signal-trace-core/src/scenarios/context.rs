//! What surrounds a shutdown: who passed it on, what system it is in, what is no request at all.

use std::{format, vec::Vec};

use crate::fixture::{run, shutdowns, story};

#[test]
fn who_told_whom_and_how_long_it_took() {
    let out = run("+0ms proc 50
        +0ms proc 100 cgroup=7 ns=1
        +0ms proc 101 parent=100
        +0ms proc 102 parent=101
        +0ms proc 103 parent=101
        +10ms gen TERM 50>100 handler
        +11ms take TERM 100 handler
        +15ms gen QUIT 100>101 handler
        +16ms take QUIT 101 handler
        +22ms gen QUIT 101>102 default fatal
        +23ms exit 102 sig=3
        +30ms exit 103 code=0
        +31ms exit 101 code=0
        +32ms exit 100 code=0");
    let shutdown = shutdowns(&out)[0];
    let edges: Vec<_> = shutdown
        .forwards
        .iter()
        .map(|f| (f.from.pid, f.to.pid, f.signal.name(), f.after_ns.unwrap() / 1_000_000))
        .collect();
    assert_eq!(edges, [(100, 101, "SIGQUIT".into(), 5), (101, 102, "SIGQUIT".into(), 7)]);
    let never: Vec<_> = shutdown.never_told.iter().map(|id| id.pid).collect();
    assert_eq!(never, [103]);
}

#[test]
fn a_terminal_that_is_resized_asks_nobody_to_stop() {
    let mut config = crate::config::Config::new();
    config.stop_signals.push(crate::signal::Signal::parse("WINCH").unwrap());
    let run = |text: &str| {
        let inputs = crate::fixture::Script::parse(text).inputs;
        crate::fixture::tell(&crate::fixture::run_with(config.clone(), &inputs))
    };
    let resized = run("+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen WINCH 50>100 kernel default dropped
        +30s tick");
    assert_eq!(resized, "");
    let stopped = run("+0ms proc 50
        +0ms proc 100 cgroup=7
        +10ms gen WINCH 50>100 handler
        +11ms take WINCH 100 handler
        +20ms exit 100 code=0");
    assert!(stopped.starts_with("graceful: SIGWINCH"), "{stopped}");
}

#[test]
fn advice_names_the_system_at_hand() {
    let fix = |path: &str, comm: &str| {
        let out = run(&format!(
            "+0ms path 7 {path}
             +0ms proc 50
             +0ms proc 100 cgroup=7 ns=1 comm={comm}
             +10ms gen TERM 50>100 default dropped
             +10s gen KILL 50>100 fatal
             +10001ms exit 100 sig=9"
        ));
        shutdowns(&out)[0].findings[0].fix.clone()
    };
    let id = "0123456789abcdef".repeat(4);
    let docker = fix(&format!("/docker/{id}"), "sh");
    assert!(docker.starts_with("shell entrypoint: ") && docker.contains("Docker: "), "{docker}");
    let pod = fix(&format!("/kubepods/burstable/pod1/{id}"), "app");
    assert!(pod.starts_with("Kubernetes: "), "{pod}");
    let nothing = fix("/x", "app");
    assert!(!nothing.contains("Docker: "), "{nothing}");
}

#[test]
fn the_sandbox_of_a_pod_is_not_judged() {
    let id = "0123456789abcdef".repeat(4);
    let told = |path: &str| {
        story(&format!(
            "+0ms path 7 {path}
             +0ms proc 50
             +0ms proc 100 cgroup=7 ns=1 comm=pause
             +10ms gen KILL 50>100 fatal exe=runc
             +11ms exit 100 sig=9"
        ))
    };
    assert_eq!(told(&format!("/kubepods/pod1/{id}")), "");
    assert!(told("/x").contains("killed-without-stop-signal"), "any process can call itself so");
}
