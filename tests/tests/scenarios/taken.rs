//! Programs that take the stop signal and end in time, by all the ways there are, or crash at it.

use nix::sys::signal::Signal;
use signal_trace_tests::suite::{Class, Expect, Place, Program, Scenario, Shell, scenario};

pub fn all() -> Vec<Scenario> {
    let all = [handlers(), consumers(), reraised(), default_actions(), crashes()].concat();
    // Interpreters need their time on a busy machine.
    all.into_iter().map(|one| one.class(Class::TwoSeconds)).collect()
}

fn graceful() -> Expect {
    Expect::new("graceful", "graceful")
}

fn handlers() -> Vec<Scenario> {
    let one = |name, program| scenario(name, program).term().ends(graceful());
    vec![
        one("C: a handler that works for a while", Program::C("TERM:exit:50:0")).shared(),
        one("C: a handler, on any thread", Program::C("threads TERM:exit:10:4")).container(),
        one("C: a handler, the main thread is gone", Program::C("leader-exits TERM:exit:0:6")),
        one("Python: sys.exit in a handler", Program::Python("exit")).container(),
        one("Python: exit code 137 is no SIGKILL", Program::Python("code 137")),
        one("Node: the server closes", Program::Node("exit")),
        one("Node: exit code 143 is no signal", Program::Node("code")).container(),
        one("Perl: a handler", Program::Perl("exit")).container(),
        one("Ruby: a trap", Program::Ruby("exit")).at(Place::SharedPid1),
        one("Ruby: a trap that lets jobs end", Program::Ruby("slow")),
        one("PHP: a handler", Program::Php("exit")).container(),
        one("bash: a trap, after the foreground command", Program::Shell(Shell::Bash, "short"))
            .container(),
        one("busybox sh: exit code 143", Program::Shell(Shell::Busybox, "code")),
    ]
}

fn consumers() -> Vec<Scenario> {
    let one = |name, words| scenario(name, Program::C(words)).term().ends(graceful());
    vec![
        one("C: sigwait", "TERM:sigwait:20:5").container(),
        one("C: sigtimedwait", "TERM:sigtimedwait:20:0"),
        one("C: signalfd", "TERM:signalfd:20:0").container(),
        scenario("Python: sigtimedwait", Program::Python("sigwait 0.1"))
            .shared()
            .term()
            .ends(graceful()),
    ]
}

/// A handler that cleans up, and then sends the same signal to its own process again.
fn reraised() -> Vec<Scenario> {
    let one = |name, program| scenario(name, program).term().ends(graceful());
    // The kernel drops it for PID 1.
    let deaf =
        |name, program| {
            scenario(name, program).container().term().kill(700).ends(
                Expect::new("forced", "ignored").by("parent").error("pid1-ignores-stop-signal"),
            )
        };
    vec![
        one("C: re-raised", Program::C("TERM:reraise:10:0")),
        one("Python: re-raised", Program::Python("reraise")),
        one("Node: re-raised", Program::Node("reraise")).shared(),
        one("Ruby: its own handler re-raises", Program::Ruby("default")).shared(),
        one("Ruby: re-raised", Program::Ruby("reraise")),
        one("C: re-raised by PID 1, which then exits", Program::C("TERM:reraise:10:3")).container(),
        one("Node: re-raised by PID 1, which then exits", Program::Node("reraise-exit"))
            .container(),
        deaf("C: re-raised by PID 1, which stays", Program::C("TERM:reraise:0:255")),
        deaf("Node: re-raised by PID 1, which stays", Program::Node("reraise")),
        deaf("Python: re-raised by PID 1, which stays", Program::Python("reraise")),
    ]
}

fn default_actions() -> Vec<Scenario> {
    let one = |name, program| {
        scenario(name, program)
            .term()
            .ends(Expect::new("default-action", "default-action").info("no-stop-handler"))
    };
    // A workload of its own, below a PID 1 that is none of it.
    let service = |name, words| {
        scenario(name, Program::Manager("manager", words))
            .container()
            .signal_to(1, 0, Signal::SIGTERM)
            .finish(0, 600)
            .judges(1)
            .ends(Expect::of("default-action").process(1, "default-action").info("no-stop-handler"))
    };
    vec![
        one("dash: exec of a program without handler", Program::Shell(Shell::Dash, "exec")),
        one(
            "busybox sh -c: a program without handler",
            Program::Line(Shell::Busybox, "echo READY $$; exec sleep 1000"),
        )
        .shared(),
        one("Perl: no handler", Program::Perl("default")),
        one("Python: no handler", Program::Python("default")).shared(),
        one("C: no handler, many threads", Program::C("threads")),
        // PID 1 passes it on: what it is to the child, not to itself, is the default action.
        scenario("C: PID 1 and a child without handler", Program::C("TERM:forward + "))
            .container()
            .term()
            .ends(graceful().process(1, "default-action").edges(&[(0, 1)])),
        // The main process of this workload is no PID 1, but it is in a namespace.
        service("C: no handler, in a namespace but not its PID 1", "reaps + SECOND-CGROUP"),
        service("C: the same, with threads", "reaps + SECOND-CGROUP threads"),
    ]
}

fn crashes() -> Vec<Scenario> {
    let one = |name, program| {
        scenario(name, program)
            .term()
            .ends(Expect::new("crashed", "crashed").error("crash-during-shutdown"))
    };
    vec![
        one("C: a segmentation fault in the handler", Program::C("TERM:segv:20")),
        one("C: the same as PID 1", Program::C("TERM:segv:20")).container(),
        one("Python: os.abort in the handler", Program::Python("abort")).shared(),
        scenario("C: a worker aborts", Program::C("TERM:forward + TERM:abort:10"))
            .container()
            .term()
            .ends(
                Expect::new("crashed", "graceful")
                    .process(1, "crashed")
                    .error("crash-during-shutdown")
                    .edges(&[(0, 1)]),
            ),
    ]
}
