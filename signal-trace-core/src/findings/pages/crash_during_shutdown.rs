//! The page of `crash-during-shutdown`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "crash-during-shutdown",
    title: "A process crashed while it was stopping",
    severities: &[Severity::Error],
    cause: "After the stop signal it died of a signal that is neither a stop signal nor SIGKILL: \
            SIGSEGV or SIGABRT in its cleanup (threads that still use what is being freed, an \
            assertion, an uncaught exception), or SIGPIPE because what read its output had stopped \
            first.",
    detection: "The process died of such a signal after the stop signal; its exit tells which one, \
                and whether a core was dumped.",
    limits: "Where it crashed is not seen: that takes a core dump. A SIGABRT that systemd sends on \
             purpose (`WatchdogSec=`, `TimeoutStopFailureMode=abort`) counts too. A stop signal of \
             another kind, as SIGUSR1, must be named with `--stop-signal`, or a death of it counts \
             as a crash.",
    general: "get a core dump and mend the cleanup, or, if it was SIGPIPE, let the reader of the \
              pipe end last",
    fixes: &[
        (
            System::Shell,
            "set `ulimit -c unlimited` before `exec`, and in `program | logger` let the logger \
             ignore the stop signal (`trap '' TERM`)",
        ),
        (
            System::Supervisord,
            "write logs to `stdout_logfile` instead of a pipe to a logger, which gets the stop \
             signal too with `stopasgroup`",
        ),
        (
            System::Sidekiq,
            "look in the log for Ruby's `[BUG]` report, which names the native extension, and \
             close its clients in `on(:shutdown)`",
        ),
        (
            System::Laravel,
            "open the core with `gdb`, and leave out PHP extensions one by one: one that fails at \
             exit is the first suspect",
        ),
        (
            System::Docker,
            "use `--ulimit core=-1`, and look for the core where `kernel.core_pattern` of the host \
             puts it",
        ),
        (
            System::Compose,
            "set `ulimits` with `core: -1`, and look for the core where `kernel.core_pattern` of \
             the host puts it",
        ),
        (
            System::Kubernetes,
            "look for the core where `kernel.core_pattern` of the node puts it: there is one for \
             all pods",
        ),
        (System::Systemd, "set `LimitCORE=infinity`, and read the core with `coredumpctl`"),
    ],
};
