//! Shell scripts that trap SIGTERM, or do not, as entrypoints of containers.

use std::time::Duration;

use super::{
    System,
    bench::{self, Bench, Container, read_only},
    case::{Case, End, Got},
    says::{cut_off, deaf, deaf_shell, graceful, overran, stuck, untold},
    supervised,
};
use crate::clock::Deadline;

pub(super) const SYSTEM: System = System {
    name: "shell",
    title: "Shell scripts",
    about: "bash and dash as PID 1 of a Docker container, with a grace period of 4 s (30 s with Supervisord). `$APP` has a handler and stops half a second after it was told; `$DEAF` has none. What the script would do after \
            that is its cleanup.",
    run: |system| bench::run(system, CASES, |_| {}),
};

const PROGRAMS: [&str; 2] = ["--env=APP=/opt/st-proc handle 500 3", "--env=DEAF=sleep 1000"];

const FOREGROUND: &str = "$APP; echo CLEANUP";
const TRAP_FOREGROUND: &str = "trap 'echo CLEANUP; exit 0' TERM; $APP; :";
const WAIT_ONCE: &str = "$APP & child=$!; trap 'kill -TERM $child' TERM; wait $child";
const WAIT_LOOP: &str = "$APP & child=$!; trap 'kill -TERM $child' TERM; \
                         while :; do wait $child; status=$?; kill -0 $child 2>/dev/null || break; \
                         done; echo CLEANUP; exit $status";
const WHOLE_GROUP: &str = "trap 'trap \"\" TERM; kill -TERM 0; wait; echo CLEANUP; exit 0' TERM; \
                           $APP & $APP & $APP & wait";
const EXIT_TRAP: &str = "trap 'echo CLEANUP' EXIT; $APP & wait";
const BOTH_TRAPS: &str = "$APP & child=$!; trap 'exit 143' TERM; \
                          trap 'kill $child; wait $child; echo CLEANUP' EXIT; wait $child";
const EXEC: &str = "echo preparing; exec $APP";
const TRAP_EXEC: &str = "trap 'echo CLEANUP; exit 0' TERM; echo READY; exec $DEAF";
const IGNORE_EXEC: &str = "trap '' TERM; echo READY; exec $DEAF";

/// What such entrypoints begin with: the trap is of the shell that `exec` ends.
const SUPERVISORD_EXEC: &str = "
cleanup() {
  echo CLEANUP
  supervisorctl stop all
  exit 0
}
trap cleanup SIGTERM SIGINT
exec supervisord
";
const SUPERVISORD_WAIT: &str = "
supervisord & child=$!
trap 'kill -TERM $child' TERM INT
while :; do
  wait $child; status=$?
  kill -0 $child 2>/dev/null || break
done
echo CLEANUP
exit $status
";

const CLEANED: &[&str] = &["the cleanup ran"];
const NOT_CLEANED: &[&str] = &["the cleanup did not run"];

const CASES: &[Case<Bench>] = &[
    Case {
        name: "no trap, $APP in the foreground (bash)",
        run: |bench| run(bench, "bash", FOREGROUND),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: deaf_shell,
    },
    Case {
        name: "no trap, $APP in the foreground (dash)",
        run: |bench| run(bench, "dash", FOREGROUND),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: deaf_shell,
    },
    Case {
        name: "exec $APP (dash)",
        run: |bench| run(bench, "dash", EXEC),
        end: End::exits(3, 0.5..=4.0).with(NOT_CLEANED),
        says: graceful,
    },
    Case {
        name: "trap, $APP in the foreground (bash)",
        run: |bench| run(bench, "bash", TRAP_FOREGROUND),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: |e| stuck(e).finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "trap, $APP in the foreground (dash)",
        run: |bench| run(bench, "dash", TRAP_FOREGROUND),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: |e| stuck(e).finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "trap that forwards, wait once (bash)",
        run: |bench| run(bench, "bash", WAIT_ONCE),
        end: End::exits(143, 0.0..=4.0).with(NOT_CLEANED),
        says: cut_off,
    },
    Case {
        name: "trap that forwards, wait once (dash)",
        run: |bench| run(bench, "dash", WAIT_ONCE),
        end: End::exits(143, 0.0..=4.0).with(NOT_CLEANED),
        says: cut_off,
    },
    Case {
        name: "trap that forwards, wait in a loop (bash)",
        run: |bench| run(bench, "bash", WAIT_LOOP),
        end: End::exits(3, 0.5..=4.0).with(CLEANED),
        says: graceful,
    },
    Case {
        name: "trap that forwards, wait in a loop (dash)",
        run: |bench| run(bench, "dash", WAIT_LOOP),
        end: End::exits(3, 0.5..=4.0).with(CLEANED),
        says: graceful,
    },
    Case {
        name: "trap that tells the process group, three times $APP (bash)",
        run: |bench| run(bench, "bash", WHOLE_GROUP),
        end: End::exits(0, 0.5..=4.0).with(CLEANED),
        says: graceful,
    },
    Case {
        name: "EXIT trap alone (bash)",
        run: |bench| run(bench, "bash", EXIT_TRAP),
        end: End::exits(143, 0.0..=4.0).with(CLEANED),
        says: untold,
    },
    Case {
        // It runs its EXIT trap when it exits, and a signal is no exit.
        name: "EXIT trap alone (dash)",
        run: |bench| run(bench, "dash", EXIT_TRAP),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: deaf_shell,
    },
    Case {
        name: "TERM trap that exits, EXIT trap that kills and waits (bash)",
        run: |bench| run(bench, "bash", BOTH_TRAPS),
        end: End::exits(143, 0.5..=4.0).with(CLEANED),
        says: graceful,
    },
    Case {
        name: "TERM trap that exits, EXIT trap that kills and waits (dash)",
        run: |bench| run(bench, "dash", BOTH_TRAPS),
        end: End::exits(143, 0.5..=4.0).with(CLEANED),
        says: graceful,
    },
    Case {
        name: "trap cleanup TERM; exec supervisord",
        run: |bench| entrypoint(bench, "trap-exec", SUPERVISORD_EXEC),
        end: End::exits(0, 0.5..=25.0).with(NOT_CLEANED),
        // The handler that took it is of another program than the one that set the trap.
        says: |e| graceful(e).says("process/process/comm", "supervisord"),
    },
    Case {
        name: "supervisord, trap that forwards, wait in a loop, cleanup",
        run: |bench| entrypoint(bench, "trap-wait", SUPERVISORD_WAIT),
        end: End::exits(0, 0.5..=25.0).with(CLEANED),
        says: |e| graceful(e).says("process/process/comm", "bash"),
    },
    Case {
        name: "trap cleanup TERM; exec $DEAF (bash)",
        run: |bench| run(bench, "bash", TRAP_EXEC),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: |e| deaf(e).says("process/process/comm", "sleep"),
    },
    Case {
        name: "trap '' TERM; exec $DEAF (bash)",
        run: |bench| run(bench, "bash", IGNORE_EXEC),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: deaf,
    },
    Case {
        name: "trap '' TERM; exec $DEAF, below tini (bash)",
        run: |bench| run_below(bench, &["tini", "--"], "bash", IGNORE_EXEC),
        end: End::exits(137, 4.0..=9.0).with(NOT_CLEANED),
        says: |e| overran(e).finds("stop-signal-ignored"),
    },
];

fn run(bench: &Bench, shell: &str, script: &str) -> Got {
    run_below(bench, &[], shell, script)
}

/// Runs a script in a container until each of its programs is in place, and stops that.
fn run_below(bench: &Bench, init: &[&str], shell: &str, script: &str) -> Got {
    let container = bench.start_unready(4, &PROGRAMS, &[init, &[shell, "-c", script]].concat());
    let wanted = script.matches("$APP").count() + script.matches("READY").count();
    Deadline::after(Duration::from_secs(60))
        .until("the programs to be up", || container.log().matches("READY").count() == wanted);
    stop(&container)
}

/// The same with a script that starts `supervisord`, which starts a program.
fn entrypoint(bench: &Bench, name: &str, script: &str) -> Got {
    let script = read_only(&bench.write(&format!("{name}.sh"), script), "/entrypoint.sh");
    let app = supervised::program("app", "/opt/st-proc handle 500 0", "");
    stop(&supervised::start_by(bench, name, 30, &app, &[&script], &["bash", "/entrypoint.sh"]))
}

fn stop(container: &Container<'_>) -> Got {
    let got = container.stop();
    let ran = container.log().contains("CLEANUP");
    let fact = if ran { CLEANED } else { NOT_CLEANED };
    Got { facts: fact.iter().map(ToString::to_string).collect(), ..got }
}
