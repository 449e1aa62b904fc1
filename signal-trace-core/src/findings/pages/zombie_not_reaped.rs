//! The page of `zombie-not-reaped`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "zombie-not-reaped",
    title: "A dead process was not reaped by its parent",
    severities: &[Severity::Warning],
    cause: "A process that has ended stays a zombie until its parent has asked how it ended. A \
            parent that never asks collects them, and so does a PID 1 that does not know the \
            orphans that the kernel gives it. Each holds a process id: when the limit is reached, \
            fork fails. An init reaps orphans only, not the children of a parent that lives.",
    detection: "It was dead for 5 s, the kernel had not freed it, and `/proc` showed it as a \
                zombie. Zombies from before the recording are found too. The finding stands alone, \
                not in a shutdown.",
    limits: "The kernel frees a process up to 10 s after it was reaped, so an age from events \
             alone is an upper bound; that is why `/proc` is asked. A parent that reaps now and \
             then is named too, and so is one whose zombie is held by a debugger.",
    general: "let the parent call waitpid on SIGCHLD or set SIGCHLD to SIG_IGN, and run an init as \
              PID 1, which reaps orphans",
    fixes: &[
        (
            System::Shell,
            "`wait` for background jobs, and do not `exec` while some run: they become children of \
             a program that does not know them",
        ),
        (
            System::Init,
            "run `tini` or `dumb-init` as PID 1, or `tini -s` where it is not PID 1, and let the \
             program wait for its own children",
        ),
        (
            System::Supervisord,
            "run `supervisord -n` as PID 1, which reaps orphans too, and let each program wait for \
             its own children",
        ),
        (
            System::Sidekiq,
            "call `Process.wait` or `Process.detach` for each process that a job starts with \
             `spawn` or `fork`",
        ),
        (
            System::Laravel,
            "call `wait()` of the Symfony `Process`, or `proc_close` after `proc_open`, in the job \
             that starts it",
        ),
        (System::Docker, "use `docker run --init`"),
        (System::Compose, "set `init: true`"),
        (
            System::Kubernetes,
            "put an init into the image, or set `shareProcessNamespace: true` so that `pause` \
             reaps (exec probes often leave orphans)",
        ),
    ],
};
