//! `signal-trace report`: replays recordings; it says what the live session said.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use signal_trace_core::findings::Severity;

use super::live_sink;
use crate::{
    cli::{ReportArgs, record::LiveFormat, report::ReportFormat},
    filters::Filters,
    pipeline::{Pipeline, Summary},
    recording::{Reader, writer::create_private},
    sinks::{Sink, jsonl::Jsonl, text::Text},
};

/// Replays every file, one after the other; the exit code is that of the worst.
pub fn run(args: &ReportArgs) -> anyhow::Result<u8> {
    let file = args.output.as_deref().map(create_private).transpose()?;
    let mut codes = vec![];
    for path in &args.files {
        // Clones of the file share the position in it.
        let file = file.as_ref().map(File::try_clone).transpose()?;
        let sink: Box<dyn Sink> = match (file, args.format) {
            (Some(file), ReportFormat::Text) => Box::new(Text::new(file, false)),
            (Some(file), ReportFormat::Json) => Box::new(Jsonl::new(file)),
            (None, ReportFormat::Text) => live_sink(LiveFormat::Text, io::stdout()),
            (None, ReportFormat::Json) => live_sink(LiveFormat::Jsonl, io::stdout()),
        };
        let summary = replay(path, sink, args.filters.clone())?;
        codes.push(summary.exit_code(args.fail_on.map(Severity::from)));
    }
    // A finding weighs more than a gap.
    Ok([1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0))
}

/// Pushes the recording at `path` through the pipeline.
pub fn replay(path: &Path, sink: Box<dyn Sink>, filters: Filters) -> anyhow::Result<Summary> {
    let mut reader = Reader::open(path)?;
    let mut pipeline = Pipeline::new(reader.header().clone(), sink, None, filters)?;
    for input in &mut reader {
        match input {
            Ok(input) => drop(pipeline.push(input)?),
            Err(error) => {
                // What comes before the damage is shown.
                pipeline.flush()?;
                return Err(error.into());
            }
        }
    }
    if let Some(reason) = reader.cut_short() {
        pipeline.cut_short(&reason)?;
        writeln!(io::stderr(), "signal-trace: {reason}; the report is not complete").ok();
    }
    pipeline.finish()
}
