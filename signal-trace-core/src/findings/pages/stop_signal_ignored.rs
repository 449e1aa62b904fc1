//! The page of `stop-signal-ignored`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "stop-signal-ignored",
    title: "A process ignores the stop signal",
    severities: &[Severity::Info, Severity::Error],
    cause: "A process that has set a signal to `SIG_IGN` never gets it: the kernel drops it at \
            once. The setting is inherited across fork and exec, so `trap '' TERM` in the script \
            that starts a program makes the program deaf too. Some workers ignore the signal on \
            purpose, because their manager stops them in another way.",
    detection: "`signal_generate` reports the signal as ignored, and the target is not ending and \
                not PID 1 of a namespace. `error` if the process outlived the grace period, or was \
                killed by anybody but a supervisor inside its own workload; else `info`.",
    limits: "Who set the signal to `SIG_IGN`, the program or what started it, is not seen. A \
             handler that does nothing is not meant here: see `handler-does-not-exit`.",
    general: "handle the signal in the program, or send it a signal that it handles, and look for \
              `trap ''` in what starts it",
    fixes: &[
        (
            System::Shell,
            "remove `trap '' TERM` before `exec`, or start the program with `env \
             --default-signal=TERM`: `trap - TERM` cannot undo what a shell inherited",
        ),
        (
            System::Init,
            "start the program below `dumb-init`, which resets ignored signals in its child, or \
             send another one with `--rewrite 15:2`",
        ),
        (
            System::Supervisord,
            "set `stopsignal` to a signal that the program handles, as in `stopsignal=INT`",
        ),
        (
            System::Sidekiq,
            "let no job or library call `trap` for TERM: it replaces the handler of Sidekiq",
        ),
        (
            System::Laravel,
            "install pcntl so that `queue:work` sets its own handler, and let no job call \
             `pcntl_signal(SIGTERM, SIG_IGN)`",
        ),
        (
            System::Docker,
            "set `STOPSIGNAL` in the Dockerfile, or `docker run --stop-signal`, to a signal that \
             the program handles",
        ),
        (System::Compose, "set `stop_signal` to a signal that the program handles"),
        (
            System::Kubernetes,
            "set `lifecycle.stopSignal` (gate ContainerStopSignals, needs `spec.os.name`) or \
             `STOPSIGNAL` in the image to a signal that the program handles",
        ),
        (
            System::Systemd,
            "set `KillSignal=` to a signal that the program handles: systemd passes on no ignored \
             SIGTERM, so the program or its wrapper ignores it",
        ),
    ],
};
