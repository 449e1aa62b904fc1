//! The page of `stop-signal-mismatch`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "stop-signal-mismatch",
    title: "The program handles another signal than the one that was sent",
    severities: &[Severity::Info, Severity::Warning],
    cause: "Programs differ in the signal on which they stop in order: nginx and php-fpm on QUIT, \
            Apache httpd on WINCH, systemd as PID 1 on RTMIN+3, most others on TERM. The image or \
            the unit names another one, or a base image has set a `STOPSIGNAL` that suits its own \
            program and not the one that is run.",
    detection: "The process dropped or ignored the stop signal, and later ended by itself on \
                another one, other than HUP, that came from outside the workload: `warning`. It \
                dropped the stop signal or died of its default action, \
                but has a handler for another of TERM, INT, QUIT and those given by \
                `--stop-signal`: `info`. That is not said of shells, which have handlers for \
                their own sake.",
    limits: "What a handler does is not seen: that for INT need not stop the program. A program \
             that stops hard on one signal and in order on another (nginx on TERM and QUIT) \
             handles both, so nothing is said. Of the signals that `--stop-signal` adds, \
             handlers are known for USR1 and WINCH.",
    general: "send the signal that the program handles, or handle the one that is sent",
    fixes: &[
        (
            System::Shell,
            "translate it: run the program in the background with `trap 'kill -QUIT $pid' TERM`, \
             and `wait $pid` in a loop until it is gone",
        ),
        (System::Init, "translate it with `dumb-init --rewrite 15:3` (SIGTERM becomes SIGQUIT)"),
        (
            System::Supervisord,
            "set `stopsignal` for each program, as in `stopsignal=QUIT` for nginx and php-fpm",
        ),
        (System::Sidekiq, "send TERM or INT: on these Sidekiq stops in order, TSTP only quiets it"),
        (
            System::Laravel,
            "set `STOPSIGNAL SIGTERM` in images made from `php:fpm`, which say SIGQUIT: older \
             `queue:work` handles SIGTERM only",
        ),
        (
            System::Docker,
            "set `STOPSIGNAL` in the Dockerfile, or `docker run --stop-signal`, to the signal that \
             the program handles",
        ),
        (System::Compose, "set `stop_signal` to the signal that the program handles"),
        (
            System::Kubernetes,
            "set `lifecycle.stopSignal` (gate ContainerStopSignals, needs `spec.os.name`) or \
             `STOPSIGNAL` in the image to the signal that the program handles",
        ),
        (System::Systemd, "set `KillSignal=` to the signal that the program handles"),
    ],
};
