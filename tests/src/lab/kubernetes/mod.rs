//! Pods of a real kubelet and API server, stopped by all who stop pods.

mod bench;
mod hooks;
mod kills;
mod pods;

use self::bench::Bench;
use super::{System, case::Case};

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
