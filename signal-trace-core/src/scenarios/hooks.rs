//! preStop hooks: which process is one, and what it takes of the grace period.

use crate::fixture::{run, shutdowns, story};

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
    for end in ["+7s", "+8200ms"] {
        assert!(text(end).contains("! warning prestop-consumed-grace"), "{}", text(end));
    }
}

#[test]
fn a_hook_that_leaves_what_the_kubelet_gives_at_least_is_no_fault() {
    let text = |end: u64| {
        story(&hooked(&alloc::format!(
            "+{end}ms exit 60 code=0
             +{}ms gen TERM 50>100 handler exe=runc
             +{}ms exit 100 code=0
             +{}ms free 100",
            end + 50,
            end + 100,
            end + 101
        )))
    };
    // 6 s of grace, from 100 ms on.
    assert!(!text(4100).contains("prestop"), "{}", text(4100));
    assert!(text(4110).contains("! warning prestop-consumed-grace"), "{}", text(4110));
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
