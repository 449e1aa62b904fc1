//! Containers in pods, stopped through containerd's CRI as the kubelet does it.

mod bench;
mod cases;

use super::System;

pub(super) const SYSTEM: System = System {
    name: "cri",
    title: "Kubernetes' runtime interface (CRI)",
    about: "containerd 1.6, which the harness calls as the kubelet does: `ExecSync` for the preStop \
            hook, then `StopContainer` with what is left of `terminationGracePeriodSeconds`, but at \
            least 2 s. Exit codes are those of `ContainerStatus`. busybox's shell is PID 1.",
    run: |system| bench::run(system, &cases::cases()),
};
