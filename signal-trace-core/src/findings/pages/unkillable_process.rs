//! The page of `unkillable-process`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "unkillable-process",
    title: "A process is alive more than 5 s after SIGKILL",
    severities: &[Severity::Error],
    cause: "SIGKILL acts only when the process can run, and it cannot: it is frozen by the cgroup \
            v1 freezer, or it is in uninterruptible sleep (state D), waiting for a disk, a network \
            file system or a driver that does not answer. The cgroup v2 freezer does not hold \
            SIGKILL up.",
    detection: "SIGKILL was sent and not dropped, and 5 s later the process had not ended. The \
                summary says whether it is frozen, in uninterruptible sleep, or held by a \
                debugger.",
    limits: "What it waits for is not seen; `/proc/PID/stack` shows it to root. Giving back a very \
             large memory or writing a core dump can take that long too.",
    general: "thaw it if it is frozen, else find what it waits for (`/proc/PID/stack`, as root) \
              and bring that disk, server or driver back",
    fixes: &[
        (
            System::Docker,
            "run `docker unpause` if the container is paused, else bring back the volume or device \
             that it waits for",
        ),
        (
            System::Compose,
            "run `docker compose unpause` if the service is paused, else bring back the volume or \
             device that it waits for",
        ),
        (
            System::Kubernetes,
            "bring back the volume that it waits for (NFS: `mountOptions: [soft]` where errors are \
             tolerable), or reboot the node",
        ),
        (
            System::Systemd,
            "run `systemctl thaw UNIT` if the unit is frozen, else bring back the mount or device \
             that it waits for",
        ),
    ],
};
