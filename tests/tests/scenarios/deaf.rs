//! Programs that the stop signal does not reach: ignored, dropped, blocked, or not the right one.

use nix::sys::signal::Signal;
use signal_trace_tests::suite::{Expect, Place, Program, Scenario, Shell, scenario};

pub fn all() -> Vec<Scenario> {
    [ignored(), pid1(), blocked(), other_signal(), still_running()].concat()
}

const IGNORED: &str = "stop-signal-ignored";
const PID1: &str = "pid1-ignores-stop-signal";
const BLOCKED: &str = "stop-signal-blocked";
const MISMATCH: &str = "stop-signal-mismatch";

fn forced(main: &'static str) -> Expect {
    Expect::new("forced", main).by("parent")
}

fn ignored() -> Vec<Scenario> {
    vec![
        scenario("dash: trap '' stays in force across exec", Program::Shell(Shell::Dash, "deaf"))
            .term()
            .kill(600)
            .ends(forced("ignored").error(IGNORED)),
        scenario("Perl: IGNORE", Program::Perl("ignore"))
            .shared()
            .term()
            .kill(1300)
            .ends(forced("ignored").error(IGNORED)),
        scenario(
            "env(1): told to ignore it",
            Program::Line(
                Shell::Bash,
                "trap '' TERM; echo READY $$; exec env --ignore-signal=TERM sleep 1000",
            ),
        )
        .term()
        .kill(600)
        .ends(forced("ignored").error(IGNORED)),
        scenario("C: ignores it, and is done in time", Program::C("TERM:ignore"))
            .term()
            .finish(0, 400)
            .ends(Expect::new("graceful", "ignored").info(IGNORED)),
        // A worker, and its manager that stops it in its own way.
        scenario(
            "C: a worker ignores it, and ends with its manager",
            Program::C("TERM:waitkids + TERM:ignore"),
        )
        .container()
        .term()
        .signal_to(1, 20, Signal::SIGTERM)
        .finish(1, 600)
        .ends(Expect::new("graceful", "graceful").process(1, "ignored").info(IGNORED)),
    ]
}

fn pid1() -> Vec<Scenario> {
    let one = |name, program, kill| {
        scenario(name, program).container().term().kill(kill).ends(forced("ignored").error(PID1))
    };
    // A shell as PID 1 hears nothing, so the child that it has not told is not its fault.
    let shell = |name, shell, kill| {
        let expect = forced("ignored")
            .killed(1, "not-signalled", "pidns-teardown")
            .error(PID1)
            .warning("stop-signal-not-forwarded")
            .never_told(&[1]);
        scenario(name, Program::Shell(shell, "forget")).container().term().kill(kill).ends(expect)
    };
    vec![
        one(
            "dash: exec of a program without handler, PID 1",
            Program::Shell(Shell::Dash, "exec"),
            600,
        ),
        one("PHP: SIG_IGN, PID 1", Program::Php("ignore"), 1300),
        one("Node: its own handler re-raises, PID 1", Program::Node("default"), 600),
        one("Rust: no handler, PID 1", Program::Rust("default"), 1300),
        one(
            "dash -c: the command is a child, PID 1",
            Program::Line(Shell::Dash, "echo READY $$; sleep 1000; exit 1"),
            600,
        )
        .ends(forced("ignored").error(PID1).warning("stop-signal-not-forwarded")),
        one(
            "awk: system() runs a child, PID 1",
            Program::Line(
                Shell::Dash,
                "echo READY $$; exec awk 'BEGIN { system(\"sleep 1000\") }'",
            ),
            600,
        )
        .ends(forced("ignored").error(PID1).warning("stop-signal-not-forwarded")),
        shell("dash: a child that is not told, PID 1", Shell::Dash, 1300),
        shell("bash: a child that is not told, PID 1", Shell::Bash, 600),
        shell("busybox sh: a child that is not told, PID 1", Shell::Busybox, 600)
            .at(Place::SharedPid1),
        scenario("dash: PID 1 is done in time", Program::Shell(Shell::Dash, "plain"))
            .container()
            .term()
            .finish(0, 400)
            .ends(Expect::new("graceful", "ignored").info(PID1)),
    ]
}

fn blocked() -> Vec<Scenario> {
    // It took the signal, whatever the mask says, and then did not end.
    let taken = |name, program, kill| {
        scenario(name, program)
            .term()
            .kill(kill)
            .ends(forced("overran").error("grace-period-exceeded"))
    };
    vec![
        scenario("C: blocked", Program::C("TERM:block"))
            .term()
            .kill(600)
            .ends(forced("blocked").error(BLOCKED)),
        scenario("Python: blocked, PID 1", Program::Python("block"))
            .container()
            .term()
            .kill(1300)
            .ends(forced("blocked").error(BLOCKED)),
        scenario("C: blocked, and done in time", Program::C("TERM:block"))
            .shared()
            .term()
            .finish(0, 400)
            .ends(Expect::new("graceful", "blocked").info(BLOCKED)),
        taken("C: sigwait, and stays", Program::C("TERM:sigwait:0:-1"), 600),
        taken("C: sigtimedwait, and stays", Program::C("TERM:sigtimedwait:0:-1"), 1300).container(),
        taken("C: signalfd, and stays", Program::C("TERM:signalfd:0:-1"), 1300).shared(),
        taken("C: signalfd, and stays, PID 1", Program::C("TERM:signalfd:0:-1"), 600).container(),
        taken("Python: sigtimedwait, and stays", Program::Python("sigwait -1"), 600),
    ]
}

/// It stops, but at another signal than the one it was sent.
fn other_signal() -> Vec<Scenario> {
    vec![
        scenario("C: ignores TERM, ends at QUIT", Program::C("TERM:ignore QUIT:exit:10:0"))
            .term()
            .signal(400, Signal::SIGQUIT)
            .ends(Expect::new("graceful", "ignored").warning(MISMATCH).info(IGNORED)),
        scenario("Python: ignores TERM, ends at QUIT", Program::Python("quit"))
            .shared()
            .term()
            .signal(400, Signal::SIGQUIT)
            .ends(Expect::new("graceful", "ignored").warning(MISMATCH).info(IGNORED)),
        scenario("C: PID 1 without a handler for TERM, ends at INT", Program::C("INT:exit:10:0"))
            .container()
            .term()
            .signal(400, Signal::SIGINT)
            .ends(Expect::new("graceful", "ignored").warning(MISMATCH).info(PID1)),
        scenario("C: PID 1 with a handler for QUIT only", Program::C("QUIT:exit:10:0"))
            .container()
            .term()
            .kill(600)
            .ends(forced("ignored").error(PID1).info(MISMATCH)),
        scenario("C: ignores TERM, has a handler for INT", Program::C("TERM:ignore INT:exit:0:0"))
            .term()
            .kill(600)
            .ends(forced("ignored").error(IGNORED).info(MISMATCH)),
        // Python has a handler of its own for SIGINT.
        scenario("Python: PID 1, no handler for TERM", Program::Python("interrupt"))
            .container()
            .term()
            .kill(600)
            .ends(forced("ignored").error(PID1).info(MISMATCH)),
    ]
}

/// Nobody sends SIGKILL in time: first it lives on, then it is killed after all.
fn still_running() -> Vec<Scenario> {
    let one = |name, words, verdict, finding| {
        scenario(name, Program::C(words))
            .term()
            .kill(2600)
            .meanwhile(Expect::new("still-running", verdict).error(finding))
            .ends(forced(verdict).error(finding))
    };
    vec![
        one("C: ignores it, and lives on", "TERM:ignore", "ignored", IGNORED),
        one("C: PID 1 without handler lives on", "INT:default", "ignored", PID1).container(),
        one("C: blocks it, and lives on", "TERM:block", "blocked", BLOCKED).shared(),
        scenario("C: handles it, and lives on", Program::C("TERM:swallow"))
            .at(Place::SharedPid1)
            .term()
            .kill(2600)
            .meanwhile(
                Expect::new("still-running", "overran")
                    .warning("grace-period-exceeded")
                    .warning("handler-does-not-exit"),
            )
            .ends(
                forced("overran").error("grace-period-exceeded").warning("handler-does-not-exit"),
            ),
    ]
}
