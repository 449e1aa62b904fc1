//! The page of `stop-signal-not-forwarded`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "stop-signal-not-forwarded",
    title: "A process was never told to stop",
    severities: &[Severity::Info, Severity::Warning, Severity::Error],
    cause: "A runtime sends the stop signal to the main process alone, and the kernel passes it on \
            to nobody. A shell that runs the program as its child, or a manager that does not \
            forward, leaves the program at work until SIGKILL, or until PID 1 ends and the kernel \
            kills what is left. An init forwards to its own child only: with a shell in between \
            the program still hears nothing.",
    detection: "No stop signal reached the process, which was there when the workload was told, \
                was started from inside (so not by `docker exec`), and was killed with SIGKILL or \
                outlived the grace period. `error` if it died of SIGKILL; `warning` if not, or if \
                the main process itself ignored or blocked the signal, which then is the cause; \
                `info` for what systemd spares (`KillMode=process`). Who had left its parent \
                before, as a daemon does, is named only if it was killed; who asked to be killed \
                with its parent (`PR_SET_PDEATHSIG`) is not. Not said if the main process was not \
                told either.",
    limits: "A parent can tell its children to stop in ways that are no signal (a pipe, a socket); \
             if such a child does not end in time, it is named here. A process that was started \
             after the stop signal is not judged.",
    general: "start the program with `exec` instead of below a shell, or let its parent forward \
              the signal and wait for it",
    fixes: &[
        (
            System::Shell,
            "start the program with `exec`, or in the background with `trap 'kill -TERM $pid' \
             TERM` and `wait $pid` in a loop until it is gone",
        ),
        (
            System::Init,
            "make the program the direct child of the init, or use `tini -g` or `dumb-init` (whole \
             process group) with a child that waits for the others",
        ),
        (
            System::Supervisord,
            "`exec` the program in its wrapper script, or set `stopasgroup=true` and let the wrapper \
             wait (`trap : TERM`); put programs into one `[group:x]`: the last ones of many may be \
             killed before their turn",
        ),
        (
            System::Sidekiq,
            "use `exec bundle exec sidekiq` in wrappers, and stop the processes that a job starts \
             in an `ensure` block",
        ),
        (
            System::Laravel,
            "use `exec php artisan queue:work` in wrappers, and not `queue:listen`, which works in \
             a child process",
        ),
        (
            System::Docker,
            "use the exec form of ENTRYPOINT and CMD (`--init` alone signals its own child, which \
             still is the shell)",
        ),
        (
            System::Compose,
            "drop `sh -c` from `command`, or write `exec` before the program in it (`init: true` \
             alone signals the shell only)",
        ),
        (
            System::Kubernetes,
            "write `command: [\"sh\", \"-c\", \"exec program\"]`, or leave out the shell: only PID \
             1 of each container is signalled",
        ),
        (
            System::Systemd,
            "keep `KillMode=control-group` (the default), which signals every process of the unit, \
             unlike `mixed` and `process`",
        ),
    ],
};
