//! Programs that need too much of their grace, or all of it and more.

use nix::sys::signal::Signal;
use signal_trace_tests::suite::{Act, Class, Expect, Place, Program, Scenario, Shell, scenario};

pub fn all() -> Vec<Scenario> {
    [exceeded(), foreground(), nearly()].concat()
}

const EXCEEDED: &str = "grace-period-exceeded";
const NO_EXIT: &str = "handler-does-not-exit";
const NEARLY: &str = "grace-period-nearly-exceeded";

fn overran() -> Expect {
    Expect::new("forced", "overran").by("parent").error(EXCEEDED)
}

fn exceeded() -> Vec<Scenario> {
    let killed =
        |name, program| scenario(name, program).term().kill(1300).ends(overran().warning(NO_EXIT));
    let late = |name, program| {
        scenario(name, program).term().ends(Expect::new("graceful", "overran").warning(EXCEEDED))
    };
    vec![
        killed("Node: a handler that does not exit", Program::Node("swallow")),
        killed("Python: a handler that does not exit, PID 1", Program::Python("swallow"))
            .container(),
        killed("Ruby: a trap that does not exit", Program::Ruby("swallow")).shared(),
        killed("PHP: the job at hand takes too long", Program::Php("job")),
        // Who is killed before its time is over cannot be said to stay.
        scenario("C: killed while it cleans up, PID 1", Program::C("TERM:exit:5000:0"))
            .container()
            .term()
            .kill(300)
            .ends(overran()),
        late("Perl: done after the grace", Program::Perl("late")),
        late("C: done after the grace, PID 1", Program::C("TERM:exit:1400:0")).container(),
    ]
}

/// A shell runs its trap only when the foreground command has ended.
fn foreground() -> Vec<Scenario> {
    let shell = |name, shell| {
        let expect = overran().warning(NO_EXIT).error("stop-signal-not-forwarded");
        scenario(name, Program::Shell(shell, "foreground")).term().kill(1300).ends(expect)
    };
    vec![
        shell("dash: a foreground child holds up the trap", Shell::Dash).container(),
        shell("busybox sh: a foreground child holds up the trap", Shell::Busybox)
            .at(Place::SharedPid1),
        scenario(
            "bash: a foreground child holds up the trap",
            Program::Shell(Shell::Bash, "foreground"),
        )
        .term()
        .step(1300, Act::CgroupKill)
        .ends(
            Expect::new("forced", "overran")
                .by("cgroup-kill")
                .error(EXCEEDED)
                .warning(NO_EXIT)
                .error("stop-signal-not-forwarded"),
        ),
    ]
}

/// With a grace of two seconds.
fn nearly() -> Vec<Scenario> {
    let graceful = || Expect::new("graceful", "graceful");
    let all = vec![
        scenario("C: nearly the whole grace, PID 1", Program::C("TERM:exit:1700:0"))
            .container()
            .term()
            .ends(graceful().warning(NEARLY)),
        scenario("Python: nearly the whole grace", Program::Python("exit 1.7"))
            .term()
            .ends(graceful().warning(NEARLY)),
        scenario(
            "C: a worker needs nearly the whole grace",
            Program::C("TERM:forward + TERM:exit:1700:0"),
        )
        .shared()
        .term()
        .ends(graceful().process(1, "graceful").warning(NEARLY).edges(&[(0, 1)])),
        scenario(
            "C: sigwait, and nearly the whole grace, PID 1",
            Program::C("TERM:sigwait:1700:0"),
        )
        .at(Place::SharedPid1)
        .term()
        .ends(graceful().warning(NEARLY)),
        scenario("C: well within the grace", Program::C("TERM:exit:1200:0"))
            .container()
            .term()
            .ends(graceful()),
        scenario("C: told twice", Program::C("TERM:exit:1400:0"))
            .shared()
            .term()
            .signal(1060, Signal::SIGTERM)
            .ends(graceful().info("repeated-stop-signal")),
        scenario("Perl: told twice", Program::Perl("late"))
            .term()
            .signal(1060, Signal::SIGTERM)
            .ends(graceful().info("repeated-stop-signal")),
        scenario("C: told twice, sigwait, PID 1", Program::C("TERM:sigwait:1400:0"))
            .at(Place::SharedPid1)
            .term()
            .signal(1060, Signal::SIGTERM)
            .ends(graceful().info("repeated-stop-signal")),
        scenario("Perl: told twice, PID 1", Program::Perl("late"))
            .container()
            .term()
            .signal(1060, Signal::SIGTERM)
            .ends(graceful().info("repeated-stop-signal")),
        scenario("Node: killed after the grace", Program::Node("swallow"))
            .term()
            .kill(2300)
            .ends(overran().warning(NO_EXIT)),
    ];
    all.into_iter().map(|one| one.class(Class::TwoSeconds)).collect()
}
