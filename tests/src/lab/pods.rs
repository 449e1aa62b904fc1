//! What the two tiers of Kubernetes have in common: the scripts of the containers, where busybox's
//! shell is PID 1, and what is said of every container of a pod.

use std::ops::RangeInclusive;

use crate::expected::Expected;

/// Ends at once.
pub(super) const GOOD: &str = "trap 'exit 0' TERM; : > /tmp/up; while :; do sleep 0.1; done";
/// Needs one second.
pub(super) const SECOND: &str =
    "trap 'sleep 1; exit 0' TERM; : > /tmp/up; while :; do sleep 0.1; done";
/// Needs five seconds.
pub(super) const SLOW: &str =
    "trap 'sleep 5; exit 0' TERM; : > /tmp/up; while :; do sleep 0.1; done";
/// Needs ten seconds.
pub(super) const SLOWER: &str =
    "trap 'sleep 10; exit 0' TERM; : > /tmp/up; while :; do sleep 0.1; done";
/// Ignores SIGTERM.
pub(super) const DEAF: &str = "trap '' TERM; : > /tmp/up; while :; do sleep 0.1; done";
/// Waits for its child, and forwards nothing to it.
pub(super) const WRAPPER: &str = ": > /tmp/up; sleep 1000; :";
/// Sends what it has through its sidecar before it ends.
pub(super) const WITH_SIDECAR: &str = "trap 'sleep 1; [ -e /shared/open ] && exit 0; exit 1' TERM; \
                                       : > /tmp/up; while :; do sleep 0.1; done";
/// That sidecar.
pub(super) const SIDECAR: &str = "trap 'rm /shared/open; exit 0' TERM; : > /shared/open; \
                                  : > /tmp/up; while :; do sleep 0.1; done";
/// Leaves orphans, which end at once.
pub(super) const ORPHANS: &str =
    "for i in 1 2 3; do (sleep 0.2 &); done; : > /tmp/up; exec sleep 1000";
/// Takes more memory than it may when it is told to.
pub(super) const GREEDY: &str = ": > /tmp/up; until [ -e /tmp/go ]; do sleep 0.1; done; \
                                 exec dd if=/dev/zero of=/dev/null bs=256M count=1";

/// Who it is, and its grace period; the name of the pod may be made up by a controller.
pub(super) fn in_namespace(
    expected: Expected,
    namespace: &str,
    container: &str,
    grace: u32,
) -> Expected {
    expected
        .says("workload/kind", "container")
        .says("workload/runtime", "containerd")
        .says("workload/name", container)
        .says("workload/kubernetes/container", container)
        .says("workload/kubernetes/namespace", namespace)
        .grace(f64::from(grace), "kubernetes")
}

/// Of a preStop hook that took so many seconds.
pub(super) fn hooked(expected: Expected, comm: &str, seconds: RangeInclusive<f64>) -> Expected {
    expected
        .says_within("grace/pre_stop/seconds", seconds)
        .says("grace/pre_stop/process/comm", comm)
}
