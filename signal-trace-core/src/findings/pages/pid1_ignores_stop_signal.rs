//! The page of `pid1-ignores-stop-signal`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "pid1-ignores-stop-signal",
    title: "PID 1 of a container drops the stop signal",
    severities: &[Severity::Info, Severity::Error],
    cause: "The kernel protects PID 1 of a PID namespace: a signal for which it has no handler is \
            dropped, also SIGTERM, whose default action would end any other process. A shell, or a \
            program that counts on the default action, therefore runs on until SIGKILL. So does a \
            program whose handler cleans up and then sends the signal to itself again: as PID 1 it \
            must exit by itself.",
    detection: "`signal_generate` reports the signal as ignored while the target is not ending, \
                and the target is PID 1 of a PID namespace with `SIG_DFL` or `SIG_IGN`; or PID 1 \
                had it blocked, or re-raised it in its handler, and the kernel dropped it then. \
                `error` if the process had to be killed or outlived the grace period, else `info`.",
    limits: "Why there is no handler is not seen: a container that is stopped before its program \
             has installed one looks the same.",
    general: "handle the signal in PID 1, or run the program under an init that forwards signals",
    fixes: &[
        (
            System::Shell,
            "start the program with `exec` so that it is PID 1 itself, or `trap` the signal, \
             forward it and `wait` for the child in a loop",
        ),
        (
            System::Init,
            "run the program below `tini --` or `dumb-init --`: they forward the signal, and a \
             child has its default action again",
        ),
        (
            System::Supervisord,
            "run `supervisord -n` as PID 1, by `exec` from the entrypoint script: it handles \
             SIGTERM",
        ),
        (
            System::Sidekiq,
            "use `exec bundle exec sidekiq`: Sidekiq handles SIGTERM, the shell before it does not",
        ),
        (
            System::Laravel,
            "use `exec php artisan queue:work`, and install the pcntl extension: without it the \
             worker has no handlers",
        ),
        (
            System::Docker,
            "use `docker run --init`, or the exec form of ENTRYPOINT and CMD for a program that \
             handles the signal",
        ),
        (
            System::Compose,
            "set `init: true`, or drop `sh -c` from `command` for a program that handles the \
             signal",
        ),
        (
            System::Kubernetes,
            "put an init such as tini into the image, or set `shareProcessNamespace: true`, which \
             makes `pause` PID 1",
        ),
        (
            System::Systemd,
            "set `RunInit=true` in a Podman `.container` unit, and handle the signal in a service \
             with `PrivatePIDs=yes`: it is PID 1",
        ),
    ],
};
