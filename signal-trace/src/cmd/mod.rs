//! The commands: each turns its arguments into effects and an exit code.

pub mod doctor;
pub mod record;
pub mod report;
pub mod schema;

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

use crate::{
    cli::{Cli, Command, record::LiveFormat},
    sinks::{Sink, jsonl::Jsonl, text::Text},
};

/// Runs a command; the exit code as documented in `--help`.
pub fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::Record(args) => record::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Doctor => doctor::run(),
        Command::Schema => schema::run(),
    }
}

/// The sink that writes to `out`, which leads to standard output: text is coloured if that is a
/// terminal that wants it (`NO_COLOR` is honoured).
pub fn live_sink(format: LiveFormat, out: impl Write + 'static) -> Box<dyn Sink> {
    match format {
        LiveFormat::Jsonl => Box::new(Jsonl::new(out)),
        LiveFormat::Text => {
            let colour = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
            Box::new(Text::new(out, colour))
        }
    }
}

/// Whether `error` only says that nobody reads standard output any more (`| head`).
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
