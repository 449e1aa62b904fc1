//! `signal-trace watch`.

use std::path::PathBuf;

use clap::Args;

use super::record::LiveFormat;
use crate::{filters::Filters, selection::Selection};

/// `signal-trace watch [FILTERS] [--socket PATH] [--format F]`
#[derive(Args, Clone, Debug)]
#[command(after_help = "It shows what the daemon sees from now on, until Ctrl-C; `signal-trace \
    report DIR` tells what was before. Lines that it takes too slowly are counted in `loss` lines \
    of the kind sink.")]
pub struct WatchArgs {
    /// Where the daemon listens (`sinks.socket.path` of its configuration)
    #[arg(long, value_name = "PATH", default_value = "/run/signal-trace/watch.sock")]
    pub socket: PathBuf,
    /// How to write to standard output
    #[arg(long, value_enum, default_value_t = LiveFormat::Text)]
    pub format: LiveFormat,
    /// Whose.
    #[command(flatten)]
    pub filters: Filters,
    /// What went wrong.
    #[command(flatten)]
    pub selection: Selection,
}
