//! The page of `repeated-stop-signal`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "repeated-stop-signal",
    title: "The stop signal was sent again",
    severities: &[Severity::Info],
    cause: "Two parties stop the same process, or one is impatient: a `preStop` hook and then the \
            runtime, `ExecStop=` and then systemd itself, an operator who repeats the command. \
            Many programs take a second stop signal as an order to end at once, without finishing.",
    detection: "The same process was sent a stop signal again, by another process than itself, 1 s \
                or more after the first. Always `info`.",
    limits: "What the process made of it is not seen. A repetition within 1 s, as when the group \
             is signalled and the parent forwards too, is not counted.",
    general: "let one party send the stop signal, once, and give it time",
    fixes: &[
        (
            System::Init,
            "signal the group (`tini -g`, `dumb-init`) or let the program forward to its children, \
             not both",
        ),
        (
            System::Supervisord,
            "leave `stopasgroup=false` for a program that forwards the signal to its children \
             itself",
        ),
        (System::Sidekiq, "quiet it with TSTP, and then send TERM once"),
        (
            System::Laravel,
            "use either `horizon:terminate` or the stop signal of the runtime, not both",
        ),
        (System::Docker, "run `docker stop` once, with enough time in `-t`, instead of again"),
        (
            System::Compose,
            "raise `stop_grace_period` instead of stopping again (a second Ctrl-C kills)",
        ),
        (
            System::Kubernetes,
            "send no signal in `lifecycle.preStop`: the runtime sends the stop signal after the \
             hook",
        ),
        (
            System::Systemd,
            "send no signal in `ExecStop=`, since `KillSignal=` follows, and set `KillMode=mixed` \
             if the main process forwards",
        ),
    ],
};
