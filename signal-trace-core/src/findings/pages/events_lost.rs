//! The page of `events-lost`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "events-lost",
    title: "Kernel events were lost while the workload was stopping",
    severities: &[Severity::Warning],
    cause: "Events pass through rings of a fixed size. A storm of signals, forks or exits anywhere \
            on the node can fill them faster than they are read, and what does not fit is dropped \
            and counted.",
    detection: "A loss was counted in the time of this shutdown: records that did not fit into a \
                ring, calls of a program that the kernel skipped (`recursion_misses`), or an exit \
                that never came; or an event came too late to be put in order. The verdict is \
                `inconclusive`.",
    limits: "Which events are missing is not known, so each verdict in this shutdown can be wrong. \
             Findings that say that something did not come (a stop signal, an exit) are held back.",
    general: "look at the loss records, stop what sends signals or forks in a storm, and record \
              again",
    fixes: &[
        (
            System::Shell,
            "put a `sleep` into loops that call `kill` or start programs without a pause",
        ),
        (
            System::Supervisord,
            "raise `startsecs` and lower `startretries` of a program that fails and is started \
             again and again",
        ),
        (
            System::Docker,
            "limit the container that makes the storm with `--cpus` and `--pids-limit`",
        ),
        (System::Compose, "limit the service that makes the storm with `cpus` and `pids_limit`"),
        (
            System::Kubernetes,
            "limit the pod that makes the storm with `resources.limits.cpu`, and `podPidsLimit` of \
             the kubelet",
        ),
        (System::Systemd, "limit the unit that makes the storm with `CPUQuota=` and `TasksMax=`"),
    ],
};
