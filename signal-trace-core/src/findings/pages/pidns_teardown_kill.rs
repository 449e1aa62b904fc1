//! The page of `pidns-teardown-kill`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "pidns-teardown-kill",
    title: "PID 1 ended, and the kernel killed what was still stopping",
    severities: &[Severity::Info, Severity::Error],
    cause: "When PID 1 of a PID namespace ends, the kernel sends SIGKILL to all that is left in \
            it, also long before the grace period is over. A shell whose trap interrupts its \
            `wait` ends before its children, and so does an init, which waits for its own child \
            only (a shell below it dies of the signal at once). The exit code of the container \
            looks clean all the same.",
    detection: "SIGKILL came from the kernel on account of an exiting PID 1 of its namespace or \
                one above, in the grace period, to a process that had got a stop signal and was \
                still stopping: `error`. If there was no stop signal at all and PID 1 just ended: \
                `info`.",
    limits: "How much work was left is not seen. Processes that had got no stop signal themselves \
             are named by `stop-signal-not-forwarded` and `orphan-left-behind`.",
    general: "let PID 1 end last: it must forward the stop signal and wait until all children are \
              gone",
    fixes: &[
        (
            System::Shell,
            "wait in a loop (`while kill -0 $pid; do wait $pid; done`), since a trap interrupts \
             `wait`",
        ),
        (
            System::Init,
            "let the program wait for its own children: tini ends with its child, and dumb-init \
             then sends SIGTERM to the rest and ends too",
        ),
        (
            System::Supervisord,
            "let each program wait for its own children, as `supervisord -n` as PID 1 waits for the \
             programs: `exec` the last one in a wrapper shell, or set `trap : TERM` in it",
        ),
        (
            System::Sidekiq,
            "let jobs wait for the processes that they start: these are killed when Sidekiq as PID \
             1 ends",
        ),
        (
            System::Laravel,
            "let jobs wait for the processes that they start: these are killed when `queue:work` \
             as PID 1 ends",
        ),
        (
            System::Docker,
            "run one program per container, or a PID 1 that waits for all of them (`--init` waits \
             for one)",
        ),
        (
            System::Compose,
            "give each program a service of its own, or a PID 1 that waits for all of them (`init: \
             true` waits for one)",
        ),
        (
            System::Kubernetes,
            "give each program a container of its own in the pod, or a PID 1 that waits for all of \
             them",
        ),
    ],
};
