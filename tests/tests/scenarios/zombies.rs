//! The dead that nobody reaps, and the dead that only look like that.

use signal_trace_tests::suite::{Act, Place, Program, Scenario, Who, Zombie, scenario};

/// Long enough for a zombie to be called one; and for its age to double.
const CALLED: u64 = 7_000;
const DOUBLED: u64 = 11_500;

pub fn all() -> Vec<Scenario> {
    [found(), orphaned(), none()].concat()
}

const fn zombie(who: usize) -> Zombie {
    Zombie { who: Who(who), lines: 1, parent_sigchld: "default", orphaned: false }
}

fn found() -> Vec<Scenario> {
    vec![
        scenario("C: a child that is not reaped", Program::C("& quits"))
            .lasts(DOUBLED)
            .zombie(Zombie { lines: 2, ..zombie(1) }),
        scenario("Python: PID 1 does not reap", Program::Python("zombie"))
            .container()
            .lasts(DOUBLED)
            .zombie(Zombie { lines: 2, ..zombie(1) }),
        scenario("Perl: a child that is not reaped", Program::Perl("zombie"))
            .shared()
            .lasts(CALLED)
            .zombie(zombie(1)),
        scenario("C: a handler for SIGCHLD that does not reap", Program::C("CHLD:swallow & quits"))
            .lasts(CALLED)
            .zombie(Zombie { parent_sigchld: "handler", ..zombie(1) }),
        scenario(
            "C: three children that PID 1 does not reap",
            Program::C("& quits & quits & quits"),
        )
        .container()
        .lasts(CALLED)
        .zombie(zombie(1))
        .zombie(zombie(2))
        .zombie(zombie(3)),
        scenario("C: not reaped, from before the session", Program::C("& quits"))
            .early()
            .lasts(CALLED)
            .zombie(zombie(1)),
        scenario("Python: not reaped by PID 1, from before the session", Program::Python("zombie"))
            .container()
            .early()
            .lasts(CALLED)
            .zombie(zombie(1)),
    ]
}

/// Its parent ended before it did, and who is its parent now does not know of it.
fn orphaned() -> Vec<Scenario> {
    let one = |name, words| {
        scenario(name, Program::C(words))
            .finish(1, 0)
            .finish(2, 200)
            .lasts(CALLED)
            .zombie(zombie(1))
            .zombie(Zombie { orphaned: true, ..zombie(2) })
    };
    vec![
        one("C: an orphan that PID 1 does not reap", "+ TERM:exit:0:0 + TERM:exit:0:0").container(),
        one(
            "C: an orphan that a subreaper does not reap",
            "subreaper + TERM:exit:0:0 + TERM:exit:0:0",
        ),
    ]
}

fn none() -> Vec<Scenario> {
    vec![
        scenario("C: SIGCHLD is ignored", Program::C("autoreap & quits")).lasts(CALLED),
        scenario("Perl: SIGCHLD is ignored by PID 1", Program::Perl("autoreap"))
            .container()
            .lasts(CALLED),
        scenario("C: the main thread is dead, the process lives", Program::C("leader-exits"))
            .lasts(CALLED),
        scenario(
            "Rust: the main thread is dead, the process lives",
            Program::Rust("leader-exits default"),
        )
        .at(Place::Shared)
        .lasts(CALLED),
        scenario("C: reaped after two seconds", Program::C("USR2:waitkids + TERM:exit:0:0"))
            .container()
            .finish(1, 0)
            .step(2000, Act::Signal(Who(0), libc::SIGUSR2)),
    ]
}
