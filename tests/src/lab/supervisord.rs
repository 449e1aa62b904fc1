//! Supervisord as PID 1 of a container, and what its programs are told.

use super::{
    System,
    bench::{self, Bench, Container},
    case::{Case, End, Got},
    says::{cut_off, graceful, left, overran, untold},
    supervised::{program, start},
};
use crate::expected::Expected;

pub(super) const SYSTEM: System = System {
    name: "supervisord",
    title: "Supervisord",
    about: "`supervisord` 4 as PID 1 of a Docker container. Its grace period is 30 s, but 45 s where `stopwaitsecs` is 30, and 10 s for the four programs.",
    run: |system| bench::run(system, CASES, |_| {}),
};

/// What a worker with long jobs is given.
const SEED: &str = "stopwaitsecs=30\nstopasgroup=true\nkillasgroup=true";
/// Stops on SIGQUIT, which is none of its business otherwise.
const QUITTER: &str = "python3 -uc \"import signal; \
                       signal.signal(signal.SIGQUIT, lambda *_: exit(0)); \
                       print('READY'); signal.pause()\"";
/// Stops in time.
const QUICK: &str = "/opt/st-proc handle 500 0";
/// Needs longer than it is given.
const SLOW: &str = "/opt/st-proc handle 20000 0";
/// Below a shell that does not live longer than it is told to.
const WRAPPED: &str = "bash -c \"/opt/st-proc handle 20000 0; echo wrapper done\"";
/// Stops last, and needs so long that who is left over outlives its parent.
const LAST: &str = "priority=1";

const CASES: &[Case<Bench>] = &[
    Case {
        name: "stopwaitsecs=30, stopasgroup=true, killasgroup=true; wrapper with trap : TERM",
        run: |bench| {
            let app = program(
                "app",
                "bash -c \"trap : TERM; /opt/st-proc handle 500 0; echo wrapper done\"",
                SEED,
            );
            let container = start(bench, "seed", 45, &app);
            let (wrapper, worker) = (container.process("bash"), container.process("/opt/st-proc"));
            let also = [("wrapper", wrapper), ("program", worker)];
            let also = also.map(|(what, pid)| of(what, pid, "graceful", "graceful")).to_vec();
            stop(&container, also, &["wrapper done", "stopped: app (exit status 0)"])
        },
        end: End::exits(0, 0.5..=25.0).with(&["wrapper done", "stopped: app (exit status 0)"]),
        says: |e| graceful(e).grace(45.0, "docker"),
    },
    Case {
        name: "stopwaitsecs=30, stopasgroup=true, killasgroup=true; no wrapper",
        run: |bench| stop_well(&start(bench, "plain", 45, &program("app", QUICK, SEED)), QUICK),
        end: End::exits(0, 0.5..=25.0).with(&["stopped: app (exit status 0)"]),
        says: |e| graceful(e).grace(45.0, "docker"),
    },
    Case {
        name: "wrapper with exec",
        run: |bench| {
            let command = "bash -c \"export MODE=x; exec /opt/st-proc handle 500 0\"";
            let app = program("app", command, "");
            stop_well(&start(bench, "exec", 30, &app), QUICK)
        },
        end: End::exits(0, 0.5..=25.0).with(&["stopped: app (exit status 0)"]),
        says: graceful,
    },
    Case {
        name: "wrapper, neither stopasgroup nor killasgroup",
        run: |bench| {
            let last = program("last", "/opt/st-proc handle 2000 0", LAST);
            let programs = program("app", WRAPPED, "") + &last;
            let container = start(bench, "no-group", 30, &programs);
            let worker = container.process("/opt/st-proc handle 20000");
            let left = of("program", worker, "forced", "not-signalled").finds("orphan-left-behind");
            let also = vec![left.says("process/killed_by", "pidns-teardown")];
            stop(&container, also, &["wrapper done", "stopped: app (terminated by SIGTERM)"])
        },
        end: End::exits(0, 2.0..=25.0).with(&["stopped: app (terminated by SIGTERM)"]),
        says: |e| left(e, "orphan-left-behind"),
    },
    Case {
        name: "wrapper without a trap, stopasgroup=true",
        run: |bench| {
            let container =
                start(bench, "untrapped", 30, &program("app", WRAPPED, "stopasgroup=true"));
            let worker = container.process("/opt/st-proc handle 20000");
            let left = of("program", worker, "forced", "overran").finds("pidns-teardown-kill");
            let also = vec![left.says("process/killed_by", "pidns-teardown")];
            stop(&container, also, &["stopped: app (terminated by SIGTERM)"])
        },
        end: End::exits(0, 0.0..=25.0).with(&["stopped: app (terminated by SIGTERM)"]),
        says: cut_off,
    },
    Case {
        name: "stopwaitsecs=1 expires, no wrapper",
        run: |bench| {
            let container = start(bench, "slow", 30, &program("app", SLOW, "stopwaitsecs=1"));
            let worker = container.process("/opt/st-proc");
            let cut = of("program", worker, "forced", "overran").finds("grace-period-exceeded");
            let also = vec![cut.says("process/killed_by", "supervisor").exit_code(137)];
            stop(&container, also, &["stopped: app (terminated by SIGKILL)"])
        },
        end: End::exits(0, 1.0..=25.0).with(&["stopped: app (terminated by SIGKILL)"]),
        says: |e| left(e, "grace-period-exceeded"),
    },
    Case {
        name: "stopwaitsecs=1 expires, wrapper with trap : TERM, killasgroup off",
        run: |bench| {
            let command = "bash -c \"trap : TERM; /opt/st-proc handle 20000 0; :\"";
            let last = program("last", "/opt/st-proc handle 2000 0", LAST);
            let programs = program("app", command, "stopwaitsecs=1") + &last;
            let container = start(bench, "kill-one", 30, &programs);
            let (wrapper, worker) =
                (container.process("bash"), container.process("/opt/st-proc handle 20000"));
            let both = |what, pid, verdict, killer| {
                of(what, pid, "forced", verdict)
                    .says("process/killed_by", killer)
                    .finds("grace-period-exceeded")
                    .finds("orphan-left-behind")
            };
            let also = vec![
                both("wrapper", wrapper, "overran", "supervisor"),
                both("program", worker, "not-signalled", "pidns-teardown"),
            ];
            stop(&container, also, &["stopped: app (terminated by SIGKILL)"])
        },
        end: End::exits(0, 3.0..=25.0).with(&["stopped: app (terminated by SIGKILL)"]),
        says: |e| {
            e.verdicts("forced", "graceful")
                .finds("grace-period-exceeded")
                .finds("orphan-left-behind")
        },
    },
    Case {
        name: "supervisorctl stop, stopwaitsecs=1 expires",
        run: |bench| {
            let container = start(bench, "ctl-slow", 30, &program("app", SLOW, "stopwaitsecs=1"));
            let worker = container.process("/opt/st-proc");
            container.exec(&["supervisorctl", "stop", "app"]);
            // The container goes on: that one program was stopped is no shutdown of it.
            let alone = Expected::alone("program", worker)
                .sent("SIGTERM", "supervisor")
                .sent("SIGKILL", "supervisor")
                .exit_code(137);
            stop(&container, vec![alone], &["stopped: app (terminated by SIGKILL)"])
        },
        end: End::exits(0, 0.0..=25.0).with(&["stopped: app (terminated by SIGKILL)"]),
        says: graceful,
    },
    Case {
        name: "supervisorctl stop, wrapper, no stopasgroup: the program lives on",
        run: |bench| {
            let container = start(bench, "ctl-orphan", 30, &program("app", WRAPPED, ""));
            let (wrapper, worker) = (container.process("bash"), container.process("/opt/st-proc"));
            container.exec(&["supervisorctl", "stop", "app"]);
            let alone = Expected::alone("wrapper", wrapper).sent("SIGTERM", "supervisor");
            let left = of("program", worker, "forced", "not-signalled")
                .finds("stop-signal-not-forwarded")
                .says("process/killed_by", "pidns-teardown");
            let lives = container.processes().contains(&worker);
            let also = vec![alone.exit_code(143), left];
            let mut got = stop(&container, also, &[]);
            got.facts.extend(lives.then(|| "the program ran on after supervisorctl".to_owned()));
            got
        },
        end: End::exits(0, 0.0..=25.0).with(&["the program ran on after supervisorctl"]),
        says: untold,
    },
    Case {
        name: "stopsignal=QUIT, a program that stops on it",
        run: |bench| {
            let container = start(bench, "quit", 30, &program("app", QUITTER, "stopsignal=QUIT"));
            let worker = container.process("python3 -uc");
            let quit = of("program", worker, "graceful", "graceful");
            let also = vec![quit.says("process/stop/signal", "SIGQUIT")];
            stop(&container, also, &["stopped: app (exit status 0)"])
        },
        end: End::exits(0, 0.0..=25.0).with(&["stopped: app (exit status 0)"]),
        says: graceful,
    },
    Case {
        name: "stopsignal not set, a program that stops on QUIT",
        run: |bench| {
            let container = start(bench, "no-quit", 30, &program("app", QUITTER, ""));
            let worker = container.process("python3 -uc");
            let also = vec![of("program", worker, "graceful", "default-action")];
            stop(&container, also, &["stopped: app (terminated by SIGTERM)"])
        },
        end: End::exits(0, 0.0..=25.0).with(&["stopped: app (terminated by SIGTERM)"]),
        says: graceful,
    },
    Case {
        name: "four programs of 4 s, one after another",
        run: |bench| {
            let container = start(bench, "sum", 10, &four(""));
            let last = container.process("/opt/st-proc handle 4001");
            let never = of("last program", last, "forced", "not-signalled")
                .finds("grace-period-exceeded")
                .finds("stop-signal-not-forwarded")
                .says("process/killed_by", "pidns-teardown");
            stop(&container, vec![never], &["stopped: p4", "stopped: p1"])
        },
        // Who has the highest priority number is first.
        end: End::exits(137, 10.0..=14.0).with(&["stopped: p4"]),
        says: |e| overran(e).finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "four programs of 4 s, in one [group:x]",
        run: |bench| {
            let programs = four("[group:x]\nprograms=p1,p2,p3,p4\n");
            let container = start(bench, "group", 10, &programs);
            let last = container.process("/opt/st-proc handle 4001");
            stop(
                &container,
                vec![of("last", last, "graceful", "graceful")],
                &["stopped: p4", "stopped: p1"],
            )
        },
        end: End::exits(0, 4.0..=9.8).with(&["stopped: p4", "stopped: p1"]),
        says: graceful,
    },
];

/// Programs that take longer together than the grace period is; and one section more.
fn four(more: &str) -> String {
    let sections = (1..=4).map(|place| {
        let command = format!("/opt/st-proc handle 400{place} 0");
        program(&format!("p{place}"), &command, &format!("stopwaitsecs=9\npriority={place}"))
    });
    sections.collect::<String>() + more
}

/// A process besides the main one.
fn of(what: &str, pid: i32, workload: &str, process: &str) -> Expected {
    Expected::of(what, pid).verdicts(workload, process)
}

/// Stops it; its only program, whose command line begins so, stops as it should.
fn stop_well(container: &Container<'_>, words: &str) -> Got {
    let also = vec![of("program", container.process(words), "graceful", "graceful")];
    stop(container, also, &["stopped: app (exit status 0)"])
}

/// Stops it; which of these texts its log has then are the facts.
fn stop(container: &Container<'_>, also: Vec<Expected>, texts: &[&str]) -> Got {
    let got = container.stop();
    let log = container.log();
    let facts = texts.iter().filter(|text| log.contains(**text)).map(ToString::to_string).collect();
    Got { facts, also, ..got }
}
