//! The lab: systems that users run, stopped well and badly for real, and what must be said of that.
//!
//! `cargo xtask lab` prints one table of it, and [`docs`] writes it down.

mod app;
pub mod bench;
pub mod case;
mod compose;
pub mod control;
pub mod cri;
pub mod docker;
pub mod docs;
pub mod inits;
pub mod jobs;
pub mod kubernetes;
pub mod laravel;
mod pods;
pub mod row;
mod says;
pub mod shell;
pub mod sidekiq;
mod supervised;
pub mod supervisord;

use self::row::Row;

/// Something that users run, in all the ways in which it is stopped here.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// For the command line.
    pub name: &'static str,
    /// For headings.
    pub title: &'static str,
    /// What is run, and how, for those who read the table: Markdown.
    pub about: &'static str,
    /// Runs all cases.
    pub run: fn(&System) -> Vec<Row>,
}

/// The systems that every run of the tests includes.
pub const EVERYDAY: &[System] = &[
    sidekiq::SYSTEM,
    laravel::SYSTEM,
    docker::SYSTEM,
    compose::VERSION_2,
    compose::VERSION_1,
    cri::SYSTEM,
    supervisord::SYSTEM,
    shell::SYSTEM,
    inits::SYSTEM,
    control::SYSTEM,
];

/// Those that take long to make: run by name only.
pub const BY_NAME: &[System] = &[kubernetes::SYSTEM];

/// Runs a system. What it fails in as a whole (its engine does not start, events were lost) is a row.
pub fn run(system: &System) -> Vec<Row> {
    // What it leaves behind is cleared away with its engine.
    let run = std::panic::AssertUnwindSafe(|| (system.run)(system));
    std::panic::catch_unwind(run)
        .unwrap_or_else(|panic| vec![Row::failed(system, case::message(&*panic))])
}

/// The system of that name.
pub fn find(name: &str) -> Option<System> {
    EVERYDAY.iter().chain(BY_NAME).find(|system| system.name == name).copied()
}
