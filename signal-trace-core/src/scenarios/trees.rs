//! Process trees in cgroups that are no workloads, and the workloads below them.

use crate::fixture::{check, story};

#[test]
fn containers_below_a_daemon_are_no_part_of_its_tree() {
    // dockerd without systemd, which leaves its containers running (live-restore).
    let told = story(
        "+0ms proc 50
         +0ms proc 60 comm=dockerd
         +0ms proc 100 parent=60 cgroup=7 ns=1
         +0ms proc 101 parent=100
         +10ms gen TERM 50>60 handler
         +11ms take TERM 60 handler
         +20ms exit 60 code=0
         +30ms free 60
         +20s tick",
    );
    assert_eq!(told, "graceful: SIGTERM by host, 10 ms\n  60 graceful, code 0");
}

#[test]
fn a_container_that_its_daemon_stops_has_a_shutdown_of_its_own() {
    check(
        "+0ms proc 50
         +0ms proc 60 comm=dockerd
         +0ms proc 100 parent=60 cgroup=7 ns=1
         +10ms gen TERM 50>60 handler
         +11ms take TERM 60 handler
         +12ms gen TERM 60>100 handler
         +13ms take TERM 100 handler
         +20ms exit 100 code=0
         +21ms free 100
         +30ms exit 60 code=0
         +40ms free 60",
        "graceful: SIGTERM by parent, 8 ms
           100 graceful, code 0
         graceful: SIGTERM by host, 20 ms
           60 graceful, code 0",
    );
}

#[test]
fn what_a_tree_starts_for_a_cgroup_leaves_the_tree() {
    let told = story(
        "+0ms proc 50
         +0ms proc 60 comm=dockerd
         +5s gen TERM 50>60 handler
         +5001ms take TERM 60 handler
         +12s fork 1012 parent=60
         +12001ms proc 1012 parent=60 cgroup=7 ns=1
         +13s exit 60 code=0
         +13010ms free 60
         +20s tick",
    );
    assert_eq!(
        told,
        "graceful: SIGTERM by host, 8000 ms\n  60 graceful, code 0\n  ! warning \
         grace-period-nearly-exceeded"
    );
}

#[test]
fn a_group_told_from_its_leaves_up_was_told_when_the_first_of_them_was() {
    check(
        "+0ms proc 50
         +0ms proc 100
         +0ms proc 101 parent=100
         +0ms proc 102 parent=100
         +10ms gen TERM 50>101 handler
         +15ms gen TERM 50>102 handler
         +20ms gen TERM 50>100 handler
         +21ms take TERM 100 handler
         +21ms take TERM 101 handler
         +21ms take TERM 102 handler
         +30ms exit 101 code=0
         +30ms exit 102 code=0
         +30ms exit 100 code=0",
        "graceful: SIGTERM by host, 20 ms
           100 graceful, code 0
           101 graceful, code 0
           102 graceful, code 0",
    );
}
