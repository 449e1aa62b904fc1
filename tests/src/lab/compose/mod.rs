//! Docker Compose: what its files say of the stop of a service.

mod project;

use std::ops::RangeInclusive;

use self::project::{Compose, Project, Version, of_web};
use super::{
    System, app,
    bench::{Bench, Container},
    case::{Case, End, Got, run_all},
    row::Row,
    says::{deaf, graceful, overran, stuck, untold},
};
use crate::{clock::parse_time, expected::Expected};

pub(super) const VERSION_1: System = System {
    name: "compose-v1",
    title: "Docker Compose v1",
    about: "`docker-compose` 1.29 with the same worker; the files name it, its grace period and its \
            stop signal, and `docker-compose stop` ends it.",
    run: |system| run(system, Version::One),
};

pub(super) const VERSION_2: System = System {
    name: "compose",
    title: "Docker Compose",
    about: "`docker compose` 2.26 with the same worker; the files name it, its grace period and its \
            stop signal, and `docker compose stop` ends it.",
    run: |system| run(system, Version::Two),
};

fn run(system: &System, version: Version) -> Vec<Row> {
    let (bench, session) = Bench::begin();
    app::prepare(&bench);
    // Its commands are slow to start, and the services slow to end.
    run_all(system, Compose { bench, version }, session, CASES, 6)
}

/// A handler of 0.3 s, and what the engine and the machine add.
const SOON: RangeInclusive<f64> = 0.0..=8.0;
const AFTER_2S: RangeInclusive<f64> = 2.0..=10.0;
const AFTER_3S: RangeInclusive<f64> = 3.0..=12.0;

const CASES: &[Case<Compose>] = &[
    Case {
        name: "no stop_grace_period, a stop of 20 s",
        run: |compose| stop_one(compose, "default", "command: python3 /app/app.py 20"),
        end: End::exits(137, 10.0..=19.0).with(&["work cut off"]),
        says: |e| stuck(e).grace(10.0, "docker"),
    },
    Case {
        name: "stop_grace_period: 30s, stop_signal: SIGTERM",
        run: |compose| {
            let lines =
                "command: python3 /app/app.py 3\nstop_grace_period: 30s\nstop_signal: SIGTERM";
            let mut got = stop_one(compose, "grace30", lines);
            let name = compose.version.name("grace30", "web");
            got.also.push(Expected::of("the name", got.pid).says("workload/name", name));
            got
        },
        end: End::exits(0, AFTER_3S).with(&["work finished"]),
        says: |e| {
            graceful(e)
                .grace(30.0, "docker")
                .stop_signal("SIGTERM", "docker")
                .says("workload/labels/com.docker.compose.project", "grace30")
                .says("workload/labels/com.docker.compose.service", "web")
        },
    },
    Case {
        name: "stop_grace_period: 45s, stop_signal: SIGTERM",
        run: |compose| {
            stop_one(
                compose,
                "grace45",
                "command: python3 /app/app.py 3\nstop_grace_period: 45s\nstop_signal: SIGTERM",
            )
        },
        end: End::exits(0, AFTER_3S).with(&["work finished"]),
        says: |e| {
            graceful(e)
                .grace(45.0, "docker")
                .stop_signal("SIGTERM", "docker")
                .says("workload/labels/com.docker.compose.project", "grace45")
        },
    },
    Case {
        name: "stop_grace_period: 30s, compose stop -t 1",
        run: |compose| {
            let project = Project::new(
                compose,
                "override",
                &["web"],
                &of_web("command: python3 /app/app.py 5\nstop_grace_period: 30s"),
            );
            let web = project.up("web");
            app::with_work(&web, project.stop(&web, &["stop", "--timeout", "1"]))
        },
        end: End::exits(137, 1.0..=10.0).with(&["work cut off"]),
        says: |e| overran(e).grace(30.0, "docker").says_within("grace/used_seconds", 0.9..=4.9),
    },
    Case {
        name: "stop_grace_period: 2s, SIGTERM ignored",
        run: |compose| {
            stop_one(
                compose,
                "deaf",
                "command: [bash, -c, \"trap '' TERM; echo up; exec sleep 1000\"]\n\
                     stop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S),
        says: deaf_in_2s,
    },
    Case {
        name: "no init, a program without a handler",
        run: |compose| {
            stop_one(
                compose,
                "noinit",
                "command: sh -c 'echo up; exec sleep 1000'\nstop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S),
        says: deaf_in_2s,
    },
    Case {
        name: "init: true, a program without a handler",
        run: |compose| {
            stop_one(
                compose,
                "init",
                "command: sh -c 'echo up; exec sleep 1000'\nstop_grace_period: 10s\ninit: true",
            )
        },
        end: End::exits(143, SOON),
        says: |e| graceful(e).says("process/process/comm", "docker-init"),
    },
    Case {
        name: "command in a shell",
        run: |compose| {
            stop_one(
                compose,
                "shell",
                "command: sh -c 'python3 /app/app.py 0.3; echo bye'\nstop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S).with(&["the worker never knew"]),
        says: |e| deaf_in_2s(e).finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "command in a shell, init: true",
        run: |compose| {
            stop_one(
                compose,
                "initshell",
                "command: sh -c 'python3 /app/app.py 0.3; echo bye'\nstop_grace_period: 10s\n\
                     init: true",
            )
        },
        end: End::exits(143, SOON).with(&["the worker never knew"]),
        says: untold,
    },
    Case {
        name: "command in a shell, with exec",
        run: |compose| {
            stop_one(
                compose,
                "exec",
                "command: sh -c 'echo begin; exec python3 /app/app.py 0.3'\n\
                     stop_grace_period: 10s",
            )
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| graceful(e).grace(10.0, "docker"),
    },
    Case {
        name: "a program that stops on SIGQUIT",
        run: |compose| {
            stop_one(
                compose,
                "noquit",
                "command: python3 /app/app.py 0.3 QUIT\nstop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S).with(&["the worker never knew"]),
        says: |e| deaf_in_2s(e).stop_signal("SIGTERM", "docker"),
    },
    Case {
        name: "a program that stops on SIGQUIT, stop_signal: SIGQUIT",
        run: |compose| {
            stop_one(
                compose,
                "quit",
                "command: python3 /app/app.py 0.3 QUIT\nstop_grace_period: 10s\n\
                     stop_signal: SIGQUIT",
            )
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| graceful(e).grace(10.0, "docker").stop_signal("SIGQUIT", "docker"),
    },
    Case {
        name: "depends_on: who depends ends first",
        run: dependants,
        end: End::exits(0, 0.3..=8.0).with(&["work finished", "web ended before db was stopped"]),
        says: |e| graceful(e).says("workload/labels/com.docker.compose.service", "db"),
    },
];

fn deaf_in_2s(e: Expected) -> Expected {
    deaf(e).grace(2.0, "docker")
}

/// A project of one service, of which this is said, and its stop.
fn stop_one(compose: &Compose, name: &'static str, lines: &str) -> Got {
    let project = Project::new(compose, name, &["web"], &of_web(lines));
    let web = project.up("web");
    let got = project.stop(&web, &["stop"]);
    if lines.contains("app.py") { app::with_work(&web, got) } else { got }
}

/// Two services, one of which needs the other one until its end.
fn dependants(compose: &Compose) -> Got {
    let file = "services:\n  web:\n    command: python3 /app/app.py 1\n    depends_on: [db]\n  \
                db:\n    command: python3 /app/app.py 0.3\n";
    let project = Project::new(compose, "order", &["web", "db"], file);
    let (web, db) = (project.up("web"), project.up("db"));
    let mut got = app::with_work(&db, project.stop(&db, &["stop"]));
    let said = Expected::of("web", web.pid).exit_code(0).verdicts("graceful", "graceful");
    got.also.push(said.says("workload/labels/com.docker.compose.service", "web"));
    let ended = |container: &Container<'_>| {
        parse_time(&compose.bench.docker.inspect(&container.id, "{{.State.FinishedAt}}"))
    };
    // Its own stop takes 0.3 s.
    let between = ended(&db) - ended(&web);
    if between >= 300_000_000 {
        got.facts.push("web ended before db was stopped".to_owned());
    }
    got
}
