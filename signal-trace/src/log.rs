//! What the program says of itself, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// An object a line.
    Json,
}

/// Starts it; `SIGNAL_TRACE_LOG` overrides the level. To be called once.
pub fn start(format: Format, level: &str) {
    let filter =
        EnvFilter::try_from_env("SIGNAL_TRACE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .with_env_filter(filter);
    match format {
        Format::Text => log.init(),
        Format::Json => log.json().init(),
    }
}
