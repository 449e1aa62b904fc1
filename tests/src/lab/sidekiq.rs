//! Sidekiq, with jobs that are shorter and longer than its own time limit and than the container's.

use std::{
    cell::Cell,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::{
    System,
    bench::{self, Bench, Container, read_only},
    case::{Case, End, Got},
    jobs,
    says::{deaf_shell, graceful, killed_untold, stuck, untold},
};
use crate::{clock::Deadline, programs};

pub(super) const SYSTEM: System = System {
    name: "sidekiq",
    title: "Sidekiq",
    about: "Sidekiq 6.4 and Redis 7, each in a Docker container of its own. `-t` is Sidekiq's own limit (`:timeout:`), the grace \
            is the container's, *docker-init* is what `docker run --init` starts. After the stop Redis is asked where the jobs are; what is neither done nor in the queue is lost.",
    run: |system| bench::run(system, CASES, start_redis),
};

const CASES: &[Case<Bench>] = &[
    Case {
        name: "idle",
        run: |bench| Queue::new(bench).start(10, &sidekiq("")).stop(),
        end: End::exits(0, 0.3..=6.0),
        says: |e| graceful(e).grace(10.0, "docker"),
    },
    Case {
        name: "a job of 2 s, -t 6, grace 10",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("2");
            let container = queue.start_working(10, &sidekiq("-t 6"));
            queue.account(container.stop())
        },
        end: End::exits(0, 0.3..=8.0).with(&["1 job done"]),
        says: graceful,
    },
    Case {
        name: "a job of 60 s, -t 3, grace 10",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            let container = queue.start_working(10, &sidekiq("-t 3"));
            queue.account(container.stop())
        },
        end: End::exits(0, 3.0..=9.0).with(&["1 job in the queue"]),
        says: graceful,
    },
    Case {
        name: "a job of 60 s, -t 25, grace 3",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            let container = queue.start_working(3, &sidekiq("-t 25"));
            queue.account(container.stop())
        },
        end: End::exits(137, 3.0..=7.0).with(&["1 job lost"]),
        says: |e| stuck(e).grace(3.0, "docker"),
    },
    Case {
        name: "TSTP, later TERM",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("2");
            let container = queue.start_working(10, &sidekiq("-t 6"));
            container.signal("TSTP");
            container.until_it_says("no longer accepting new work");
            queue.push("1");
            queue.until_done(1);
            queue.account(container.stop())
        },
        end: End::exits(0, 0.3..=6.0).with(&["1 job done", "1 job in the queue"]),
        says: graceful,
    },
    Case {
        name: "bash -c 'sidekiq; echo after'",
        run: |bench| stop_wrapped(bench, 3, &[]),
        end: End::exits(137, 3.0..=7.0).with(&["1 job lost"]),
        says: deaf_shell,
    },
    Case {
        name: "bash -c 'sidekiq; echo after', below docker-init",
        run: |bench| stop_wrapped(bench, 10, &["docker-init", "--"]),
        end: End::exits(143, 0.0..=6.0).with(&["1 job lost"]),
        says: untold,
    },
    Case {
        name: "bash -c 'exec sidekiq'",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60");
            let script = format!("exec {}", sidekiq("-t 3").join(" "));
            let container = queue.start_working(10, &["bash", "-c", &script]);
            queue.account(container.stop())
        },
        end: End::exits(0, 3.0..=9.0).with(&["1 job in the queue"]),
        says: graceful,
    },
    Case {
        name: "a job that waits for a child",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60, \"child\"");
            let container = queue.start_working(10, &sidekiq("-t 3"));
            let child = container.pids_of("sleep", 1)[0];
            let mut got = queue.account(container.stop());
            got.also.push(killed_untold("the child", child).finds("stop-signal-not-forwarded"));
            got
        },
        end: End::exits(0, 3.0..=9.0).with(&["1 job in the queue"]),
        says: untold,
    },
    Case {
        name: "a job that ends its child in an ensure block",
        run: |bench| {
            let queue = Queue::new(bench);
            queue.push("60, \"child, ended\"");
            let container = queue.start_working(10, &sidekiq("-t 3"));
            container.pids_of("sleep", 1);
            queue.account(container.stop())
        },
        end: End::exits(0, 3.0..=9.0).with(&["1 job in the queue"]),
        says: graceful,
    },
];

/// In a container with the application. Its idle threads wait in Redis for up to 2 s, also when told to
/// stop, and with a shorter `-t` would take what another one pushes back.
fn sidekiq(options: &str) -> Vec<&str> {
    let words = ["sidekiq", "-r", "/app/app.rb", "-c", "2"];
    words.into_iter().chain(options.split_whitespace()).collect()
}

/// With a shell that waits for it, and a job that would be pushed back in time.
fn stop_wrapped(bench: &Bench, grace: u32, init: &[&str]) -> Got {
    let queue = Queue::new(bench);
    queue.push("60");
    let script = format!("{}; echo after", sidekiq("-t 3").join(" "));
    let words = [init, &["bash", "-c", &script]].concat();
    let container = queue.start_working(grace, &words);
    let worker = container.pids_of("sidekiq 6", 1)[0];
    let mut got = queue.account(container.stop());
    let said = killed_untold("the worker", worker).finds("stop-signal-not-forwarded");
    let ignores = init.is_empty();
    got.also.push(if ignores { said.finds("pid1-ignores-stop-signal") } else { said });
    got
}

/// One Redis for all cases: each has a database of its own.
fn start_redis(bench: &Bench) {
    let folder = redis_folder(bench);
    std::fs::create_dir(&folder).expect("the folder is ours");
    let volume = format!("--volume={}:/redis", folder.display());
    let server = "redis-server --port 0 --unixsocket /redis/socket --databases 64 --appendonly no";
    let words: Vec<_> = server.split(' ').chain(["--save", ""]).collect();
    let redis = bench.start_unready(10, &[&volume], &words);
    redis.until_it_says("ready to accept connections");
}

fn redis_folder(bench: &Bench) -> PathBuf {
    bench.docker.folder().file("redis")
}

/// A database in Redis.
struct Queue<'a> {
    bench: &'a Bench,
    database: String,
    pushed: Cell<u64>,
}

impl<'a> Queue<'a> {
    fn new(bench: &'a Bench) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let database = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        Self { bench, database, pushed: Cell::new(0) }
    }

    /// Adds a job, with these arguments, as an application does.
    fn push(&self, arguments: &str) {
        jobs::text_of(
            Command::new(programs::system("ruby", "ruby"))
                .arg("-r")
                .arg(jobs::app("sidekiq").join("app.rb"))
                .args(["-e", &format!("Work.perform_async({arguments})")])
                .env("REDIS", redis_folder(self.bench).join("socket"))
                .env("DB", &self.database),
        );
        self.pushed.set(self.pushed.get() + 1);
    }

    /// Starts a container, and waits until Sidekiq is up in it.
    fn start(&self, grace: u32, words: &[&str]) -> Container<'a> {
        let app = read_only(&jobs::app("sidekiq"), "/app");
        let redis = format!("--volume={}:/redis", redis_folder(self.bench).display());
        let database = format!("--env=DB={}", self.database);
        let ours = [app.as_str(), &redis, "--env=REDIS=/redis/socket", &database];
        self.bench.start(grace, &ours, words)
    }

    /// The same, and until a job has begun.
    fn start_working(&self, grace: u32, words: &[&str]) -> Container<'a> {
        let container = self.start(grace, words);
        container.until_it_says("working");
        container
    }

    fn until_done(&self, count: u64) {
        let what = format!("{count} jobs to be done");
        Deadline::after(Duration::from_secs(60)).until(&what, || self.ask("get done") == count);
    }

    /// With where the jobs are.
    fn account(&self, got: Got) -> Got {
        let [done, queued, retried] =
            ["get done", "llen queue:default", "zcard retry"].map(|question| self.ask(question));
        let lost = self.pushed.get() - done - queued - retried;
        let states = [
            (done, "done"),
            (queued, "in the queue"),
            (retried, "to be tried again"),
            (lost, "lost"),
        ];
        Got { facts: jobs::facts(&states), ..got }
    }

    /// A number; nothing is 0.
    fn ask(&self, question: &str) -> u64 {
        let text = jobs::text_of(
            Command::new(programs::system("redis-cli", "redis-tools"))
                .arg("-s")
                .arg(redis_folder(self.bench).join("socket"))
                .args(["-n", &self.database])
                .args(question.split(' ')),
        );
        if text.is_empty() { 0 } else { text.parse().expect("a number") }
    }
}
