//! The page of `oom-kill`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "oom-kill",
    title: "The kernel killed a process because memory ran out",
    severities: &[Severity::Error],
    cause: "The memory limit of a cgroup, or the memory of the node, was used up, and the OOM \
            killer chose this process. It sends SIGKILL without warning, also in the middle of a \
            shutdown. The victim need not be the main process: the container can go on, and its \
            runtime may report no OOM kill, or report one though the main process ended by itself.",
    detection: "The kernel sent SIGKILL and marked the process as an OOM victim \
                (`oom:mark_victim`).",
    limits: "Which limit was hit and what used the memory is not seen; the kernel log tells it. \
             Guards in user space (earlyoom, systemd-oomd) are not meant here: they show in \
             `kill-from-outside` or `killed-without-stop-signal`.",
    general: "raise the memory limit, or use less: fewer workers, smaller jobs, a limit in the \
              program itself below that of the container",
    fixes: &[
        (
            System::Supervisord,
            "lower `numprocs`, or let `memmon` of superlance restart a program that has grown \
             before the limit is hit",
        ),
        (
            System::Sidekiq,
            "lower `-c` (`:concurrency:`), set `MALLOC_ARENA_MAX=2` or use jemalloc, and split \
             large jobs",
        ),
        (
            System::Laravel,
            "set PHP's `memory_limit` and `queue:work --memory` (looked at between jobs) below the \
             limit, or use `--max-jobs`",
        ),
        (
            System::Docker,
            "raise `--memory` (and `--memory-swap`), or lower the heap limit of the program below \
             it",
        ),
        (System::Compose, "raise `mem_limit` (or `deploy.resources.limits.memory`)"),
        (
            System::Kubernetes,
            "raise `resources.limits.memory`, and `resources.requests.memory` too if the node \
             itself ran out",
        ),
        (
            System::Systemd,
            "raise `MemoryMax=`, and choose with `OOMPolicy=` whether the rest of the unit goes on",
        ),
    ],
};
