//! What is no shutdown, other stop signals, sessions that end early, and events that are lost.

use nix::sys::signal::Signal;
use signal_trace_tests::suite::{
    Act, Class, Expect, MAIN, Place, Program, RTMIN_3, Scenario, Shell, scenario,
};

pub fn all() -> Vec<Scenario> {
    [no_shutdowns(), hang_ups(), stop_signals(), unfinished(), lossy()].concat()
}

/// Nothing at all must be reported.
fn no_shutdowns() -> Vec<Scenario> {
    let reload = |name, program| scenario(name, program).signal(0, Signal::SIGHUP).finish(0, 2800);
    let worker = |name| {
        scenario(name, Program::C("reaps & TERM:exit:0:0 & TERM:exit:0:0"))
            .signal_to(1, 0, Signal::SIGTERM)
            .finish(2, 2700)
            .finish(0, 2800)
    };
    vec![
        reload("Python: a reload", Program::Python("reload")),
        reload("dash: a reload of PID 1", Program::Shell(Shell::Dash, "hangup")).container(),
        reload("bash: a reload, in our cgroup", Program::Shell(Shell::Bash, "hangup")).shared(),
        scenario("C: a thread dump at SIGQUIT", Program::C("QUIT:swallow TERM:exit:0:0"))
            .container()
            .signal(0, Signal::SIGQUIT)
            .finish(0, 2800),
        reload(
            "nohup(1): SIGHUP is ignored",
            Program::Line(Shell::Dash, "echo READY $$; exec nohup sleep 1000 >/dev/null"),
        ),
        worker("C: one worker is told"),
        worker("C: one worker of PID 1 is told").container(),
        scenario("dash: timeout(1) stops its command", Program::Shell(Shell::Dash, "limit"))
            .finish(0, 2800),
        scenario(
            "bash: timeout(1) stops its command, below PID 1",
            Program::Shell(Shell::Bash, "limit"),
        )
        .container()
        .finish(0, 2800),
        scenario(
            "bash -c: timeout(1) is PID 1",
            Program::Line(Shell::Bash, "echo READY $$; exec timeout 1 sleep 5"),
        )
        .container(),
        scenario(
            "bash -c: timeout(1)",
            Program::Line(Shell::Bash, "echo READY $$; exec timeout 1 sleep 5"),
        )
        .shared(),
    ]
}

/// A workload that ends at a signal that may mean something else: reported, and nobody accused.
fn hang_ups() -> Vec<Scenario> {
    vec![
        scenario("C: ends at SIGINT", Program::C("INT:exit:10:0"))
            .signal(0, Signal::SIGINT)
            .ends(Expect::new("graceful", "graceful")),
        scenario("dash: ends at SIGHUP", Program::Shell(Shell::Dash, "exec"))
            .shared()
            .signal(0, Signal::SIGHUP)
            .ends(Expect::new("default-action", "default-action").info("no-stop-handler")),
        scenario("C: ends at SIGQUIT, PID 1", Program::C("QUIT:exit:10:0"))
            .container()
            .signal(0, Signal::SIGQUIT)
            .ends(Expect::new("graceful", "graceful")),
    ]
}

fn stop_signals() -> Vec<Scenario> {
    let graceful = || Expect::new("graceful", "graceful");
    let overran = || {
        Expect::new("forced", "overran")
            .by("parent")
            .error("grace-period-exceeded")
            .warning("handler-does-not-exit")
    };
    let all = vec![
        scenario("C: QUIT, as nginx is stopped", Program::C("QUIT:exit:30:0"))
            .container()
            .signal(0, Signal::SIGQUIT)
            .ends(graceful()),
        scenario("C: QUIT is passed on", Program::C("QUIT:forward + QUIT:exit:10:0"))
            .signal(0, Signal::SIGQUIT)
            .ends(graceful().process(1, "graceful").edges(&[(0, 1)])),
        scenario("dash: WINCH, as Apache is stopped", Program::Shell(Shell::Dash, "winch"))
            .container()
            .signal(0, Signal::SIGWINCH)
            .ends(graceful()),
        scenario("bash: WINCH, as Apache is stopped", Program::Shell(Shell::Bash, "winch"))
            .signal(0, Signal::SIGWINCH)
            .ends(graceful()),
        scenario("C: RTMIN+3, as systemd is stopped", Program::C("RTMIN+3:exit:10:0"))
            .container()
            .step(0, Act::Signal(MAIN, RTMIN_3))
            .ends(graceful()),
        scenario("C: RTMIN+3 is too little", Program::C("RTMIN+3:swallow"))
            .step(0, Act::Signal(MAIN, RTMIN_3))
            .kill(2300)
            .ends(overran()),
        scenario("C: RTMIN+3, no handler", Program::C("TERM:exit:0:0"))
            .shared()
            .step(0, Act::Signal(MAIN, RTMIN_3))
            .ends(Expect::new("default-action", "default-action").info("no-stop-handler")),
        scenario("C: USR1", Program::C("USR1:exit:10:0"))
            .shared()
            .signal(0, Signal::SIGUSR1)
            .ends(graceful()),
        scenario("C: USR1 is dropped by PID 1", Program::C("USR1:default"))
            .container()
            .signal(0, Signal::SIGUSR1)
            .kill(300)
            .ends(Expect::new("forced", "ignored").by("parent").error("pid1-ignores-stop-signal")),
        scenario("C: ignores QUIT, ends at TERM", Program::C("QUIT:ignore TERM:exit:10:0"))
            .signal(0, Signal::SIGQUIT)
            .signal(400, Signal::SIGTERM)
            .ends(
                Expect::new("graceful", "ignored")
                    .warning("stop-signal-mismatch")
                    .info("stop-signal-ignored"),
            ),
    ];
    all.into_iter().map(|one| one.class(Class::StopSignals)).collect()
}

/// The session ends while they still have time.
fn unfinished() -> Vec<Scenario> {
    let one = |name, program| scenario(name, program).class(Class::Unfinished).term().lasts(1_000);
    let running = || Expect::new("still-running", "running");
    vec![
        one("C: the session ends first", Program::C("TERM:exit:20000:0")).meanwhile(running()),
        one("Python: the session ends first, PID 1", Program::Python("exit 20"))
            .container()
            .meanwhile(running()),
        one(
            "C: the session ends first, and a child is not told",
            Program::C("TERM:exit:20000:0 + TERM:exit:0:0"),
        )
        .shared()
        .meanwhile(running().process(1, "running")),
    ]
}

/// Signals were lost in the middle of a shutdown, so nothing is sure.
fn lossy() -> Vec<Scenario> {
    let one = |name, program| {
        scenario(name, program)
            .class(Class::Lossy)
            .term()
            .ends(Expect::of("inconclusive").warning("events-lost"))
    };
    vec![
        one("C: events are lost, PID 1", Program::C("TERM:exit:2000:0")).container(),
        one("Python: events are lost, in our cgroup", Program::Python("exit 2")).shared(),
        one("C: events are lost, PID 1 in our cgroup", Program::C("TERM:sigwait:2000:0"))
            .at(Place::SharedPid1),
        // The last one: all have been told by then.
        one("C: events are lost", Program::C("TERM:exit:2000:0")).step(400, Act::LoseEvents),
    ]
}
