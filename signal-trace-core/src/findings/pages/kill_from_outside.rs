//! The page of `kill-from-outside`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "kill-from-outside",
    title: "SIGKILL came from another container or from the host",
    severities: &[Severity::Info, Severity::Warning],
    cause: "A process outside of the workload, that is neither its runtime nor the kubelet nor \
            systemd, killed it: an operator, a script with `pkill`, a security agent, a memory \
            guard (earlyoom, systemd-oomd), or a container that shares the PID namespace of the \
            host. A pid that was noted down and then given to another process can be the reason \
            too.",
    detection: "The sender of the SIGKILL that ended the process has the role `other-container` or \
                `host`. `warning` in a container or unit, `info` in a plain process tree. A parent \
                outside of the workload is not meant, nor who had asked the workload to stop \
                before.",
    limits: "The sender is the process that made the call; on whose behalf is not seen. A runtime \
             whose executable has another name than usual counts as `host`.",
    general: "find the sender, and let it stop the workload through its runtime, or with the stop \
              signal first",
    fixes: &[
        (
            System::Shell,
            "use `pkill --ns $$ --nslist pid` in scripts on the host: `pkill NAME` also hits \
             processes in containers",
        ),
        (System::Supervisord, "use `supervisorctl stop` instead of `kill -9` from outside"),
        (
            System::Docker,
            "use `docker stop` instead of `kill -9` on the host, and run without `--pid host` what \
             does not need it",
        ),
        (
            System::Compose,
            "use `docker compose stop` instead of `kill -9` on the host, and remove `pid: host` \
             where it is not needed",
        ),
        (
            System::Kubernetes,
            "use `kubectl delete pod` instead of `kill -9` on the node, and remove `hostPID: true` \
             where it is not needed",
        ),
        (
            System::Systemd,
            "use `systemctl stop` instead of `kill -9`, and set `ManagedOOMPreference=avoid` if \
             systemd-oomd is the sender",
        ),
    ],
};
