//! The page of `self-kill`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "self-kill",
    title: "A process killed itself with SIGKILL",
    severities: &[Severity::Warning],
    cause: "It sent SIGKILL to itself or to its own process group, mostly on purpose: a time limit \
            for a job (`queue:work --timeout`), a memory guard (`sidekiq-worker-killer`), or \
            `timeout -k`, which kills its own group and itself. From outside it looks like exit \
            code 137 without a killer.",
    detection: "The sender of the SIGKILL that ended the process is the process itself. Outside of \
                a shutdown the finding stands alone.",
    limits: "Why it did so is not seen. As PID 1 of a namespace a process cannot kill itself, \
             since the kernel drops that SIGKILL: it goes on, mostly to an ordinary exit, and \
             nothing is said.",
    general: "find the time or memory limit by which the program kills itself, and raise it or \
              make the work smaller",
    fixes: &[
        (
            System::Shell,
            "use `exit` instead of `kill -9 $$` or `kill -9 0`, and give `timeout -k` more time",
        ),
        (
            System::Supervisord,
            "set `autorestart=true` for workers that do so by design, so that another takes over",
        ),
        (
            System::Sidekiq,
            "set `grace_time` and `shutdown_wait` of `sidekiq-worker-killer` above the longest job",
        ),
        (
            System::Laravel,
            "raise `--timeout` (or `$timeout` of the job) above the longest job, and keep \
             `retry_after` above that",
        ),
        (System::Docker, "set `--restart on-failure` for workers that do so by design"),
        (System::Compose, "set `restart: on-failure` for workers that do so by design"),
        (System::Kubernetes, "keep `restartPolicy: Always` for workers that do so by design"),
        (System::Systemd, "set `Restart=on-failure` for workers that do so by design"),
    ],
};
