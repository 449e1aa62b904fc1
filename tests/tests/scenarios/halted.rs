//! Processes that cannot act on a signal: stopped, frozen, and out of SIGKILL's reach.

use nix::sys::signal::Signal;
use signal_trace_tests::suite::{Act, Class, Expect, Place, Program, Scenario, Shell, scenario};

pub fn all() -> Vec<Scenario> {
    let unhurried = [stopped(), frozen()].concat();
    let unhurried = unhurried.into_iter().map(|one| one.class(Class::TwoSeconds));
    unhurried.chain(unkillable()).collect()
}

fn overran() -> Expect {
    Expect::new("forced", "overran").by("parent").warning("grace-period-exceeded")
}

fn stopped() -> Vec<Scenario> {
    let one = |name, program| {
        scenario(name, program).signal(0, Signal::SIGSTOP).signal(100, Signal::SIGTERM)
    };
    vec![
        one("C: stopped, told and killed", Program::C("TERM:exit:0:0")).kill(400).ends(overran()),
        one("dash: stopped, told and killed", Program::Shell(Shell::Dash, "exec"))
            .shared()
            .kill(1500)
            .ends(overran()),
        one("Python: stopped, told and killed, PID 1", Program::Python("exit"))
            .container()
            .kill(400)
            .ends(overran()),
        one("Node: stopped, told and continued, PID 1", Program::Node("exit"))
            .container()
            .signal(400, Signal::SIGCONT)
            .ends(Expect::new("graceful", "graceful")),
        one("Perl: stopped, told and continued", Program::Perl("default"))
            .signal(400, Signal::SIGCONT)
            .ends(Expect::new("default-action", "default-action").info("no-stop-handler")),
    ]
}

fn frozen() -> Vec<Scenario> {
    let one = |name| {
        scenario(name, Program::C("TERM:exit:10:0"))
            .step(0, Act::Freeze(true))
            .signal(100, Signal::SIGTERM)
    };
    let thawed = || Expect::new("graceful", "graceful");
    vec![
        one("C: frozen, told and thawed").step(400, Act::Freeze(false)).ends(thawed()),
        one("C: frozen, told and thawed, PID 1")
            .container()
            .step(400, Act::Freeze(false))
            .ends(thawed()),
        one("C: frozen, told and killed").kill(400).ends(overran()),
        one("C: frozen, told and killed, PID 1").container().kill(400).ends(overran()),
        scenario("C: frozen by cgroup v1, told and thawed", Program::C("TERM:exit:10:0"))
            .step(0, Act::FreezeV1(true))
            .signal(100, Signal::SIGTERM)
            .step(400, Act::FreezeV1(false))
            .ends(thawed()),
    ]
}

/// The freezer of cgroup v1 holds back even SIGKILL.
fn unkillable() -> Vec<Scenario> {
    let alive = || Expect::new("still-running", "unkillable").error("unkillable-process");
    let begin = |name| {
        scenario(name, Program::C("TERM:exit:10:0")).step(0, Act::FreezeV1(true)).meanwhile(alive())
    };
    let told = |name| {
        begin(name)
            .signal(100, Signal::SIGTERM)
            .kill(300)
            .step(7500, Act::FreezeV1(false))
            .ends(overran())
    };
    let killed =
        |name, expect: Expect| begin(name).kill(100).step(7500, Act::FreezeV1(false)).ends(expect);
    let unasked = || Expect::new("forced", "killed").by("parent");
    let finding = "killed-without-stop-signal";
    vec![
        told("C: frozen, told, and lives on after SIGKILL"),
        told("C: frozen, told, and PID 1 lives on after SIGKILL").at(Place::SharedPid1),
        killed("C: frozen, and lives on after SIGKILL", unasked().info(finding)).shared(),
        killed("C: frozen, and PID 1 lives on after SIGKILL", unasked().warning(finding))
            .container(),
    ]
}
