//! Laravel's `queue:work`, by itself, below a shell, and below Supervisord.

mod queue;

use std::time::Duration;

use serde_json::Value;

use self::queue::Queue;
use super::{
    System,
    bench::{self, Bench, Container},
    case::{Case, End, Got},
    says::{deaf, deaf_shell, graceful, killed_untold, left, stuck},
};
use crate::{clock::Deadline, expected::Expected};

pub(super) const SYSTEM: System = System {
    name: "laravel",
    title: "Laravel queue workers",
    about: "`php artisan queue:work` of Laravel 8 with the database driver (SQLite) in a Docker container; *docker-init* is what `docker run --init` starts. After the stop the table \
            `jobs` is asked: a job that is *still reserved* has no worker, and is tried again only when `retry_after` (90 s) is over.",
    run: |system| bench::run(system, CASES, |_| {}),
};

const CASES: &[Case<Bench>] = &[
    Case {
        name: "idle",
        run: |bench| {
            let queue = Queue::new(bench);
            let container = queue.start(10, &[], &work("--sleep=3"));
            queue.push("0");
            queue.until_done(1);
            queue.account(container.stop())
        },
        end: End::exits(0, 0.0..=6.0).with(&["1 job done"]),
        says: |e| graceful(e).grace(10.0, "docker"),
    },
    Case {
        name: "a job of 3 s, grace 10",
        run: |bench| stop_in_job(bench, "3", 10, &work("")),
        end: End::exits(0, 0.3..=7.0).with(&["1 job done"]),
        says: graceful,
    },
    Case {
        name: "a job of 60 s, grace 2",
        run: |bench| stop_in_job(bench, "60", 2, &work("")),
        end: End::exits(137, 2.0..=6.0).with(&["1 job still reserved"]),
        says: |e| stuck(e).grace(2.0, "docker"),
    },
    Case {
        name: "a job of 60 s, --timeout=2, below docker-init, nobody stops it",
        run: |bench| {
            let (queue, container, worker) = idle_below_init(bench, "--timeout=2");
            queue.push("60");
            let mut got = queue.account(container.wait());
            let said = Expected::of("the worker", worker).without_shutdown().exit_code(137);
            got.also.push(said.in_workload(&got.id).finds("self-kill"));
            got
        },
        end: End::exits(137, 0.0..=12.0).with(&["1 job still reserved"]),
        says: |e| e.without_shutdown().finds("self-kill"),
    },
    Case {
        name: "a job of 60 s, --timeout=2, as PID 1, nobody stops it",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            queue.account(queue.start_working(10, &work("--timeout=2")).wait())
        },
        // The kernel drops what PID 1 sends to itself.
        end: End::exits(1, 0.0..=6.0).with(&["1 job still reserved"]),
        says: Expected::without_shutdown,
    },
    Case {
        name: "a job of 60 s, --timeout=5, below docker-init, grace 10",
        run: |bench| {
            let (queue, container, worker) = idle_below_init(bench, "--timeout=5");
            queue.push("60");
            container.until_it_says("working");
            let mut got = queue.account(container.stop());
            let said = Expected::of("the worker", worker).verdicts("forced", "overran");
            let said = said.says("process/killed_by", "self").exit_code(137);
            got.also.push(said.finds("self-kill"));
            got
        },
        end: End::exits(137, 0.0..=9.0).with(&["1 job still reserved"]),
        says: |e| left(e, "self-kill"),
    },
    Case {
        name: "a job of 1 s, without pcntl, grace 3",
        run: |bench| stop_in_job(bench, "1", 3, &without_pcntl()),
        end: End::exits(137, 3.0..=7.0).with(&["1 job done"]),
        says: deaf,
    },
    Case {
        name: "a job of 60 s, without pcntl, below docker-init",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            let words = [&["docker-init", "--"], &without_pcntl()[..]].concat();
            let container = queue.start_working(10, &words);
            let worker = container.pids_of("php -d", 1)[0];
            let mut got = queue.account(container.stop());
            // A handler of PHP's own takes it and sends it again, as all PHP does.
            let said = Expected::of("the worker", worker).verdicts("graceful", "graceful");
            got.also.push(said.exit_code(143));
            got
        },
        end: End::exits(143, 0.0..=6.0).with(&["1 job still reserved"]),
        says: graceful,
    },
    Case {
        name: "a job that waits for a child of 60 s, grace 2",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push_as("60", "child");
            let container = queue.start_working(2, &work(""));
            let child = container.pids_of("sleep", 1)[0];
            let mut got = queue.account(container.stop());
            let said = killed_untold("the child", child);
            let said = said.finds("grace-period-exceeded").finds("handler-does-not-exit");
            got.also.push(said.finds("stop-signal-not-forwarded"));
            got
        },
        end: End::exits(137, 2.0..=6.0).with(&["1 job still reserved"]),
        says: |e| stuck(e).finds("stop-signal-not-forwarded"),
    },
    Case {
        name: "bash -c 'php artisan queue:work; echo after'",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            let script = format!("{}; echo after", work("").join(" "));
            let container = queue.start_working(2, &["bash", "-c", &script]);
            stop_untold(&queue, &container, "php artisan queue:work")
        },
        end: End::exits(137, 2.0..=6.0).with(&["1 job still reserved"]),
        says: deaf_shell,
    },
    Case {
        name: "bash -c 'exec php artisan queue:work'",
        run: |bench| {
            let script = format!("exec {}", work("").join(" "));
            stop_in_job(bench, "3", 10, &["bash", "-c", &script])
        },
        end: End::exits(0, 0.3..=7.0).with(&["1 job done"]),
        says: graceful,
    },
    Case {
        name: "queue:listen, a job of 60 s",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            let listen = ["php", "artisan", "queue:listen", "--sleep=1"];
            let container = queue.start_working(2, &listen);
            stop_untold(&queue, &container, "/usr/bin/php8.2 artisan queue:work")
        },
        end: End::exits(137, 2.0..=6.0).with(&["1 job still reserved"]),
        says: deaf_shell,
    },
    Case {
        name: "Supervisord, 2 workers with jobs of 3 and 5 s, stopwaitsecs=8, grace 12",
        run: |bench| {
            let (queue, container, workers) = supervised(bench, 12, 8, &["3", "5"]);
            let mut got = queue.account(container.stop());
            got.also = workers.into_iter().map(supervised_and_graceful).collect();
            got
        },
        end: End::exits(0, 0.3..=10.0).with(&["2 jobs done"]),
        says: |e| graceful(e).grace(12.0, "docker"),
    },
    Case {
        name: "Supervisord, a job of 60 s, stopwaitsecs=2, grace 10",
        run: |bench| {
            let (queue, container, workers) = supervised(bench, 10, 2, &["60"]);
            let mut got = queue.account(container.stop());
            // Which of them has the job is for them to settle.
            got.also.extend(workers.into_iter().map(|worker| {
                Expected::of("a worker", worker)
                    .says("verdict", "forced")
                    .says_one_of("process/verdict", &["graceful".into(), "overran".into()])
                    .says_one_of("process/killed_by", &[Value::Null, "supervisor".into()])
                    .finds("grace-period-exceeded")
            }));
            got
        },
        end: End::exits(0, 2.0..=9.5).with(&["1 job still reserved"]),
        says: |e| left(e, "grace-period-exceeded"),
    },
    Case {
        name: "Supervisord, 2 workers with jobs of 60 s, stopwaitsecs=3600, grace 3",
        run: |bench| {
            let (queue, container, _) = supervised(bench, 3, 3600, &["60", "60"]);
            queue.account(container.stop())
        },
        end: End::exits(137, 3.0..=7.0).with(&["2 jobs still reserved"]),
        says: stuck,
    },
];

/// In a container with the application.
fn work(options: &str) -> Vec<&str> {
    ["php", "artisan", "queue:work"].into_iter().chain(options.split_whitespace()).collect()
}

fn without_pcntl() -> [&'static str; 5] {
    ["php", "-d", "auto_prepend_file=/app/without-pcntl.php", "artisan", "queue:work"]
}

/// Stops a container with a job that has begun.
fn stop_in_job(bench: &Bench, seconds: &str, grace: u32, words: &[&str]) -> Got {
    let queue = Queue::new(bench);
    queue.push(seconds);
    queue.account(queue.start_working(grace, words).stop())
}

/// Stops a container whose PID 1 tells its worker nothing; the kernel kills that.
fn stop_untold(queue: &Queue<'_>, container: &Container<'_>, worker: &str) -> Got {
    let worker = container.pids_of(worker, 1)[0];
    let mut got = queue.account(container.stop());
    let said = killed_untold("the worker", worker).finds("pid1-ignores-stop-signal");
    got.also.push(said.finds("stop-signal-not-forwarded"));
    got
}

/// A worker without a job below Docker's init, and its pid.
fn idle_below_init<'a>(bench: &'a Bench, option: &str) -> (Queue<'a>, Container<'a>, i32) {
    let queue = Queue::new(bench);
    let words = work(option);
    let words = [&["docker-init", "--"], &words[..], &["--sleep=1"]].concat();
    let container = queue.start(10, &[], &words);
    let worker = container.pids_of("php artisan queue:work", 1)[0];
    (queue, container, worker)
}

/// Supervisord with two workers and these jobs, which have begun; the workers' pids.
fn supervised<'a>(
    bench: &'a Bench,
    grace: u32,
    stopwaitsecs: u32,
    seconds: &[&str],
) -> (Queue<'a>, Container<'a>, Vec<i32>) {
    let queue = Queue::new(bench);
    let wait = format!("--env=STOPWAITSECS={stopwaitsecs}");
    let words = ["supervisord", "--configuration", "/app/supervisord.conf"];
    let container = queue.start(grace, &[&wait], &words);
    for seconds in seconds {
        queue.push(seconds);
    }
    let begun = || container.log().matches("working").count() == seconds.len();
    Deadline::after(Duration::from_secs(60)).until("the jobs to begin", begun);
    // Not before: a worker that finds SQLite locked by what pushes jobs ends, and another begins.
    let workers = container.pids_of("php artisan queue:work", 2);
    (queue, container, workers)
}

fn supervised_and_graceful(worker: i32) -> Expected {
    Expected::of("a worker", worker).verdicts("graceful", "graceful").exit_code(0)
}
