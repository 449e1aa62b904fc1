//! The table of jobs: what an application puts into it, and what is left there.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::super::{
    bench::{Bench, Container, read_only},
    case::Got,
    jobs,
};
use crate::{clock::Deadline, programs};

/// A database with the queue in it.
pub(super) struct Queue<'a> {
    bench: &'a Bench,
    folder: PathBuf,
}

impl<'a> Queue<'a> {
    pub(super) fn new(bench: &'a Bench) -> Self {
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
    pub(super) fn push(&self, seconds: &str) {
        self.push_as(seconds, "wait");
    }

    pub(super) fn push_as(&self, seconds: &str, how: &str) {
        jobs::text_of(
            Command::new(programs::system("php", "php-cli"))
                .arg(jobs::app("laravel").join("artisan"))
                .args(["push", seconds, how])
                .env("DATA", &self.folder),
        );
    }

    /// Starts a container.
    pub(super) fn start(&self, grace: u32, options: &[&str], words: &[&str]) -> Container<'a> {
        let app = read_only(&jobs::app("laravel"), "/app");
        let data = format!("--volume={}:/data", self.folder.display());
        let ours = [app.as_str(), &data, "--env=DATA=/data", "--workdir=/app"];
        let ours = [&ours[..], &["--volume=/etc/php:/etc/php:ro"], options].concat();
        self.bench.start_unready(grace, &ours, words)
    }

    /// The same, and waits until a job has begun.
    pub(super) fn start_working(&self, grace: u32, words: &[&str]) -> Container<'a> {
        let container = self.start(grace, &[], words);
        container.until_it_says("working");
        container
    }

    pub(super) fn until_done(&self, count: u64) {
        let what = format!("{count} jobs to be done");
        Deadline::after(Duration::from_secs(60)).until(&what, || self.count("done") == count);
    }

    /// With what became of the jobs.
    pub(super) fn account(&self, got: Got) -> Got {
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
        jobs::text_of(
            Command::new(programs::system("sqlite3", "sqlite3"))
                .args(["-cmd", ".timeout 5000"])
                .arg(self.folder.join("queue.sqlite"))
                .arg(statement),
        )
    }
}
