//! What must be said of the ends that systems have in common.

use serde_json::Value;

use crate::expected::Expected;

/// It stopped in order.
pub(super) fn graceful(e: Expected) -> Expected {
    e.verdicts("graceful", "graceful")
}

/// PID 1 has no handler for the signal, or ignores it, and was killed for that.
pub(super) fn deaf(e: Expected) -> Expected {
    e.verdicts("forced", "ignored")
        .says("process/killed_by", "runtime")
        .finds("pid1-ignores-stop-signal")
}

/// The same of a shell, whose program never knew.
pub(super) fn deaf_shell(e: Expected) -> Expected {
    deaf(e).finds("stop-signal-not-forwarded")
}

/// It took the signal, and was killed before it was done.
pub(super) fn overran(e: Expected) -> Expected {
    e.verdicts("forced", "overran")
        .says("process/killed_by", "runtime")
        .finds("grace-period-exceeded")
}

/// The same, and it had all of its time.
pub(super) fn stuck(e: Expected) -> Expected {
    overran(e).finds("handler-does-not-exit")
}

/// The main process ended in time, and not what it had started, for this reason.
pub(super) fn left(e: Expected, reason: &'static str) -> Expected {
    e.verdicts("forced", "graceful").finds(reason)
}

/// The same: it was never told.
pub(super) fn untold(e: Expected) -> Expected {
    left(e, "stop-signal-not-forwarded")
}

/// The same: it was told, and still stopping when the end of PID 1 cut it off.
pub(super) fn cut_off(e: Expected) -> Expected {
    left(e, "pidns-teardown-kill")
}

/// SIGKILL, and no stop signal before it.
pub(super) fn killed(e: Expected) -> Expected {
    unasked(e)
        .verdicts("forced", "killed")
        .says("process/killed_by", "runtime")
        .finds("killed-without-stop-signal")
}

/// The kernel's choice.
pub(super) fn oom_killed(e: Expected) -> Expected {
    unasked(e)
        .verdicts("oom-killed", "oom-killed")
        .says("process/killed_by", "oom-killer")
        .finds("oom-kill")
}

fn unasked(e: Expected) -> Expected {
    e.says("stop", Value::Null).says("stop/sender/role", Value::Null)
}

/// Of a process beside the main one, which was killed by the end of PID 1 without having been told.
pub(super) fn killed_untold(what: &str, pid: i32) -> Expected {
    Expected::of(what, pid)
        .verdicts("forced", "not-signalled")
        .says("process/killed_by", "pidns-teardown")
        .exit_code(137)
}
