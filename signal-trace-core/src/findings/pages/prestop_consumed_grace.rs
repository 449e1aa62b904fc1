//! The page of `prestop-consumed-grace`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "prestop-consumed-grace",
    title: "A preStop hook used up the grace period",
    severities: &[Severity::Warning],
    cause: "In Kubernetes the time of a `preStop` hook is part of the grace period. A hook that \
            takes as long as that (`sleep 30` with the default of 30 s) leaves the program only \
            the 2 s that the kubelet gives at least, or is cut off itself (event \
            `FailedPreStopHook`).",
    detection: "The runtime sent the stop signal just after the hook had ended, or while it ran on \
                at the end of the grace period; less than 2 s of that was left, and the hook had \
                taken at least half of it. Whether the program was done in time is said by its \
                verdict.",
    limits: "Only hooks that run a command are seen, not those of kinds `httpGet` and `sleep`, \
             and only where the runtime or the Kubernetes API tells the command.",
    general: "make the hook shorter, or the grace period longer: it must hold both the hook and \
              the shutdown of the program",
    fixes: &[
        (
            System::Shell,
            "let the hook wait for what it is about, with `timeout` around it, instead of for a \
             fixed time",
        ),
        (
            System::Sidekiq,
            "let the hook send TSTP and return, and leave the waiting to `-t`, which begins with \
             TERM",
        ),
        (
            System::Laravel,
            "let the hook call `horizon:terminate` without `--wait`, or leave it out: workers stop \
             at TERM",
        ),
        (
            System::Kubernetes,
            "set `terminationGracePeriodSeconds` to the time of `lifecycle.preStop` plus what the \
             program needs to stop",
        ),
    ],
};
