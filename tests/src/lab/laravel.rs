//! Laravel's `queue:work`, by itself, below a shell, and below Supervisord.

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{
    System,
    bench::{self, Bench, Container, read_only},
    case::{Case, End, Got},
    jobs,
};
use crate::{clock::Deadline, expected::Expected, programs};

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
            queue.judge(container.stop())
        },
        end: End::exits(0, 0.0..=6.0).with(&["1 job done"]),
        says: |e| e.verdicts("graceful", "graceful").grace(10.0, "docker"),
    },
    Case {
        name: "a job of 2 s, grace 10",
        run: |bench| stop_in_job(bench, "2", 10, &work("")),
        end: End::exits(0, 0.3..=6.0).with(&["1 job done"]),
        says: |e| e.verdicts("graceful", "graceful"),
    },
    Case {
        name: "a job of 60 s, grace 2",
        run: |bench| stop_in_job(bench, "60", 2, &work("")),
        end: End::exits(137, 2.0..=6.0).with(&["1 job still reserved"]),
        says: |e| {
            let e = e.verdicts("forced", "overran").grace(2.0, "docker");
            e.says("process/killed_by", "runtime")
                .finds("grace-period-exceeded")
                .finds("handler-does-not-exit")
        },
    },
    Case {
        name: "a job of 60 s, --timeout=2, below docker-init, nobody stops it",
        run: |bench| {
            let (queue, container, worker) = idle_below_init(bench, "--timeout=2");
            queue.push("60");
            let mut got = queue.judge(container.wait());
            got.also.push(Expected::of("the worker", worker).without_shutdown().exit_code(137));
            if let Some(said) = got.also.last_mut() {
                *said = said.clone().in_workload(&got.id).finds("self-kill");
            }
            got
        },
        end: End::exits(137, 0.0..=12.0).with(&["1 job still reserved"]),
        says: |e| e.without_shutdown().finds("self-kill"),
    },
    Case {
        name: "the same, as PID 1",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            queue.judge(queue.start_working(10, &work("--timeout=2")).wait())
        },
        // The kernel drops what PID 1 sends to itself.
        end: End::exits(1, 0.0..=6.0).with(&["1 job still reserved"]),
        says: Expected::without_shutdown,
    },
    Case {
        name: "a job of 60 s, --timeout=4, below docker-init, grace 10",
        run: |bench| {
            let (queue, container, worker) = idle_below_init(bench, "--timeout=4");
            queue.push("60");
            container.until_it_says("working");
            let mut got = queue.judge(container.stop());
            let said = Expected::of("the worker", worker).verdicts("forced", "overran");
            let said = said.says("process/killed_by", "self").exit_code(137);
            got.also.push(said.finds("self-kill"));
            got
        },
        end: End::exits(137, 0.0..=6.0).with(&["1 job still reserved"]),
        says: |e| e.verdicts("forced", "graceful").finds("self-kill"),
    },
    Case {
        name: "a job of 1 s, without pcntl, grace 3",
        run: |bench| stop_in_job(bench, "1", 3, &without_pcntl()),
        end: End::exits(137, 3.0..=7.0).with(&["1 job done"]),
        says: |e| e.verdicts("forced", "ignored").finds("pid1-ignores-stop-signal"),
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
        says: |e| {
            e.verdicts("forced", "ignored")
                .finds("pid1-ignores-stop-signal")
                .finds("stop-signal-not-forwarded")
        },
    },
    Case {
        name: "bash -c 'exec php artisan queue:work'",
        run: |bench| {
            let script = format!("exec {}", work("").join(" "));
            stop_in_job(bench, "2", 10, &["bash", "-c", &script])
        },
        end: End::exits(0, 0.3..=6.0).with(&["1 job done"]),
        says: |e| e.verdicts("graceful", "graceful"),
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
        says: |e| {
            e.verdicts("forced", "ignored")
                .finds("pid1-ignores-stop-signal")
                .finds("stop-signal-not-forwarded")
        },
    },
    Case {
        name: "Supervisord, 2 workers with jobs of 2 and 4 s, stopwaitsecs=8, grace 12",
        run: |bench| {
            let (queue, container, workers) = supervised(bench, 12, 8, ["2", "4"]);
            let mut got = queue.judge(container.stop());
            got.also = workers.into_iter().map(supervised_and_graceful).collect();
            got
        },
        end: End::exits(0, 0.5..=9.0).with(&["2 jobs done"]),
        says: |e| e.verdicts("graceful", "graceful").grace(12.0, "docker"),
    },
    Case {
        name: "Supervisord, 2 workers with jobs of 60 s, stopwaitsecs=3600, grace 3",
        run: |bench| {
            let (queue, container, _) = supervised(bench, 3, 3600, ["60", "60"]);
            queue.judge(container.stop())
        },
        end: End::exits(137, 3.0..=7.0).with(&["2 jobs still reserved"]),
        says: |e| {
            e.verdicts("forced", "overran")
                .says("process/killed_by", "runtime")
                .finds("grace-period-exceeded")
                .finds("handler-does-not-exit")
        },
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
    queue.judge(queue.start_working(grace, words).stop())
}

/// Stops a container whose PID 1 tells its worker nothing; the kernel kills that.
fn stop_untold(queue: &Queue<'_>, container: &Container<'_>, worker: &str) -> Got {
    let worker = container.pids_of(worker, 1)[0];
    let mut got = queue.judge(container.stop());
    got.also.push(
        Expected::of("the worker", worker)
            .verdicts("forced", "not-signalled")
            .says("process/killed_by", "pidns-teardown")
            .exit_code(137)
            .finds("pid1-ignores-stop-signal")
            .finds("stop-signal-not-forwarded"),
    );
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

/// Supervisord with two workers, each with a job that has begun; their pids.
fn supervised<'a>(
    bench: &'a Bench,
    grace: u32,
    stopwaitsecs: u32,
    seconds: [&str; 2],
) -> (Queue<'a>, Container<'a>, Vec<i32>) {
    let queue = Queue::new(bench);
    let wait = format!("--env=STOPWAITSECS={stopwaitsecs}");
    let words = ["supervisord", "--configuration", "/app/supervisord.conf"];
    let container = queue.start(grace, &[&wait], &words);
    let workers = container.pids_of("php artisan queue:work", 2);
    seconds.map(|seconds| queue.push(seconds));
    let begun = || container.log().matches("working").count() == 2;
    Deadline::after(Duration::from_secs(60)).until("the jobs to begin", begun);
    (queue, container, workers)
}

fn supervised_and_graceful(worker: i32) -> Expected {
    Expected::of("a worker", worker).verdicts("graceful", "graceful").exit_code(0)
}

/// A database with the queue in it.
struct Queue<'a> {
    bench: &'a Bench,
    folder: PathBuf,
}

impl<'a> Queue<'a> {
    fn new(bench: &'a Bench) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("laravel-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = bench.docker.folder().file(&name);
        std::fs::create_dir(&folder).expect("the folder is ours");
        let queue = Self { bench, folder };
        let schema = jobs::app("laravel").join("schema.sql");
        queue.sqlite(&std::fs::read_to_string(schema).expect("it is in the repository"));
        queue
    }

    /// Adds a job of so many seconds, as an application does.
    fn push(&self, seconds: &str) {
        let pushed = Command::new(programs::system("php", "php-cli"))
            .arg(jobs::app("laravel").join("artisan"))
            .args(["push", seconds])
            .env("DATA", &self.folder)
            .output();
        text_of(pushed.expect("php can be started"));
    }

    /// Starts a container.
    fn start(&self, grace: u32, options: &[&str], words: &[&str]) -> Container<'a> {
        let app = read_only(&jobs::app("laravel"), "/app");
        let data = format!("--volume={}:/data", self.folder.display());
        let ours = [app.as_str(), &data, "--env=DATA=/data", "--workdir=/app"];
        let ours = [&ours[..], &["--volume=/etc/php:/etc/php:ro"], options].concat();
        self.bench.start_unready(grace, &ours, words)
    }

    /// The same, and waits until a job has begun.
    fn start_working(&self, grace: u32, words: &[&str]) -> Container<'a> {
        let container = self.start(grace, &[], words);
        container.until_it_says("working");
        container
    }

    fn until_done(&self, count: u64) {
        let what = format!("{count} jobs to be done");
        Deadline::after(Duration::from_secs(60)).until(&what, || self.count("done") == count);
    }

    /// With what became of the jobs.
    fn judge(&self, got: Got) -> Got {
        let states = [
            (self.count("done"), "done"),
            (self.count("jobs where reserved_at is null"), "in the queue"),
            (self.count("jobs where reserved_at is not null"), "still reserved"),
            (self.count("failed_jobs"), "failed"),
        ];
        Got { facts: jobs::facts(&states), ..got }
    }

    fn count(&self, of: &str) -> u64 {
        self.sqlite(&format!("select count(*) from {of}")).parse().expect("a number")
    }

    fn sqlite(&self, statement: &str) -> String {
        let asked = Command::new(programs::system("sqlite3", "sqlite3"))
            .args(["-cmd", ".timeout 5000"])
            .arg(self.folder.join("queue.sqlite"))
            .arg(statement)
            .output();
        text_of(asked.expect("sqlite3 can be started"))
    }
}

fn text_of(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
