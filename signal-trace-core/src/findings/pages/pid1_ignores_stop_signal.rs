//! The page of `pid1-ignores-stop-signal`.

use super::Page;
use crate::system::System;

pub(super) const PAGE: Page = Page {
    id: "pid1-ignores-stop-signal",
    title: "PID 1 of a container lets the stop signal fall",
    cause: "The kernel protects PID 1 of a PID namespace: a signal for which it has no handler is \
            dropped, also SIGTERM, whose default action would end any other process. A shell, or \
            a program that counts on the default action, therefore runs on until SIGKILL.",
    detection: "`signal_generate` reports the signal as ignored, and the target is PID 1 of a PID \
                namespace with `SIG_DFL` or `SIG_IGN`; or it dropped the signal when it unblocked \
                it or sent it to itself again. `error` if the process then had to be killed or \
                outlived the grace period, else `info`.",
    limits: "A handler that is installed only later, after the signal came, is not seen.",
    general: "handle the signal in PID 1, or run it under an init that forwards signals",
    fixes: &[
        (
            System::Shell,
            "start the program with `exec` so that it is PID 1 itself, or trap the signal, \
             forward it and wait for the child",
        ),
        (System::Docker, "`docker run --init`, or use the exec form of ENTRYPOINT and CMD"),
        (System::Compose, "`init: true`, or the list form of `command`"),
        (
            System::Kubernetes,
            "put an init such as tini into the image, or handle SIGTERM in the program; \
             `shareProcessNamespace: true` makes another process PID 1",
        ),
        (
            System::Supervisord,
            "run `supervisord -n` itself as PID 1, by `exec` from an entrypoint script",
        ),
        (
            System::Sidekiq,
            "`exec bundle exec sidekiq`: Sidekiq handles SIGTERM, the shell before it does not",
        ),
        (System::Laravel, "`exec php artisan queue:work`, and install the pcntl extension"),
    ],
};
