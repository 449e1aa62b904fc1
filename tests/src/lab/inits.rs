//! Inits as PID 1 of a container: who reaps orphans, and whom the stop signal reaches.

use std::{ops::RangeInclusive, thread::sleep, time::Duration};

use super::{
    System, app,
    bench::{self, Bench},
    case::{Case, End, Got, run_all},
    says::{cut_off, graceful, left, overran, untold},
};
use crate::{expected::Expected, suite::procfs};

pub(super) const SYSTEM: System = System {
    name: "inits",
    title: "Inits",
    about: "tini, dumb-init, catatonit, s6 and `docker run --init` as PID 1, and none, each in a \
            container with a grace period of 10 s. *Zombies*: five orphans die, and eight seconds \
            later the zombies in the container are counted.",
    run: |system| {
        let (bench, session) = Bench::begin();
        prepare(&bench);
        // Most of their time they wait for zombies to be old.
        run_all(system, bench, session, CASES, 10)
    },
};

/// Orphans die 3 s after they began, when PID 1 surely is what it is going to be, and are told of
/// five seconds later.
const AGE: Duration = Duration::from_secs(11);
/// What the machine and the engine add to a stop of 0.3 s.
const SOON: RangeInclusive<f64> = 0.0..=8.0;
const AFTER_3S: RangeInclusive<f64> = 3.0..=10.0;

/// Children of a subshell that ends at once, so that PID 1 inherits them.
const ORPHANS: &str = "for i in 1 2 3 4 5; do (sleep 3 &); done; exec python3 /app/app.py 0.3";
/// A shell between the init and the program.
const IN_SHELL: &str = "python3 /app/app.py 0.5; echo bye";
/// The same, of a shell that waits for the program when it is told, too.
const WAITING: &str = "trap : TERM; python3 /app/app.py 0.5; echo bye";

/// A scan directory: one service as it should be, one that runs below a shell.
const S6: &str = "cp -r /s6/* /scan; chmod +x /scan/*/run; exec s6-svscan /scan";

fn prepare(bench: &Bench) {
    app::prepare(bench);
    let script = |text: &str| format!("#!/bin/sh\n{text}\n");
    bench.write("s6-orphans/app/run", &script(ORPHANS));
    bench.write("s6-shell/app/run", &script(IN_SHELL));
    let after_it = "until grep -q up /tmp/slow; do sleep 0.1; done";
    bench.write("s6-two/app/run", &script(&format!("{after_it}; {IN_SHELL}")));
    bench.write("s6-two/slow/run", &script("exec python3 /app/app.py 1.5 >/tmp/slow"));
}

const CASES: &[Case<Bench>] = &[
    // Who reaps.
    Case {
        name: "zombies: none, Python as PID 1",
        run: |bench| zombies(bench, &[], &["bash", "-c", ORPHANS]),
        end: End::exits(0, SOON).with(&["5 zombies"]),
        says: unreaped,
    },
    Case {
        name: "zombies: none, PHP as PID 1",
        run: |bench| {
            let script = "exec('for i in 1 2 3 4 5; do sleep 3 & done >/dev/null 2>&1'); \
                          pcntl_async_signals(true); pcntl_signal(SIGTERM, fn() => exit(0)); \
                          echo \"up\\n\"; while (true) sleep(60);";
            zombies(bench, &[], &["php", "-r", script])
        },
        end: End::exits(0, SOON).with(&["5 zombies"]),
        says: unreaped,
    },
    Case {
        name: "zombies: none, Ruby as PID 1",
        run: |bench| {
            let script = "5.times { spawn('sleep 3') }; trap('TERM') { exit }; $stdout.sync = true; puts 'up'; sleep";
            zombies(bench, &[], &["ruby", "-e", script])
        },
        end: End::exits(0, SOON).with(&["5 zombies"]),
        says: unreaped,
    },
    Case {
        name: "zombies: tini, children of a program that does not wait",
        run: |bench| {
            let script = "import signal, subprocess, sys\n\
                          signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n\
                          all = [subprocess.Popen(['sleep', '3']) for _ in range(5)]\n\
                          print('up', flush=True)\n\
                          while True: signal.pause()";
            zombies(bench, &[], &["tini", "--", "python3", "-c", script])
        },
        end: End::exits(0, SOON).with(&["5 zombies"]),
        says: unreaped,
    },
    Case {
        name: "zombies: bash as PID 1",
        run: |bench| {
            let script = "trap 'exit 0' TERM; for i in 1 2 3 4 5; do (sleep 3 &); done; \
                          echo up; while :; do sleep 0.1; done";
            zombies(bench, &[], &["bash", "-c", script])
        },
        end: End::exits(0, SOON).with(&["0 zombies"]),
        says: clean,
    },
    Case {
        name: "zombies: tini",
        run: |bench| zombies(bench, &[], &["tini", "--", "bash", "-c", ORPHANS]),
        end: End::exits(0, SOON).with(&["0 zombies"]),
        says: clean,
    },
    Case {
        name: "zombies: dumb-init",
        run: |bench| zombies(bench, &[], &["dumb-init", "--", "bash", "-c", ORPHANS]),
        end: End::exits(0, SOON).with(&["0 zombies"]),
        says: clean,
    },
    Case {
        name: "zombies: catatonit",
        run: |bench| zombies(bench, &[], &["catatonit", "--", "bash", "-c", ORPHANS]),
        end: End::exits(0, SOON).with(&["0 zombies"]),
        says: clean,
    },
    Case {
        name: "zombies: docker run --init",
        run: |bench| zombies(bench, &["--init"], &["bash", "-c", ORPHANS]),
        end: End::exits(0, SOON).with(&["0 zombies"]),
        says: clean,
    },
    Case {
        name: "zombies: s6-svscan",
        run: |bench| {
            let (options, words) = s6(bench, "s6-orphans");
            zombies(bench, &options.each_ref().map(String::as_str), &words)
        },
        end: End::exits(0, SOON).with(&["0 zombies"]),
        says: clean,
    },
    // Whom the signal reaches.
    Case {
        name: "tini, the program",
        run: |bench| stop(bench, &["tini", "--", "python3", "/app/app.py", "0.5"]),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: clean,
    },
    Case {
        name: "tini, a shell in between",
        run: |bench| stop(bench, &["tini", "--", "bash", "-c", IN_SHELL]),
        end: End::exits(143, SOON).with(&["the worker never knew"]),
        says: untold,
    },
    Case {
        name: "tini -g, a shell in between",
        run: |bench| cut(bench, &["tini", "-g", "--", "bash", "-c", IN_SHELL]),
        end: End::exits(143, SOON).with(&["work lost"]),
        says: cut_off,
    },
    Case {
        name: "tini -g, a shell that waits",
        run: |bench| stop(bench, &["tini", "-g", "--", "bash", "-c", WAITING]),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: clean,
    },
    Case {
        name: "dumb-init, the program",
        run: |bench| stop(bench, &["dumb-init", "--", "python3", "/app/app.py", "0.5"]),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: clean,
    },
    Case {
        name: "dumb-init, a shell in between",
        run: |bench| cut(bench, &["dumb-init", "--", "bash", "-c", IN_SHELL]),
        end: End::exits(143, SOON).with(&["work lost"]),
        says: cut_off,
    },
    Case {
        name: "dumb-init, a shell that waits",
        run: |bench| stop(bench, &["dumb-init", "--", "bash", "-c", WAITING]),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: clean,
    },
    Case {
        name: "dumb-init --single-child, a shell in between",
        run: |bench| stop(bench, &["dumb-init", "--single-child", "--", "bash", "-c", IN_SHELL]),
        end: End::exits(143, SOON).with(&["the worker never knew"]),
        says: untold,
    },
    Case {
        name: "dumb-init --rewrite 15:3, a program that stops on SIGQUIT",
        run: |bench| {
            let app = ["python3", "/app/app.py", "0.5", "QUIT"];
            stop(bench, &[&["dumb-init", "--rewrite", "15:3", "--"][..], &app].concat())
        },
        end: End::exits(0, SOON).with(&["work finished"]),
        says: clean,
    },
    Case {
        name: "catatonit, the program",
        run: |bench| stop(bench, &["catatonit", "--", "python3", "/app/app.py", "0.5"]),
        end: End::exits(0, SOON).with(&["work finished"]),
        says: clean,
    },
    Case {
        name: "catatonit, a shell in between",
        run: |bench| stop(bench, &["catatonit", "--", "bash", "-c", IN_SHELL]),
        end: End::exits(143, SOON).with(&["the worker never knew"]),
        says: untold,
    },
    Case {
        name: "tini, a program that ignores SIGTERM",
        run: |bench| {
            let script = "trap '' TERM; echo up; exec sleep 1000";
            bench.start(3, &[], &["tini", "--", "bash", "-c", script]).stop()
        },
        end: End::exits(137, AFTER_3S),
        says: |e| {
            // The init took it and waits for its child: it is late on account of that.
            overran(e).finds("stop-signal-ignored")
        },
    },
    Case {
        name: "s6, a shell in between",
        run: |bench| {
            let (options, words) = s6(bench, "s6-shell");
            app::stop(&app::start(bench, 10, &options.each_ref().map(String::as_str), &words))
        },
        end: End::exits(0, SOON).with(&["the worker never knew"]),
        says: untold,
    },
    Case {
        name: "s6, a shell in between, and a slower service",
        run: |bench| {
            let (options, words) = s6(bench, "s6-two");
            app::stop(&app::start(bench, 10, &options.each_ref().map(String::as_str), &words))
        },
        end: End::exits(0, 1.5..=9.0).with(&["the worker never knew"]),
        says: |e| left(e, "orphan-left-behind"),
    },
];

fn clean(e: Expected) -> Expected {
    graceful(e).grace(10.0, "docker")
}

fn unreaped(e: Expected) -> Expected {
    clean(e).finds("zombie-not-reaped")
}

fn stop(bench: &Bench, words: &[&str]) -> Got {
    app::stop(&app::start(bench, 10, &[], words))
}

/// The same, of a worker that may be killed before or after it gets to its handler.
fn cut(bench: &Bench, words: &[&str]) -> Got {
    let mut got = stop(bench, words);
    for fact in &mut got.facts {
        if ["work cut off", "the worker never knew"].contains(&fact.as_str()) {
            "work lost".clone_into(fact);
        }
    }
    got
}

/// A container whose scan directory is a copy of that folder: its options, and its command.
fn s6(bench: &Bench, name: &str) -> ([String; 2], [&'static str; 3]) {
    let folder = bench.docker.folder().file(name);
    ([bench::read_only(&folder, "/s6"), "--tmpfs=/scan:exec".to_owned()], ["sh", "-c", S6])
}

/// Stops it when its orphans, if they are zombies, have been that for long enough.
fn zombies(bench: &Bench, options: &[&str], words: &[&str]) -> Got {
    let container = app::start(bench, 10, options, words);
    sleep(AGE);
    let count = procfs::of_namespace(container.pid)
        .into_iter()
        .filter(|(pid, _)| procfs::state_of(*pid) == Some('Z'))
        .count();
    let mut got = container.stop();
    got.facts.push(format!("{count} zombies"));
    got
}
