//! `signal-trace record`: traces the node, or one command, until told to end.

mod session;
mod stdout;

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Context as _, bail};
use signal_trace_core::findings::Severity;
use tokio::runtime::Builder;

use self::session::{Ended, Session, Stops};
use super::live_sink;
use crate::{
    capture::{Capture, Options, procfs::Root},
    cli::RecordArgs,
    enrich, host,
    kernel::{LoadOptions, watch},
    pipeline::Pipeline,
    recording::{Header, Writer},
};

/// For a reader of our output after SIGINT or SIGTERM.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// Runs the session; the exit code is as `--help` documents it.
pub fn run(args: &RecordArgs) -> anyhow::Result<u8> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    runtime.block_on(record(args))
}

async fn record(args: &RecordArgs) -> anyhow::Result<u8> {
    // First of all: from here on, SIGINT and SIGTERM end the session in order.
    let mut stops = Stops::new().context("cannot handle SIGINT and SIGTERM")?;
    let load = LoadOptions {
        signal_mask: signal_mask(args),
        log_level: args.ebpf_log,
        ..LoadOptions::default()
    };
    let mut managers = enrich::Options::from_flags(&args.runtime);
    if args.kube_api {
        managers = managers.with_kube(enrich::KubeConfig::in_cluster()?);
    }
    let proc = args.host_proc.as_deref().map(Root::at).transpose()?.unwrap_or_default();
    let options = Options { load, managers, proc };
    let mut capture = Capture::start(&options)?;
    let header = header(args, &options, &capture)?;
    let config = header.config.clone();
    // Not before: a session that cannot trace overwrites no file.
    let recorder = args.output.as_deref().map(Writer::create).transpose()?;
    let (writer, mut output) =
        stdout::start(io::stdout()).context("cannot start the thread that writes the output")?;
    let sink = live_sink(args.format, writer);
    let mut pipeline = Pipeline::new(header, sink, recorder, args.filters.clone().into())?;
    capture.snapshot(&mut pipeline)?;

    let mut session = Session::start(&args.command, args.duration, &config);
    let ended = match &mut session {
        Ok(session) => session.run(&mut capture, &mut pipeline, &mut stops, &output).await?,
        // The recording is brought to its end all the same.
        Err(_) => Ended::Done,
    };
    capture.finish(&mut pipeline)?;
    // The programs need not run while a reader makes up its mind.
    drop(capture);
    let recording_error = pipeline.take_recording_error();
    let summary = pipeline.finish()?;
    match ended {
        Ended::Asked => drop(output.written_within(LAST_OUTPUT).await),
        Ended::Done => tokio::select! {
            () = output.written() => {}
            () = stops.next() => {}
        },
    }
    let session = session?;
    if let Some(error) = recording_error {
        return Err(error.into());
    }
    report_dropped(&output);
    match output.failure() {
        _ if session.recording_failed() => Ok(2),
        None => Ok(summary.exit_code(args.fail_on.map(Severity::from))),
        // The reader has seen enough (`| head`).
        Some(io::ErrorKind::BrokenPipe) => Ok(0),
        Some(kind) => bail!("cannot write to standard output: {kind}"),
    }
}

fn report_dropped(output: &stdout::Output) {
    let lines = output.dropped_lines();
    if lines > 0 {
        note(&format!(
            "{lines} lines are missing in the output, because it was not read for too long; a \
             recording (`-o FILE`) has them all"
        ));
    }
}

/// What a workload can be stopped with, and what the user asked to see.
fn signal_mask(args: &RecordArgs) -> u64 {
    watch::mask(args.stop_signals.iter().chain(&args.filters.signal).copied())
}

fn header(args: &RecordArgs, options: &Options, capture: &Capture) -> anyhow::Result<Header> {
    let mut config = args.config();
    config.signal_mask = signal_mask(args);
    config.asks_managers = options.managers.asks_anybody();
    host::header(None, &options.proc, capture, config)
}

/// Tells the user something while the session goes on.
fn note(text: &str) {
    // Nobody is left to tell if this fails.
    drop(writeln!(io::stderr(), "signal-trace: {text}"));
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn mask(arguments: &[&str]) -> u64 {
        let cli = Cli::try_parse_from([&["signal-trace", "record"], arguments].concat());
        let Command::Record(args) = cli.expect("valid arguments").command else {
            panic!("not record")
        };
        signal_mask(&args)
    }

    #[test]
    fn the_five_are_always_watched_and_others_when_named() {
        let always = 1 << 14 | 1 << 1 | 1 << 2 | 1 | 1 << 8;
        assert_eq!(mask(&[]), always);
        assert_eq!(mask(&["--stop-signal", "WINCH"]), always | 1 << 27);
        assert_eq!(mask(&["--signal", "USR1", "--signal", "TERM"]), always | 1 << 9);
    }
}
