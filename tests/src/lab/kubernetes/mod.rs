//! Pods of a real kubelet and API server, stopped by all who stop pods.

mod bench;
mod hooks;
mod kills;
mod pods;

use self::bench::Bench;
use super::{System, case::Case};

/// The scripts of the containers: busybox's shell is their PID 1.
mod scripts {
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
}

pub(super) const SYSTEM: System = System {
    name: "kubernetes",
    title: "Kubernetes",
    about: "kubelet, API server and controller manager 1.20.2, built from the source of Debian 12's \
            `kubernetes` package, with etcd and containerd 1.6. Pods are stopped with `kubectl \
            delete`, unless the case says otherwise. Exit codes are those of containerd, \
            and must be those of the API server where it has them.",
    run: |system| {
        let cases: Vec<Case<Bench>> =
            [hooks::cases(), kills::cases(), pods::cases()].into_iter().flatten().collect();
        bench::run(system, &cases)
    },
};
