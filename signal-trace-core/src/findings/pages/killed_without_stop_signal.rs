//! The page of `killed-without-stop-signal`.

use super::Page;
use crate::{findings::Severity, system::System};

pub(super) const PAGE: Page = Page {
    id: "killed-without-stop-signal",
    title: "A process was killed without having been asked to stop",
    severities: &[Severity::Info, Severity::Warning],
    cause: "SIGKILL came first, so nothing could be finished. Usual senders: `docker kill` and \
            `docker rm -f`, a runtime whose stop timeout is 0, a forced deletion or a hard \
            eviction of a pod, an operator, or a memory guard in user space (earlyoom, \
            systemd-oomd).",
    detection: "SIGKILL ended a process of a workload to which nobody had sent a stop signal. \
                `warning` in a container or unit; `info` in a plain process tree, or if the kernel \
                sent it for a reason of its own (`PR_SET_PDEATHSIG`, `RLIMIT_CPU`), or to a \
                session in a container that goes on (a probe that took too long), or if a stop \
                signal in the ten minutes before had led to nothing yet, or if the process is older \
                than the recording and a stop signal of the grace period before the SIGKILL may have \
                been sent before that began (the shutdown is not `complete` then). Not said of a \
                process that killed itself, of an OOM kill, or of the end of a PID namespace.",
    limits: "A stop signal from longer before the recording is not known. Why the sender did it is not \
             seen. Exit code 137 alone is no such kill: a process can exit with it, and a runtime \
             can report it without having seen the end.",
    general: "ask it to stop with its stop signal, give it time, and send SIGKILL only to what \
              does not end",
    fixes: &[
        (
            System::Shell,
            "send `kill -TERM` and wait before `kill -KILL`: `timeout -k 10 60 program` does both",
        ),
        (
            System::Init,
            "use `tini -p SIGTERM` and not `-p SIGKILL`, if tini is to end with its parent",
        ),
        (
            System::Supervisord,
            "remove `stopsignal=KILL`, and use `supervisorctl stop` instead of `kill -9`",
        ),
        (
            System::Sidekiq,
            "send TSTP and then TERM before any KILL: jobs in progress are lost otherwise, unless \
             `super_fetch` (Sidekiq Pro) is on",
        ),
        (
            System::Laravel,
            "send TERM (or run `horizon:terminate`) before any KILL: the job of a killed worker \
             waits until `retry_after` is over",
        ),
        (System::Docker, "use `docker stop` instead of `docker kill` and `docker rm -f`"),
        (
            System::Compose,
            "use `docker compose stop` or `down` instead of `kill`, and do not press Ctrl-C a \
             second time",
        ),
        (
            System::Kubernetes,
            "keep the grace period above 0 (no `--grace-period=0 --force`), and prefer \
             `evictionSoft`: a hard eviction leaves next to none",
        ),
        (
            System::Systemd,
            "use `systemctl stop` instead of `systemctl kill -s KILL`, and set \
             `ManagedOOMPreference=avoid` if systemd-oomd kills",
        ),
    ],
};
