//! Docker Compose: what its files say of the stop of a service.

use std::{ops::RangeInclusive, process::Command};

use super::{
    System, app,
    bench::{self, Bench, Container},
    case::{Case, End, Got},
};
use crate::{clock::parse_time, expected::Expected, image, programs};

pub(super) const SYSTEM: System = System {
    name: "compose",
    title: "Docker Compose",
    about: "`docker-compose` 1.29 of Debian with the same worker; the files name it, its grace \
            period and its stop signal, and `docker-compose stop` ends it.",
    // Its commands are slow to start, and the services slow to end.
    run: |system| bench::run_side_by_side(system, CASES, app::prepare, 6),
};

/// A handler of 0.3 s, and what Compose, the engine and the machine add.
const SOON: RangeInclusive<f64> = 0.0..=6.0;
const AFTER_2S: RangeInclusive<f64> = 2.0..=9.0;
const AFTER_3S: RangeInclusive<f64> = 3.0..=9.0;

const CASES: &[Case<Bench>] = &[
    Case {
        name: "no stop_grace_period, a stop of 12 s",
        run: |bench| stop_one(bench, "default", "command: python3 /app/app.py 12"),
        end: End::exits(137, 10.0..=17.0).with(&["work cut off"]),
        says: |e| {
            e.verdicts("forced", "overran")
                .grace(10.0, "docker")
                .finds("grace-period-exceeded")
                .finds("handler-does-not-exit")
                .says("process/killed_by", "runtime")
        },
    },
    Case {
        name: "stop_grace_period: 30s, stop_signal: SIGTERM",
        run: |bench| {
            stop_one(
                bench,
                "grace30",
                "command: python3 /app/app.py 3\nstop_grace_period: 30s\nstop_signal: SIGTERM",
            )
        },
        end: End::exits(0, AFTER_3S).with(&["work finished"]),
        says: |e| {
            e.verdicts("graceful", "graceful")
                .grace(30.0, "docker")
                .stop_signal("SIGTERM", "docker")
                .says("workload/labels/com.docker.compose.project", "grace30")
                .says("workload/labels/com.docker.compose.service", "web")
                .says("workload/name", "grace30_web_1")
        },
    },
    Case {
        name: "stop_grace_period: 45s, stop_signal: SIGTERM",
        run: |bench| {
            stop_one(
                bench,
                "grace45",
                "command: python3 /app/app.py 3\nstop_grace_period: 45s\nstop_signal: SIGTERM",
            )
        },
        end: End::exits(0, AFTER_3S).with(&["work finished"]),
        says: |e| {
            e.verdicts("graceful", "graceful")
                .grace(45.0, "docker")
                .stop_signal("SIGTERM", "docker")
                .says("workload/labels/com.docker.compose.project", "grace45")
        },
    },
    Case {
        name: "stop_grace_period: 30s, docker-compose stop -t 1",
        run: |bench| {
            let project = Project::new(
                bench,
                "override",
                &["web"],
                &of_web("command: python3 /app/app.py 3\nstop_grace_period: 30s"),
            );
            let web = project.up("web");
            app::with_work(&web, web.end(|| project.run(&["stop", "--timeout", "1"])))
        },
        end: End::exits(137, 1.0..=8.0).with(&["work cut off"]),
        says: |e| {
            e.verdicts("forced", "overran")
                .grace(30.0, "docker")
                .finds("grace-period-exceeded")
                .says("process/killed_by", "runtime")
                .says_within("grace/used_seconds", 0.9..=7.0)
        },
    },
    Case {
        name: "stop_grace_period: 2s, SIGTERM ignored",
        run: |bench| {
            stop_one(
                bench,
                "deaf",
                "command: [bash, -c, \"trap '' TERM; echo up; exec sleep 1000\"]\n\
                 stop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S),
        says: deaf,
    },
    Case {
        name: "no init, a program without a handler",
        run: |bench| {
            stop_one(
                bench,
                "noinit",
                "command: sh -c 'echo up; exec sleep 1000'\nstop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S),
        says: deaf,
    },
    Case {
        name: "init: true, a program without a handler",
        run: |bench| {
            stop_one(
                bench,
                "init",
                "command: sh -c 'echo up; exec sleep 1000'\nstop_grace_period: 2s\ninit: true",
            )
        },
        end: End::exits(143, SOON),
        says: |e| e.verdicts("graceful", "graceful").says("process/process/comm", "docker-init"),
    },
    Case {
        name: "command in a shell",
        run: |bench| {
            stop_one(
                bench,
                "shell",
                "command: sh -c 'python3 /app/app.py 0.3; echo bye'\nstop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S).with(&["the worker never knew"]),
        says: |e| deaf(e).finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "command in a shell, init: true",
        run: |bench| {
            stop_one(
                bench,
                "initshell",
                "command: sh -c 'python3 /app/app.py 0.3; echo bye'\nstop_grace_period: 2s\n\
                 init: true",
            )
        },
        end: End::exits(143, SOON).with(&["the worker never knew"]),
        says: |e| e.verdicts("forced", "graceful").finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "command in a shell, with exec",
        run: |bench| {
            stop_one(
                bench,
                "exec",
                "command: sh -c 'echo begin; exec python3 /app/app.py 0.3'\n\
                 stop_grace_period: 2s",
            )
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| e.verdicts("graceful", "graceful").grace(2.0, "docker"),
    },
    Case {
        name: "a program that stops on SIGQUIT",
        run: |bench| {
            stop_one(
                bench,
                "noquit",
                "command: python3 /app/app.py 0.3 QUIT\nstop_grace_period: 2s",
            )
        },
        end: End::exits(137, AFTER_2S).with(&["the worker never knew"]),
        says: |e| deaf(e).stop_signal("SIGTERM", "docker"),
    },
    Case {
        name: "a program that stops on SIGQUIT, stop_signal: SIGQUIT",
        run: |bench| {
            stop_one(
                bench,
                "quit",
                "command: python3 /app/app.py 0.3 QUIT\nstop_grace_period: 2s\n\
                 stop_signal: SIGQUIT",
            )
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| {
            e.verdicts("graceful", "graceful").grace(2.0, "docker").stop_signal("SIGQUIT", "docker")
        },
    },
    Case {
        name: "depends_on: who depends ends first",
        run: dependants,
        end: End::exits(0, 1.0..=9.0).with(&["work finished", "web ended before db was stopped"]),
        says: |e| {
            e.verdicts("graceful", "graceful")
                .says("workload/labels/com.docker.compose.service", "db")
        },
    },
];

fn deaf(e: Expected) -> Expected {
    e.verdicts("forced", "ignored")
        .grace(2.0, "docker")
        .finds("pid1-ignores-stop-signal")
        .says("process/killed_by", "runtime")
}

/// A project: files for Compose, and their containers.
struct Project<'a> {
    bench: &'a Bench,
    name: &'static str,
    files: [String; 2],
}

impl<'a> Project<'a> {
    /// Of these services; the file says what is special about them.
    fn new(bench: &'a Bench, name: &'static str, services: &[&str], file: &str) -> Self {
        let write = |file: &str, text: &str| {
            bench.write(&format!("{name}/{file}"), text).display().to_string()
        };
        // Where they run: what a user's file has in the image.
        let mut volumes = bench::mounts().to_vec();
        volumes.push(app::mount(bench));
        let base: Vec<_> = services
            .iter()
            .map(|service| {
                format!(
                    "  {service}:\n    image: {}\n    network_mode: none\n    \
                     volumes: {volumes:?}\n",
                    image::HOST
                )
            })
            .collect();
        let base = write("base.yml", &format!("services:\n{}", base.concat()));
        Self { bench, name, files: [base, write("docker-compose.yml", file)] }
    }

    /// Starts what is not up yet; the container of that service, when it is.
    fn up(&self, service: &str) -> Container<'a> {
        self.run(&["up", "--detach"]);
        let of =
            |what: &str, name: &str| format!("--filter=label=com.docker.compose.{what}={name}");
        let id = self.bench.docker.run(&[
            "ps",
            "--quiet",
            "--no-trunc",
            &of("project", self.name),
            &of("service", service),
        ]);
        let container = self.bench.adopt(id);
        container.until_it_says("up");
        container
    }

    fn run(&self, words: &[&str]) {
        let output = Command::new(programs::system("docker-compose", "docker-compose"))
            .env("DOCKER_HOST", format!("unix://{}", self.bench.docker.socket().display()))
            .env("DOCKER_CONFIG", self.bench.docker.folder().path())
            .args(["--project-name", self.name])
            .args(self.files.iter().flat_map(|file| ["--file", file]))
            .args(words)
            .output()
            .expect("docker-compose can be started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker-compose {words:?}: {said}");
    }
}

/// A file with this said of the one service.
fn of_web(lines: &str) -> String {
    let lines: Vec<_> = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!("services:\n  web:\n{}", lines.concat())
}

/// A project of one service, of which this is said, and its stop.
fn stop_one(bench: &Bench, name: &'static str, lines: &str) -> Got {
    let project = Project::new(bench, name, &["web"], &of_web(lines));
    let web = project.up("web");
    let got = web.end(|| project.run(&["stop"]));
    if lines.contains("app.py") { app::with_work(&web, got) } else { got }
}

/// Two services, one of which needs the other one until its end.
fn dependants(bench: &Bench) -> Got {
    let file = "services:\n  web:\n    command: python3 /app/app.py 1\n    depends_on: [db]\n  \
                db:\n    command: python3 /app/app.py 0.3\n";
    let project = Project::new(bench, "order", &["web", "db"], file);
    let (web, db) = (project.up("web"), project.up("db"));
    let mut got = app::with_work(&db, db.end(|| project.run(&["stop"])));
    let said = Expected::of("web", web.pid).exit_code(0).verdicts("graceful", "graceful");
    got.also.push(said.says("workload/labels/com.docker.compose.service", "web"));
    let ended = |container: &Container<'_>| {
        parse_time(&bench.docker.inspect(&container.id, "{{.State.FinishedAt}}"))
    };
    // Its own stop takes 0.3 s.
    let between = ended(&db) - ended(&web);
    if between >= 300_000_000 {
        got.facts.push("web ended before db was stopped".to_owned());
    }
    got
}
