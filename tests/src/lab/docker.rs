//! Docker: how a container is started, and how it is stopped.

use std::{ops::RangeInclusive, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    System, app,
    bench::{self, Bench},
    case::{Case, End, Got},
    says::{deaf, graceful, killed, oom_killed, overran, untold},
};
use crate::{
    clock::{boot_ns, wall_ns},
    expected::Expected,
};

pub(super) const SYSTEM: System = System {
    name: "docker",
    title: "Docker",
    about: "A worker in Python that needs a known time to stop in order, in a container of Docker. \
            The grace period is that of `--stop-timeout`.",
    run: |system| bench::run(system, CASES, prepare),
};

const APP: &[&str] = &["python3", "/app/app.py", "0.3"];
const SLOW: &[&str] = &["python3", "/app/app.py", "5"];
const EXEC_FORM: &str = "st-lab.local/exec-form";
const SHELL_FORM: &str = "st-lab.local/shell-form";
const SHELL_EXEC: &str = "st-lab.local/shell-exec";
const STOPS_BY_QUIT: &str = "st-lab.local/stops-by-quit";

/// A handler of 0.3 s, and what the engine and the machine add.
const SOON: RangeInclusive<f64> = 0.0..=8.0;
/// A grace period of 2 s is used up.
const AFTER_2S: RangeInclusive<f64> = 2.0..=10.0;

fn prepare(bench: &Bench) {
    app::prepare(bench);
    for (name, instructions) in [
        (EXEC_FORM, r#"CMD ["python3", "/app/app.py", "0.3"]"#),
        (SHELL_FORM, "CMD python3 /app/app.py 0.3"),
        (SHELL_EXEC, "CMD echo begin; exec python3 /app/app.py 0.3"),
        (STOPS_BY_QUIT, "STOPSIGNAL SIGQUIT\nCMD [\"python3\", \"/app/app.py\", \"0.3\"]"),
    ] {
        bench.make_image(name, instructions);
    }
}

const CASES: &[Case<Bench>] = &[
    Case {
        name: "memory limit, a child takes too much",
        run: child_takes_too_much,
        end: End::exits(137, SOON).with(&["PID 1 went on, and ended with 0"]),
        says: |e| oom_killed(e).says("process/main", false),
    },
    Case {
        name: "CMD in exec form",
        run: |bench| app::stop(&app::start_image(bench, EXEC_FORM, 10, &[], &[])),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| {
            graceful(e)
                .grace(10.0, "docker")
                .stop_signal("SIGTERM", "docker")
                .says("workload/image", EXEC_FORM)
        },
    },
    Case {
        name: "CMD in shell form",
        run: |bench| app::stop(&app::start_image(bench, SHELL_FORM, 2, &[], &[])),
        end: End::exits(137, AFTER_2S).with(&["the worker never knew"]),
        says: |e| {
            deaf_in_2s(e).finds("stop-signal-not-forwarded").says("process/process/comm", "sh")
        },
    },
    Case {
        name: "CMD in shell form, with exec",
        run: |bench| app::stop(&app::start_image(bench, SHELL_EXEC, 10, &[], &[])),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| graceful(e).says("process/process/comm", "python3"),
    },
    Case {
        name: "PID 1 without a handler",
        run: |bench| bench.start(2, &[], &["sh", "-c", "echo up; exec sleep 1000"]).stop(),
        end: End::exits(137, AFTER_2S),
        says: deaf_in_2s,
    },
    Case {
        name: "PID 1 without a handler, --init",
        run: |bench| bench.start(10, &["--init"], &["sh", "-c", "echo up; exec sleep 1000"]).stop(),
        end: End::exits(143, SOON),
        says: |e| graceful(e).says("process/process/comm", "docker-init"),
    },
    Case {
        name: "--init, a shell in between",
        run: |bench| {
            let words = ["sh", "-c", "python3 /app/app.py 0.3; echo bye"];
            app::stop(&app::start(bench, 10, &["--init"], &words))
        },
        end: End::exits(143, SOON).with(&["the worker never knew"]),
        says: untold,
    },
    Case {
        name: "a stop of 5 s, grace 2 s",
        run: |bench| app::stop(&app::start(bench, 2, &[], SLOW)),
        end: End::exits(137, AFTER_2S).with(&["work cut off"]),
        says: |e| {
            overran(e)
                .grace(2.0, "docker")
                // It had all of its time.
                .finds("handler-does-not-exit")
                .says_within("grace/used_seconds", 1.9..=4.9)
        },
    },
    Case {
        name: "a stop of 5 s, grace 30 s",
        run: |bench| app::stop(&app::start(bench, 30, &[], SLOW)),
        end: End::exits(0, 5.0..=15.0).with(&["work finished"]),
        says: |e| graceful(e).grace(30.0, "docker"),
    },
    Case {
        name: "a stop of 5 s, grace 30 s, docker stop -t 1",
        run: |bench| {
            let container = app::start(bench, 30, &[], SLOW);
            app::with_work(&container, container.end_by(&["stop", "--time", "1"]))
        },
        end: End::exits(137, 1.0..=10.0).with(&["work cut off"]),
        says: |e| overran(e).grace(30.0, "docker").says_within("grace/used_seconds", 0.9..=4.9),
    },
    Case {
        name: "--stop-signal, handled",
        run: |bench| {
            let words = ["python3", "/app/app.py", "0.3", "QUIT"];
            app::stop(&app::start(bench, 10, &["--stop-signal=SIGQUIT"], &words))
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| graceful(e).stop_signal("SIGQUIT", "docker"),
    },
    Case {
        name: "STOPSIGNAL of the image, not handled",
        run: |bench| app::stop(&app::start_image(bench, STOPS_BY_QUIT, 2, &[], &[])),
        end: End::exits(137, AFTER_2S).with(&["the worker never knew"]),
        says: |e| deaf_in_2s(e).stop_signal("SIGQUIT", "docker"),
    },
    Case {
        name: "docker kill --signal TERM",
        run: |bench| {
            let container = app::start(bench, 10, &[], APP);
            app::with_work(&container, container.end_by(&["kill", "--signal", "TERM"]))
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: graceful,
    },
    Case {
        name: "docker kill",
        run: |bench| {
            let container = app::start(bench, 2, &[], APP);
            app::with_work(&container, container.end_by(&["kill"]))
        },
        end: End::exits(137, SOON).with(&["the worker never knew"]),
        says: killed,
    },
    Case { name: "docker rm -f", run: removed, end: End::exits(137, SOON), says: killed },
    Case {
        name: "paused, and then stopped",
        run: |bench| {
            let container = app::start(bench, 10, &[], APP);
            bench.docker.run(&["pause", &container.id]);
            app::stop(&container)
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: graceful,
    },
    Case {
        // As a daemon does: its parent ended long before.
        name: "a child that left its parent",
        run: |bench| {
            let script = "(sleep 1000 &); exec python3 /app/app.py 1.5";
            app::stop(&app::start(bench, 10, &[], &["sh", "-c", script]))
        },
        end: End::exits(0, 1.5..=9.0).with(&["work finished"]),
        says: untold,
    },
    Case {
        // Nobody inside could tell it.
        name: "a session of docker exec",
        run: |bench| {
            let container = app::start(bench, 10, &[], APP);
            bench.docker.exec(&container.id, &["sleep", "1000"]);
            app::stop(&container)
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: |e| e.verdicts("forced", "graceful"),
    },
    Case {
        name: "memory limit, PID 1 takes too much",
        run: |bench| {
            let container = app::start(bench, 2, LIMIT, APP);
            let mut got = container.end_by(&["kill", "--signal", "USR1"]);
            let oom = bench.docker.inspect(&container.id, "{{.State.OOMKilled}}");
            got.facts.push(format!("OOMKilled is {oom}"));
            got
        },
        end: End::exits(137, SOON).with(&["OOMKilled is true"]),
        says: |e| oom_killed(e).says("process/main", true),
    },
];

const LIMIT: &[&str] = &["--memory=64m", "--memory-swap=64m"];

fn deaf_in_2s(e: Expected) -> Expected {
    deaf(e).grace(2.0, "docker")
}

/// What is gone cannot be inspected: the engine told how it ended when it did.
fn removed(bench: &Bench) -> Got {
    let container = app::start(bench, 2, &[], APP);
    let (before, begun) = (wall_ns(), boot_ns());
    bench.docker.run(&["rm", "--force", &container.id]);
    let seconds = Duration::from_nanos(boot_ns() - begun).as_secs_f64();
    let told = "{{.Action}} {{.Actor.Attributes.exitCode}}";
    let events = bench.docker.events(&container.id, before, told);
    let exit_code = events.iter().find_map(|event| event.strip_prefix("die "));
    Got {
        id: container.id.clone(),
        pid: container.pid,
        exit_code: exit_code.and_then(|code| code.parse().ok()).expect("it was killed"),
        seconds,
        facts: Vec::new(),
        also: Vec::new(),
    }
}

/// Docker need not call that an OOM kill: its container goes on. This is about the child.
fn child_takes_too_much(bench: &Bench) -> Got {
    let script = "trap 'exit 0' TERM; python3 /app/app.py 0 & wait $!; echo child $?; \
                  while :; do sleep 0.1; done";
    let container = app::start(bench, 10, LIMIT, &["bash", "-c", script]);
    let child = container.pids_of("python3 /app/app.py", 1)[0];
    let before = boot_ns();
    kill(Pid::from_raw(child), Signal::SIGUSR1).expect("it lives: PID 1 waits for it");
    container.until_it_says("child ");
    let seconds = Duration::from_nanos(boot_ns() - before).as_secs_f64();
    let log = container.log();
    let code = log.lines().find_map(|line| line.strip_prefix("child ")?.trim().parse().ok());
    let main = container.stop();
    Got {
        id: main.id,
        pid: child,
        exit_code: code.expect("bash tells a number"),
        seconds,
        facts: vec![format!("PID 1 went on, and ended with {}", main.exit_code)],
        also: vec![Expected::of("PID 1", main.pid).exit_code(0).verdicts("graceful", "graceful")],
    }
}
