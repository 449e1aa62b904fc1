//! The page of `orphan-left-behind`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "orphan-left-behind",
    title: "A process outlived its parent and was never told to stop",
    severities: &[Severity::Info, Severity::Warning, Severity::Error],
    cause: "Its parent ended without it, and the stop signal went to others: to the parent alone, \
            or to a process group that it had left with setsid. The kernel gives an orphan to the \
            nearest subreaper or to PID 1 of the namespace, and neither has to stop it.",
    detection: "No stop signal reached the process, which was there when the workload was told and \
                was started from inside; its parent, of the same workload, ended at least 1 s \
                before it did. `error` if SIGKILL ended it, `warning` if it outlived the grace \
                period, `info` if systemd spares it (`KillMode=process`).",
    limits: "A daemon that left its parent on purpose looks the same. A parent that ended before \
             the recording is not known; `stop-signal-not-forwarded` is said then.",
    general: "let the parent stop its children and wait for them before it ends, or signal the \
              whole process group or cgroup",
    fixes: &[
        (
            System::Shell,
            "stop background jobs before the script ends: `trap 'kill $(jobs -p); wait' EXIT`",
        ),
        (
            System::Init,
            "use `tini -g` or `dumb-init`, which signal what is still in the process group, and \
             let their own child end last",
        ),
        (
            System::Supervisord,
            "set `stopasgroup=true` and let wrapper shells wait (`trap : TERM`), and keep programs in \
             the foreground: what calls setsid leaves the group",
        ),
        (
            System::Sidekiq,
            "stop the processes that a job starts in an `ensure` block (`Process.kill`, then \
             `Process.wait`)",
        ),
        (
            System::Laravel,
            "stop the processes that a job starts in a `finally` block (`stop()` of the Symfony \
             `Process`)",
        ),
        (
            System::Docker,
            "run each program in the foreground of a container of its own: `docker stop` signals \
             PID 1 alone",
        ),
        (
            System::Compose,
            "give each program a service of its own instead of starting it in the background",
        ),
        (
            System::Kubernetes,
            "give each program a container of its own in the pod instead of starting it in the \
             background",
        ),
        (
            System::Systemd,
            "keep `KillMode=control-group` and `SendSIGKILL=yes` (the defaults): otherwise what is \
             left of a unit lives on",
        ),
    ],
};
