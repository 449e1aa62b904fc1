//! The page of `handler-does-not-exit`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "handler-does-not-exit",
    title: "A handler took the stop signal, and the process did not end",
    severities: &[Severity::Warning],
    cause: "The handler sets a flag that nobody looks at, does something else (reloads, reopens \
            logs), waits for a second signal, or the program waits for connections or threads that \
            never end. A shell takes the signal too, but runs its trap only after the foreground \
            command has ended, and goes on after it unless the trap exits.",
    detection: "`signal_deliver` shows a handler, and the process was still alive when the full \
                grace period was over; it had sent no stop signal to another process of the \
                workload, no child of it had ended, and it had started none. Said beside \
                `grace-period-exceeded`, which tells how bad it was.",
    limits: "What the handler did is not seen: one that works for longer than the grace period \
             without children looks the same. It is not said if SIGKILL came earlier, nor of a \
             process that takes signals with sigwait or signalfd.",
    general: "let the handler end the process: take no new work, finish or give up what runs, and \
              exit before the grace period is over",
    fixes: &[
        (
            System::Shell,
            "run the command in the background and `wait` for it, and end the trap with `exit`: \
             after a trap that returns, the script goes on",
        ),
        (
            System::Init,
            "send the program a signal on which it exits, as in `dumb-init --rewrite 15:2` \
             (SIGTERM becomes SIGINT)",
        ),
        (
            System::Supervisord,
            "set `stopsignal` to a signal on which the program exits (uWSGI reloads on TERM: use \
             `INT`, or its `die-on-term`)",
        ),
        (
            System::Sidekiq,
            "keep `-t` below the grace period, and let no job rescue `Exception`, which swallows \
             `Sidekiq::Shutdown`",
        ),
        (
            System::Laravel,
            "set `--timeout` below the grace period: the handler only marks the worker, which ends \
             after its current job",
        ),
        (
            System::Docker,
            "set `STOPSIGNAL` (or `--stop-signal`) to a signal on which the program exits",
        ),
        (System::Compose, "set `stop_signal` to a signal on which the program exits"),
        (
            System::Kubernetes,
            "stop the program by other means in `lifecycle.preStop`, or set `lifecycle.stopSignal` \
             to a signal on which it exits",
        ),
        (
            System::Systemd,
            "set `KillSignal=` to a signal on which the program exits, or `ExecStop=` to the \
             command that stops it",
        ),
    ],
};
