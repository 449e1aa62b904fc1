//! The page of `grace-period-nearly-exceeded`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "grace-period-nearly-exceeded",
    title: "The shutdown used 80 % of the grace period or more",
    severities: &[Severity::Warning],
    cause: "All that were told to stop ended by themselves, but with little time to spare. \
            Shutdown times vary with load: a longer job or a slower disk uses up the rest, and \
            then SIGKILL cuts it off.",
    detection: "No process that was told to stop died of SIGKILL or outlived the grace period, and \
                the last of them ended after 80 % of it or more, counted from the stop signal of \
                the workload.",
    limits: "One shutdown is one sample: how the times are spread is not seen. Where the \
             configured grace period is not known, 30 s is taken in a pod, 90 s in a service of \
             systemd, and else 10 s, so look at that first. Time that a Kubernetes `preStop` hook \
             used up before the signal is counted only if the hook runs a command, which is seen.",
    general: "make the shutdown shorter or the grace period longer, so that a slow day fits in too",
    fixes: &[
        (
            System::Shell,
            "signal all children first and then `wait` for all of them, instead of one after \
             another",
        ),
        (
            System::Supervisord,
            "put the programs into one `[group:x]`: groups stop one after another, so that their \
             times add up",
        ),
        (
            System::Sidekiq,
            "lower `-t` (`:timeout:`, default 25), and quiet with TSTP before the stop so that \
             fewer jobs are in progress",
        ),
        (
            System::Laravel,
            "lower `--timeout` (in Horizon `timeout`) or split long jobs: a worker ends after its \
             current job",
        ),
        (System::Docker, "raise `--stop-timeout` of the container, or `docker stop -t`"),
        (System::Compose, "raise `stop_grace_period`"),
        (
            System::Kubernetes,
            "raise `terminationGracePeriodSeconds`, or shorten `lifecycle.preStop`, which counts \
             against it",
        ),
        (System::Systemd, "raise `TimeoutStopSec=`"),
    ],
};
