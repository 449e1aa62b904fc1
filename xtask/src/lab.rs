//! Runs systems that users run, for real: `cargo xtask lab`.
//!
//! The systems and the comparison are in `tests/src/lab`; here is what has to be there before.

pub mod compose;
mod kubernetes;

use std::{os::unix::process::CommandExt as _, path::Path};

use anyhow::Context as _;
use clap::Args;
use xshell::{Shell, cmd};

use crate::test;

/// Programs and files of the lab's systems, and Debian's packages that hold them, besides those of
/// the other tests.
pub const NEEDED: &[(&str, &str)] = &[
    ("/usr/share/php/Illuminate/autoload.php", "php-laravel-framework"),
    ("/usr/share/php8.2-sqlite3/sqlite3/pdo_sqlite.ini", "php8.2-sqlite3"),
    ("docker-compose", "docker-compose"),
    ("redis-cli", "redis-tools"),
    ("s6-svscan", "s6"),
    ("sidekiq", "ruby-sidekiq"),
    ("sqlite3", "sqlite3"),
];

/// What to run.
#[derive(Args)]
pub struct Options {
    /// Which systems [default: all, but those that take long to build].
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Write what came of it into the documents.
    #[arg(long)]
    write_docs: bool,
}

/// Runs them, and prints one table; the exit code is 1 if anything was wrong.
pub fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    test::must_be_root()?;
    let shell = Shell::new()?;
    shell.change_dir(root);
    cmd!(shell, "cargo build --package signal-trace-tests --example st-lab")
        .run()
        .context("cannot build the lab; the compiler's message is above")?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let lab = target.join("debug/examples/st-lab");
    let names = &options.names;
    // Before anything is installed or built for it.
    cmd!(shell, "{lab} --are-known {names...}").quiet().run().context("see above")?;
    test::install(&shell)?;
    if names.iter().any(|name| name == kubernetes::SYSTEM) {
        kubernetes::build(&shell, root)?;
    }
    // Nothing above builds programs that are run beside it.
    cmd!(shell, "cargo build --package signal-trace --package signal-trace-tests --bins")
        .run()
        .context("cannot build them; the compiler's message is above")?;
    // In the place of this program: at Ctrl-C it has to clear away, and nobody must be ahead of it.
    let error = std::process::Command::new(&lab)
        .args(names)
        .args(options.write_docs.then_some("--write-docs"))
        // A fault is told by what it says, not by where it was found.
        .env_remove("RUST_BACKTRACE")
        .exec();
    Err(error).with_context(|| format!("cannot start {}", lab.display()))
}
