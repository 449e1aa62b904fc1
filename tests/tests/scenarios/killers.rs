//! SIGKILL by everybody who can send it: the kernel, the node, and those who stop containers.

use signal_trace_tests::suite::{Act, Expect, From, MAIN, Place, Program, Scenario, Who, scenario};

pub fn all() -> Vec<Scenario> {
    [without_stop(), managers(), outsiders(), kernel(), oom(), suicide()].concat()
}

const UNASKED: &str = "killed-without-stop-signal";
const OUTSIDE: &str = "kill-from-outside";
const IGNORED: &str = "stop-signal-ignored";
const PID1: &str = "pid1-ignores-stop-signal";
const EXCEEDED: &str = "grace-period-exceeded";

fn killed(by: &'static str) -> Expect {
    Expect::new("forced", "killed").by(by)
}

fn without_stop() -> Vec<Scenario> {
    vec![
        scenario("C: killed by its parent", Program::C("TERM:exit:0:0"))
            .kill(0)
            .ends(killed("parent").warning(UNASKED)),
        scenario(
            "C: PID 1 killed by its parent, and its child with it",
            Program::C("TERM:forward + TERM:exit:0:0"),
        )
        .container()
        .kill(0)
        .ends(killed("parent").killed(1, "killed", "pidns-teardown").warning(UNASKED)),
        scenario("Python: cgroup.kill", Program::Python("alone"))
            .step(0, Act::CgroupKill)
            .ends(killed("cgroup-kill").killed(1, "killed", "cgroup-kill").warning(UNASKED)),
        scenario("Node: cgroup.kill, PID 1", Program::Node("exit"))
            .container()
            .step(0, Act::CgroupKill)
            .ends(killed("cgroup-kill").warning(UNASKED)),
        scenario("C: cgroup.kill after the grace, PID 1", Program::C("TERM:swallow"))
            .container()
            .term()
            .step(1300, Act::CgroupKill)
            .ends(
                Expect::new("forced", "overran")
                    .by("cgroup-kill")
                    .error(EXCEEDED)
                    .warning("handler-does-not-exit"),
            ),
    ]
}

/// Those whose work it is to stop others.
fn managers() -> Vec<Scenario> {
    let stopped = |name, program, exe| {
        scenario(name, program)
            .step(0, Act::Send(From::Named(exe), MAIN, libc::SIGTERM))
            .step(300, Act::Send(From::Named(exe), MAIN, libc::SIGKILL))
    };
    let killed_only = |name, exe| {
        scenario(name, Program::C("TERM:exit:0:0"))
            .step(0, Act::Send(From::Named(exe), MAIN, libc::SIGKILL))
    };
    let ignored = |by| Expect::new("forced", "ignored").by(by);
    vec![
        stopped("C: runc stops PID 1 that has no handler", Program::C("INT:default"), "runc")
            .container()
            .ends(ignored("runtime").error(PID1)),
        stopped(
            "C: a shim stops what takes too long",
            Program::C("TERM:swallow"),
            "containerd-shim-runc-v2",
        )
        .ends(Expect::new("forced", "overran").by("runtime").error(EXCEEDED)),
        stopped("C: the kubelet stops what ignores it", Program::C("TERM:ignore"), "kubelet")
            .ends(ignored("kubelet").error(IGNORED)),
        stopped(
            "Node: the kubelet stops what does not end, PID 1",
            Program::Node("swallow"),
            "kubelet",
        )
        .at(Place::SharedPid1)
        .ends(Expect::new("forced", "overran").by("kubelet").error(EXCEEDED)),
        killed_only("C: the kubelet kills", "kubelet")
            .shared()
            .ends(killed("kubelet").info(UNASKED)),
        killed_only("C: runc kills", "runc").ends(killed("runtime").warning(UNASKED)),
        scenario("C: systemd kills PID 1", Program::C("TERM:exit:0:0"))
            .container()
            .step(0, Act::Send(From::Systemd, MAIN, libc::SIGKILL))
            .ends(killed("systemd").warning(UNASKED)),
        killed_only("C: the kubelet kills PID 1", "kubelet")
            .container()
            .ends(killed("kubelet").warning(UNASKED)),
        scenario("C: systemd stops what ignores it", Program::C("TERM:ignore"))
            .step(0, Act::Send(From::Systemd, MAIN, libc::SIGTERM))
            .step(300, Act::Send(From::Systemd, MAIN, libc::SIGKILL))
            .ends(ignored("systemd").error(IGNORED)),
        scenario("C: systemd kills", Program::C("TERM:exit:0:0"))
            .shared()
            .step(0, Act::Send(From::Systemd, MAIN, libc::SIGKILL))
            .ends(killed("systemd").info(UNASKED)),
        // The name alone does not make a manager.
        killed_only("C: what is only called systemd kills PID 1", "systemd")
            .container()
            .ends(killed("host").warning(UNASKED).warning(OUTSIDE)),
        // PID 1 of a namespace, which has its service in a cgroup of its own.
        scenario(
            "C: systemd in a container kills a service",
            Program::Manager("systemd", "USR2:killkids:0:0 + SECOND-CGROUP TERM:exit:0:0"),
        )
        .container()
        .step(0, Act::Signal(MAIN, libc::SIGUSR2))
        .judges(1)
        .ends(Expect::of("forced").killed(1, "killed", "systemd").warning(UNASKED)),
    ]
}

/// Those whose work it is not.
fn outsiders() -> Vec<Scenario> {
    let by_host = |name| {
        scenario(name, Program::C("TERM:ignore"))
            .term()
            .step(300, Act::Send(From::Named("sender"), MAIN, libc::SIGKILL))
    };
    let ignored = || Expect::new("forced", "ignored").by("host");
    vec![
        by_host("C: killed from the node").ends(ignored().error(IGNORED).warning(OUTSIDE)),
        by_host("C: PID 1 killed from the node")
            .container()
            .ends(ignored().error(PID1).warning(OUTSIDE)),
        by_host("C: killed from the node, in our cgroup")
            .shared()
            .ends(ignored().error(IGNORED).info(OUTSIDE)),
        // Who asked before it killed has a right to: an escalation.
        scenario("C: stopped and then killed from the node", Program::C("TERM:ignore"))
            .step(0, Act::Send(From::Named("sender"), MAIN, libc::SIGTERM))
            .step(300, Act::Send(From::Named("sender"), MAIN, libc::SIGKILL))
            .ends(ignored().error(IGNORED)),
        scenario("C: stopped and then killed from another container", Program::C("TERM:ignore"))
            .step(0, Act::Send(From::Container, MAIN, libc::SIGTERM))
            .step(300, Act::Send(From::Container, MAIN, libc::SIGKILL))
            .ends(Expect::new("forced", "ignored").by("other-container").error(IGNORED)),
        scenario("C: killed from another container", Program::C("TERM:exit:0:0"))
            .step(0, Act::Send(From::Container, MAIN, libc::SIGKILL))
            .ends(killed("other-container").warning(UNASKED).warning(OUTSIDE)),
        scenario(
            "C: a worker killed from outside the cgroup, PID 1 goes on",
            Program::C("reaps TERM:exit:0:0 + TERM:exit:0:0"),
        )
        .container()
        .step(0, Act::Send(From::Namespace, Who(1), libc::SIGKILL))
        .finish(0, 2800)
        .meanwhile(
            Expect::new("forced", "running")
                .killed(1, "killed", "other-container")
                .warning(UNASKED)
                .warning(OUTSIDE),
        ),
        scenario(
            "C: a worker killed from outside the cgroup, while all stop",
            Program::C("TERM:waitkids + TERM:exit:0:0"),
        )
        .container()
        .term()
        .step(200, Act::Send(From::Namespace, Who(1), libc::SIGKILL))
        .ends(
            Expect::new("forced", "graceful")
                .killed(1, "not-signalled", "other-container")
                .error("stop-signal-not-forwarded")
                .warning(OUTSIDE),
        ),
    ]
}

/// The kernel on its own account.
fn kernel() -> Vec<Scenario> {
    let cpu = |name| {
        scenario(name, Program::C("USR2:burn"))
            .step(0, Act::Signal(MAIN, libc::SIGUSR2))
            .ends(killed("kernel").info(UNASKED))
    };
    vec![
        cpu("C: RLIMIT_CPU").shared(),
        cpu("C: RLIMIT_CPU, PID 1").container(),
        // It asked for it, so nobody forgot to tell it.
        scenario("C: PDEATHSIG", Program::C("TERM:exit:0:0 + pdeath TERM:exit:0:0"))
            .term()
            .ends(Expect::new("forced", "graceful").killed(1, "not-signalled", "kernel")),
        scenario(
            "C: PDEATHSIG, below PID 1",
            Program::C("TERM:forward + TERM:exit:0:0 + pdeath TERM:swallow"),
        )
        .container()
        .term()
        .ends(Expect::new("forced", "graceful").process(1, "graceful").killed(
            2,
            "not-signalled",
            "kernel",
        )),
    ]
}

fn oom() -> Vec<Scenario> {
    let main = || Expect::new("oom-killed", "oom-killed").by("oom-killer").error("oom-kill");
    let child = |name, words| {
        scenario(name, Program::C(words)).memory_limit().step(0, Act::Signal(Who(1), libc::SIGUSR2))
    };
    let worker = |main| {
        Expect::new("oom-killed", main).killed(1, "oom-killed", "oom-killer").error("oom-kill")
    };
    vec![
        scenario("C: needs too much memory to stop", Program::C("TERM:hog"))
            .memory_limit()
            .term()
            .ends(main()),
        scenario("C: PID 1 needs too much memory", Program::C("USR2:hog"))
            .container()
            .memory_limit()
            .step(0, Act::Signal(MAIN, libc::SIGUSR2))
            .ends(main()),
        child(
            "C: a worker needs too much memory, and the main process goes on",
            "reaps + USR2:hog",
        )
        .finish(0, 2800)
        .meanwhile(worker("running")),
        child("C: a worker needs too much memory, and PID 1 goes on", "reaps + USR2:hog")
            .container()
            .finish(0, 2800)
            .meanwhile(worker("running")),
        scenario(
            "C: a worker needs too much memory to stop",
            Program::C("TERM:forward + TERM:hog"),
        )
        .container()
        .memory_limit()
        .term()
        .ends(worker("graceful").edges(&[(0, 1)])),
    ]
}

fn suicide() -> Vec<Scenario> {
    let expect = || Expect::new("forced", "overran").by("self").warning("self-kill");
    vec![
        scenario("C: kills itself in its handler", Program::C("TERM:suicide:20"))
            .shared()
            .term()
            .ends(expect()),
        scenario("Python: kills itself in its handler", Program::Python("suicide"))
            .term()
            .ends(expect()),
        scenario(
            "C: a worker kills itself in its handler",
            Program::C("TERM:forward + TERM:suicide:20"),
        )
        .container()
        .term()
        .ends(Expect::new("forced", "graceful").killed(1, "overran", "self").warning("self-kill")),
        scenario(
            "C: one of two workers kills itself in its handler",
            Program::C("TERM:forward & TERM:suicide:20 & TERM:exit:0:0"),
        )
        .at(Place::SharedPid1)
        .term()
        .ends(
            Expect::new("forced", "graceful")
                .killed(1, "overran", "self")
                .process(2, "graceful")
                .warning("self-kill"),
        ),
        scenario("C: kills itself, unasked", Program::C("USR2:suicide"))
            .step(0, Act::Signal(MAIN, libc::SIGUSR2))
            .alone(0, "self-kill", "warning"),
        scenario("C: a worker kills itself, unasked", Program::C("reaps + USR2:suicide"))
            .container()
            .step(0, Act::Signal(Who(1), libc::SIGUSR2))
            .finish(0, 2800)
            .alone(1, "self-kill", "warning"),
    ]
}
