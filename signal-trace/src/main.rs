//! The program: parse, run, exit code.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use signal_trace::{
    cli::{Cli, Command},
    cmd, log,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The daemon's configuration says how it logs.
    if !matches!(cli.command, Command::Daemon(_)) {
        log::start(log::Format::Text, "warn");
    }
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
