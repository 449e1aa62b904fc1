//! Benchmarks, by name.

use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use xshell::{Shell, cmd};

/// What can be measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum What {
    /// The engine: nanoseconds per event, bytes per process. Needs no privileges.
    Engine,
}

/// Runs a benchmark and prints its figures.
pub fn run(root: &Path, what: What) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    match what {
        What::Engine => cmd!(shell, "cargo bench --package signal-trace-core --bench engine")
            .run()
            .context("the benchmark of the engine did not run"),
    }
}
