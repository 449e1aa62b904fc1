//! Who outlives its service because that is what it is for.

use crate::fixture::story;

#[test]
fn the_shims_that_outlive_containerd_are_not_accused() {
    // Each was started by a process that is long gone, inside the unit, and stays on purpose.
    let told = story(
        "+0ms path 7 /system.slice/containerd.service
         +0ms proc 1
         +0ms proc 100 parent=1 cgroup=7 comm=containerd
         +1ms fork 101 parent=100
         +2ms fork 102 parent=101
         +3ms exit 101 code=0
         +4ms free 101
         +1s gen TERM 1>100 handler exe=systemd
         +1001ms take TERM 100 handler
         +1100ms exit 100 code=0
         +1110ms free 100
         +13s tick",
    );
    assert!(told.starts_with("still-running"), "{told}");
    assert!(!told.contains("! warning") && !told.contains("! error"), "{told}");
}

#[test]
fn jobs_that_systemd_spares_are_no_more_than_worth_knowing() {
    // cron.service has KillMode=process.
    let told = story(
        "+0ms path 7 /system.slice/cron.service
         +0ms workload 7 grace=10s source=systemd
         +0ms proc 1
         +0ms proc 100 parent=1 cgroup=7 comm=cron
         +1ms fork 101 parent=100
         +1s gen TERM 1>100 default fatal exe=systemd
         +1001ms exit 100 sig=15
         +1010ms free 100
         +13s tick",
    );
    assert!(told.contains("! info orphan-left-behind"), "{told}");
    assert!(!told.contains("! warning") && !told.contains("! error"), "{told}");
}

#[test]
fn shims_are_not_accused_whoever_stops_their_daemon() {
    // A person does, with kill(1): systemd's configuration says nothing here.
    let told = story(
        "+0ms proc 50
         +0ms proc 100 cgroup=7 comm=containerd
         +1ms fork 101 parent=100
         +2ms fork 102 parent=101
         +3ms exit 101 code=0
         +4ms free 101
         +1s gen TERM 50>100 handler
         +1001ms take TERM 100 handler
         +1100ms exit 100 code=0
         +1110ms free 100
         +13s tick",
    );
    assert!(told.starts_with("still-running") && !told.contains('!'), "{told}");
}

#[test]
fn what_systemd_kills_was_not_spared() {
    // KillMode=mixed, and a main process that ignores the signal.
    let told = story(
        "+0ms proc 1
         +0ms proc 100 parent=1 cgroup=7
         +0ms proc 101 parent=100
         +1s gen TERM 1>100 ignore dropped exe=systemd
         +11s gen KILL 1>100 fatal exe=systemd
         +11001ms gen KILL 1>101 fatal exe=systemd
         +11002ms exit 100 sig=9
         +11003ms exit 101 sig=9",
    );
    assert!(told.contains("! warning stop-signal-not-forwarded"), "{told}");
}
