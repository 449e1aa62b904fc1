//! Processes with children: told by each other, forgotten, waited for or left behind.

use nix::sys::signal::Signal;
use signal_trace_tests::suite::{
    Act, Class, Expect, From, MAIN, Place, Program, Scenario, Shell, Who, scenario,
};

pub fn all() -> Vec<Scenario> {
    let unhurried = [chains(), supervised(), peers()].concat();
    let unhurried = unhurried.into_iter().map(|one| one.class(Class::TwoSeconds));
    unhurried.chain([forgotten(), orphans(), teardown()].concat()).collect()
}

const NOT_FORWARDED: &str = "stop-signal-not-forwarded";
const EXCEEDED: &str = "grace-period-exceeded";
const ORPHAN: &str = "orphan-left-behind";

/// All of them told by the one above, and done in time.
fn chains() -> Vec<Scenario> {
    let pair = |name, program, child| {
        scenario(name, program)
            .term()
            .ends(Expect::new("graceful", "graceful").process(1, child).edges(&[(0, 1)]))
    };
    let three = |name, program, last| {
        scenario(name, program).term().ends(
            Expect::new("graceful", "graceful")
                .process(1, "graceful")
                .process(2, last)
                .edges(&[(0, 1), (1, 2)]),
        )
    };
    vec![
        three(
            "C: three levels",
            Program::C("TERM:forward + TERM:forward + TERM:exit:10:0"),
            "graceful",
        )
        .container(),
        three("Python: three levels", Program::Python("chain 2"), "graceful"),
        three("dash: three levels", Program::Shell(Shell::Dash, "levels 1 dash"), "default-action")
            .shared(),
        three(
            "bash: three levels, PID 1",
            Program::Shell(Shell::Bash, "levels 1 bash"),
            "default-action",
        )
        .at(Place::SharedPid1),
        pair("Node: forwards", Program::Node("forward"), "graceful").container(),
        pair("Ruby: forwards", Program::Ruby("forward"), "graceful"),
        pair("Perl: forwards", Program::Perl("forward"), "graceful").shared(),
        pair("PHP: forwards", Program::Php("forward"), "graceful").container(),
        pair("busybox sh: forwards", Program::Shell(Shell::Busybox, "forward"), "default-action"),
        scenario(
            "C: a pool of workers",
            Program::C("TERM:forward & TERM:exit:10:0 & TERM:sigwait:10:0 & TERM:signalfd:10:0"),
        )
        .term()
        .ends(
            Expect::new("graceful", "graceful")
                .process(1, "graceful")
                .process(2, "graceful")
                .process(3, "graceful")
                .edges(&[(0, 1), (0, 2), (0, 3)]),
        ),
    ]
}

/// Nobody told the child, and it was cut off or had to be waited for.
fn forgotten() -> Vec<Scenario> {
    let waits = |name| {
        scenario(name, Program::C("TERM:waitkids + TERM:exit:0:0")).term().finish(1, 1400).ends(
            Expect::new("graceful", "overran")
                .process(1, "not-signalled")
                .warning(EXCEEDED)
                .warning(NOT_FORWARDED)
                .never_told(&[1]),
        )
    };
    vec![
        scenario("dash: PID 1 exits and tells nobody", Program::Shell(Shell::Dash, "leave"))
            .container()
            .term()
            .ends(
                Expect::new("forced", "graceful")
                    .killed(1, "not-signalled", "pidns-teardown")
                    .error(NOT_FORWARDED)
                    .never_told(&[1]),
            ),
        scenario("bash: exits and tells nobody", Program::Shell(Shell::Bash, "leave"))
            .term()
            .signal_to(1, 500, Signal::SIGKILL)
            .ends(
                Expect::new("forced", "graceful")
                    .killed(1, "not-signalled", "parent")
                    .error(NOT_FORWARDED)
                    .never_told(&[1]),
            ),
        scenario("Node: exits and tells nobody, PID 1", Program::Node("alone"))
            .at(Place::SharedPid1)
            .term()
            .ends(
                Expect::new("forced", "graceful")
                    .killed(1, "not-signalled", "pidns-teardown")
                    .error(NOT_FORWARDED),
            ),
        waits("C: waits for a child that it has not told"),
        waits("C: PID 1 waits for a child that it has not told").container(),
    ]
}

/// Not told, and left behind by a parent that ended long before.
fn orphans() -> Vec<Scenario> {
    vec![
        scenario("bash: leaves its child behind", Program::Shell(Shell::Bash, "leave"))
            .term()
            .signal_to(1, 1600, Signal::SIGKILL)
            .ends(
                Expect::new("forced", "graceful")
                    .killed(1, "not-signalled", "parent")
                    .error(ORPHAN),
            ),
        scenario(
            "busybox sh -c: dies of it, and its command goes on",
            Program::Line(Shell::Busybox, "echo READY $$; sleep 1000; exit 1"),
        )
        .term()
        .step(1600, Act::CgroupKill)
        .ends(Expect::new("forced", "default-action").error(ORPHAN).info("no-stop-handler")),
        scenario("Python: leaves its child behind, which ends late", Program::Python("alone"))
            .shared()
            .term()
            .finish(1, 1600)
            .ends(Expect::new("graceful", "graceful").process(1, "not-signalled").warning(ORPHAN)),
        // KillMode=process: it is meant to go on.
        scenario("Python: systemd stops the main process alone", Program::Python("alone"))
            .step(0, Act::Send(From::Systemd, MAIN, libc::SIGTERM))
            .finish(1, 2300)
            .ends(Expect::new("graceful", "graceful").process(1, "not-signalled").info(ORPHAN)),
        scenario(
            "C: a worker leaves its child behind, PID 1 waits for it",
            Program::C("TERM:forward + TERM:exit:0:0 + TERM:swallow"),
        )
        .container()
        .term()
        .finish(2, 1600)
        .ends(
            Expect::new("graceful", "overran")
                .process(1, "graceful")
                .process(2, "not-signalled")
                .warning(EXCEEDED)
                .warning(ORPHAN)
                .edges(&[(0, 1)]),
        ),
        scenario(
            "C: a worker leaves its child behind, which is killed",
            Program::C("TERM:forward + TERM:exit:0:0 + TERM:swallow"),
        )
        .container()
        .term()
        .step(1600, Act::Send(From::Named("runc"), Who(2), libc::SIGKILL))
        .ends(
            Expect::new("forced", "overran")
                .process(1, "graceful")
                .killed(2, "not-signalled", "runtime")
                .warning(EXCEEDED)
                .error(ORPHAN),
        ),
    ]
}

/// A manager inside the workload, with a patience of its own.
fn supervised() -> Vec<Scenario> {
    let by_manager = |name, program, child| {
        scenario(name, program)
            .term()
            .ends(Expect::new("forced", "graceful").killed(1, child, "supervisor").edges(&[(0, 1)]))
    };
    let told = |scenario: Scenario, finding, severity: &str| {
        let expect = scenario.end.clone().unwrap_or_default();
        let expect = if severity == "error" { expect.error(finding) } else { expect.info(finding) };
        scenario.ends(expect)
    };
    vec![
        told(
            by_manager(
                "C: its manager kills a worker that ignores it",
                Program::C("TERM:supervise:300:0 + TERM:ignore"),
                "ignored",
            ),
            "stop-signal-ignored",
            "info",
        ),
        told(
            by_manager(
                "Python: its manager kills a worker that ignores it",
                Program::Python("supervise 0.3"),
                "ignored",
            ),
            "stop-signal-ignored",
            "info",
        )
        .container(),
        told(
            by_manager(
                "C: its manager kills a worker that blocks it",
                Program::C("TERM:supervise:300:0 + TERM:block"),
                "blocked",
            ),
            "stop-signal-blocked",
            "info",
        )
        .container(),
        told(
            by_manager(
                "Perl: its manager kills a worker that does not end",
                Program::Perl("supervise"),
                "overran",
            ),
            EXCEEDED,
            "error",
        )
        .shared(),
        scenario(
            "C: its manager kills a worker at once",
            Program::C("TERM:killkids:50:0 + TERM:exit:0:0"),
        )
        .container()
        .term()
        .ends(
            Expect::new("forced", "graceful")
                .killed(1, "not-signalled", "supervisor")
                .error(NOT_FORWARDED),
        ),
    ]
}

/// One worker kills another one, or its parent.
fn peers() -> Vec<Scenario> {
    let one = |name| {
        scenario(name, Program::C("TERM:forward & TERM:swallow & TERM:killpeer")).term().ends(
            Expect::new("forced", "graceful")
                .killed(1, "overran", "peer")
                .process(2, "graceful")
                .error(EXCEEDED)
                .edges(&[(0, 1), (0, 2)]),
        )
    };
    vec![
        one("C: a worker kills another one"),
        one("C: a worker kills another one, below PID 1").container(),
        one("C: a worker kills another one, below PID 1 in our cgroup").at(Place::SharedPid1),
        scenario("C: a worker kills its parent", Program::C("TERM:forward + TERM:killparent"))
            .shared()
            .term()
            .ends(
                Expect::new("forced", "overran").by("peer").process(1, "graceful").error(EXCEEDED),
            ),
    ]
}

/// With PID 1 ends all that is below it.
fn teardown() -> Vec<Scenario> {
    let cut_off = Expect::new("forced", "graceful")
        .killed(1, "overran", "pidns-teardown")
        .error("pidns-teardown-kill")
        .edges(&[(0, 1)]);
    vec![
        scenario(
            "C: PID 1 tells its child, and does not wait for it",
            Program::C("TERM:leave:100:0 + TERM:exit:900:0"),
        )
        .container()
        .term()
        .ends(cut_off.clone()),
        scenario(
            "C: PID 1 tells its child, and does not wait for it, in our cgroup",
            Program::C("TERM:leave:50:0 + TERM:swallow"),
        )
        .at(Place::SharedPid1)
        .term()
        .ends(cut_off),
        // Without any stop signal.
        scenario("C: PID 1 just ends", Program::C("TERM:exit:0:0 + TERM:exit:0:0"))
            .container()
            .finish(0, 100)
            .ends(
                Expect::new("forced", "not-signalled")
                    .killed(1, "killed", "pidns-teardown")
                    .info("pidns-teardown-kill"),
            ),
    ]
}
