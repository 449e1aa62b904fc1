//! The commands: each turns its arguments into effects and an exit code.

pub mod daemon;
pub mod doctor;
pub mod explain;
pub mod record;
pub mod report;
pub mod schema;
pub mod watch;

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
        Command::Daemon(args) => daemon::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Doctor(args) => doctor::run(&args),
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

/// `error` and its causes in one line; a cause that the line tells already is not told again.
pub fn describe(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::recording::RecordingError;

    fn full() -> io::Error {
        io::Error::from_raw_os_error(libc::ENOSPC)
    }

    #[test]
    fn every_cause_is_told_once() {
        let error = anyhow::Error::new(full()).context("cannot write the output");
        assert_eq!(
            describe(&error),
            "cannot write the output: No space left on device (os error 28)"
        );
        let error = RecordingError::Write { path: "x".into(), source: full() };
        assert_eq!(describe(&error.into()).matches("No space").count(), 1);
    }

    #[test]
    fn only_a_reader_who_left_ends_quietly() {
        let gone: io::Result<()> = Err(io::ErrorKind::BrokenPipe.into());
        assert!(is_broken_pipe(&gone.context("cannot write the output").unwrap_err()));
        assert!(!is_broken_pipe(&full().into()));
        let source = io::ErrorKind::BrokenPipe.into();
        assert!(!is_broken_pipe(&RecordingError::Write { path: "x".into(), source }.into()));
    }
}
