//! The program: parse, run, exit code.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use signal_trace::{cli::Cli, cmd};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(
            EnvFilter::try_from_env("SIGNAL_TRACE_LOG").unwrap_or_else(|_| EnvFilter::new("warn")),
        )
        .init();
    match cmd::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) if cmd::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if this fails.
            drop(writeln!(io::stderr(), "signal-trace: {}", cmd::describe(&error)));
            ExitCode::from(2)
        }
    }
}
