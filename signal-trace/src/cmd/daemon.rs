//! `signal-trace daemon`: the configuration, then the agent.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tokio::runtime::Builder;

use crate::{
    cli::DaemonArgs,
    daemon::{
        self, Settings,
        config::{Config, DEFAULT_FILE, LogFormat, Source},
    },
    log,
};

/// Read if no other is named, and if it is there.
const USUAL_FILE: &str = "/etc/signal-trace/config.toml";

/// Runs the agent until SIGTERM; the exit code is 0 then.
pub fn run(args: &DaemonArgs) -> anyhow::Result<u8> {
    if args.print_default_config {
        io::stdout().write_all(DEFAULT_FILE.as_bytes())?;
        return Ok(0);
    }
    let settings = Settings::new(file(args), overrides(args));
    let config = settings.load()?;
    if args.check_config {
        let of = settings
            .file()
            .map_or("the built-in defaults".into(), |path| path.display().to_string());
        writeln!(io::stdout(), "the configuration can be used: {of}")?;
        return Ok(0);
    }
    log::start(log_format(&config), "info");
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(daemon::run(&settings, config))?;
    Ok(0)
}

fn file(args: &DaemonArgs) -> Option<PathBuf> {
    let usual = || Path::new(USUAL_FILE);
    args.config.clone().or_else(|| usual().exists().then(|| usual().to_owned()))
}

fn overrides(args: &DaemonArgs) -> Vec<Source> {
    // A variable that is no UTF-8 is none of ours.
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut sources = Source::environment(variables);
    sources.extend(args.set.iter().cloned());
    sources
}

const fn log_format(config: &Config) -> log::Format {
    match config.log_format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    }
}
