//! The page of `no-stop-handler`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "no-stop-handler",
    title: "The main process has no handler and died at once",
    severities: &[Severity::Info],
    cause: "Without a handler the default action of the stop signal ends a process on the spot: \
            buffers are not written, connections not closed, jobs not given back. For a program \
            that has nothing to finish that is fine.",
    detection: "The main process ended by the default action of the stop signal. Always `info`.",
    limits: "Whether there was anything to finish is not seen. PID 1 of a container cannot end \
             like this, since the kernel drops a signal without a handler there: the finding is \
             about units, plain processes, and containers that share a PID namespace.",
    general: "handle the signal if there is anything to finish, else leave it as it is",
    fixes: &[
        (
            System::Shell,
            "`trap` the signal if the script has anything to clean up, and forward it to what the \
             script runs",
        ),
        (
            System::Sidekiq,
            "let Sidekiq be the main process (`exec bundle exec sidekiq`): it handles SIGTERM, a \
             wrapper does not",
        ),
        (
            System::Laravel,
            "install the pcntl extension: without it SIGTERM ends `queue:work` in the middle of a \
             job",
        ),
        (
            System::Docker,
            "set `STOPSIGNAL` to the signal that the program handles, if it handles another one",
        ),
        (
            System::Compose,
            "set `stop_signal` to the signal that the program handles, if it handles another one",
        ),
        (
            System::Kubernetes,
            "do in `lifecycle.preStop` what must be finished, if the program cannot handle the \
             signal",
        ),
        (
            System::Systemd,
            "do in `ExecStop=` what must be finished, if the program cannot handle the signal (a \
             death by SIGTERM counts as success)",
        ),
    ],
};
