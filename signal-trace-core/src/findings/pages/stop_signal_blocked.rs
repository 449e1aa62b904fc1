//! The page of `stop-signal-blocked`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "stop-signal-blocked",
    title: "A process keeps the stop signal blocked",
    severities: &[Severity::Info, Severity::Error],
    cause: "A blocked signal stays pending until a thread of the process unblocks it, or fetches \
            it with sigwait or signalfd. The mask is inherited across fork and exec, so a program \
            can be born with the signal blocked: its parent blocked signals around fork and forgot \
            the child. It also happens if every thread blocks the signal and the one that should \
            fetch it has ended or hangs.",
    detection: "The signal was blocked when it came, nobody took it, and it was still pending at \
                the end. `error` if the process outlived the grace period, or was killed by \
                anybody but a supervisor inside its own workload; else `info`.",
    limits: "Who blocked the signal is not seen. A process that fetched it with sigwait or \
             signalfd and then did not end in time is not meant here, but in \
             `grace-period-exceeded`.",
    general: "unblock the signal or fetch it with sigwait or signalfd, and clear the mask in \
              children between fork and exec",
    fixes: &[
        (
            System::Shell,
            "start the program with GNU `env --default-signal=TERM`, which unblocks the signal too",
        ),
        (
            System::Init,
            "start the program below `dumb-init`, which unblocks all signals in its child (tini \
             passes the mask on)",
        ),
        (
            System::Supervisord,
            "start the program with `command=env --default-signal=TERM program`, or set \
             `stopsignal` to a signal that is not blocked",
        ),
        (
            System::Laravel,
            "call `pcntl_sigprocmask(SIG_UNBLOCK, [SIGTERM])` as soon as the critical part of a \
             job is over",
        ),
        (
            System::Docker,
            "put `dumb-init` into ENTRYPOINT (`--init` is tini, which passes the mask on), or set \
             `STOPSIGNAL` to a signal that is not blocked",
        ),
        (System::Compose, "set `stop_signal` to a signal that is not blocked"),
        (
            System::Kubernetes,
            "set `lifecycle.stopSignal` (gate ContainerStopSignals, needs `spec.os.name`) or \
             `STOPSIGNAL` in the image to a signal that is not blocked",
        ),
        (
            System::Systemd,
            "set `KillSignal=` to a signal that is not blocked: systemd starts units with an empty \
             mask, so the program or its wrapper blocks it",
        ),
    ],
};
