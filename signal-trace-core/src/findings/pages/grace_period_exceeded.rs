//! The page of `grace-period-exceeded`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "grace-period-exceeded",
    title: "A process was still stopping when its time was over",
    severities: &[Severity::Warning, Severity::Error],
    cause: "It took the stop signal, and was not done when SIGKILL came or the grace period ended: \
            a job ran longer, connections were drained for too long, or a shell kept its trap \
            until the foreground command had ended. Time limits must fit into each other: that of \
            a job below its worker's, that below the supervisor's, that below the container's. A \
            process that was stopped (SIGSTOP) or frozen when the signal came could not even \
            begin.",
    detection: "A handler, sigwait or signalfd took the signal, and the process was alive when the \
                grace period (counted from the stop signal of the workload) ended, or when SIGKILL \
                came before that. `error` if SIGKILL ended it; `warning` if it ended later by \
                itself, still runs, or was stopped or frozen when told or killed. If PID 1 ended \
                before it in the grace period, `pidns-teardown-kill` is said instead, and \
                `self-kill` of who killed itself.",
    limits: "What the process did meanwhile, and whether work was lost, is not seen. Where the \
             configured grace period is not known, 30 s is taken in a pod, 90 s in a service of \
             systemd, and else 10 s. Time that a Kubernetes `preStop` hook used up before the \
             signal is counted only if the hook runs a command, which is seen.",
    general: "make the shutdown shorter (stop taking work first, give jobs a time limit below the \
              grace period), or make the grace period longer",
    fixes: &[
        (
            System::Shell,
            "run the long command in the background and `wait` for it: a trap runs only after the \
             foreground command has ended",
        ),
        (
            System::Init,
            "raise the grace period of what runs the container: tini and dumb-init wait for their \
             child without a limit of their own",
        ),
        (
            System::Supervisord,
            "set `stopwaitsecs` (default 10) above the longest job and below the container's grace \
             period, and stop programs together in one `[group:x]`",
        ),
        (
            System::Sidekiq,
            "set `-t` (`:timeout:`, default 25) some seconds below the grace period, and send TSTP \
             early so that no new job is begun",
        ),
        (
            System::Laravel,
            "keep `--timeout` (in Horizon `timeout`) below `stopwaitsecs` and the grace period, \
             and `retry_after` above `--timeout`",
        ),
        (
            System::Docker,
            "use `docker stop -t SECONDS`, or `--stop-timeout` when the container is created \
             (default 10)",
        ),
        (System::Compose, "raise `stop_grace_period` (default 10s)"),
        (
            System::Kubernetes,
            "raise `terminationGracePeriodSeconds` (default 30), and keep `lifecycle.preStop` \
             short: it counts against it",
        ),
        (
            System::Systemd,
            "raise `TimeoutStopSec=` (default 90s), or extend it while stopping with \
             `EXTEND_TIMEOUT_USEC=` (`Type=notify`)",
        ),
    ],
};
