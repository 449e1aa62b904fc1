//! `signal-trace daemon`.

use std::path::PathBuf;

use clap::Args;

use crate::daemon::config::Source;

/// `signal-trace daemon [--config FILE] [--set KEY=VALUE]... [--check-config |
/// --print-default-config]`
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "SIGHUP reads the configuration again and opens files anew; SIGTERM ends it, \
    all that is open told; a second SIGTERM ends it at once."
)]
pub struct DaemonArgs {
    /// The configuration, TOML [default: /etc/signal-trace/config.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Override a key of it, as sinks.file.enabled=true; may be repeated. The environment does
    /// the same: `SIGNAL_TRACE__SINKS__FILE__ENABLED=true`
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = Source::flag)]
    pub set: Vec<Source>,
    /// Only say whether the configuration can be used
    #[arg(long)]
    pub check_config: bool,
    /// Only print the configuration with every key, its default and what it means
    #[arg(long, conflicts_with_all = ["config", "set", "check_config"])]
    pub print_default_config: bool,
}
