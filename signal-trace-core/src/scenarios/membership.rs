//! Who belongs to a timeline, and to only one.

use crate::fixture::{check, run, tell};

#[test]
fn a_process_that_is_started_for_another_cgroup_leaves_the_timeline() {
    let told = tell(&run("+0ms proc 50
         +0ms proc 100 cgroup=7
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +1s tick
         +12s fork 1012 parent=100
         +12001ms proc 1012 parent=100 cgroup=9
         +13s gen TERM 50>1012 default fatal
         +13001ms exit 1012 sig=15
         +13010ms free 1012"));
    assert!(
        told.contains("default-action: SIGTERM by host, 1 ms\n  1012 default-action, SIGTERM"),
        "{told}"
    );
}

#[test]
fn a_process_that_moved_is_a_member_of_one_timeline_only() {
    check(
        "+0ms proc 50
         +0ms proc 100 cgroup=7
         +0ms proc 301 parent=100
         +0ms proc 200 cgroup=9
         +10ms gen TERM 50>100 handler
         +11ms take TERM 100 handler
         +12ms proc 301 cgroup=9 parent=100
         +13ms gen TERM 50>200 handler
         +14ms take TERM 200 handler
         +16ms exit 301 code=0
         +16ms exit 200 code=0
         +17ms exit 100 code=0
         +20ms free 301
         +21ms free 100
         +22ms free 200",
        "graceful: SIGTERM by host, 7 ms
           100 graceful, code 0
         graceful: SIGTERM by host, 3 ms
           200 graceful, code 0
           301 not-signalled, code 0",
    );
}
