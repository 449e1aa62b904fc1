//! `signal-trace report`: replays recordings, which says what the live session said, and shows what
//! the files of a daemon hold.

mod history;
mod replay;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use anyhow::bail;
use signal_trace_core::findings::Severity;

use super::{describe, is_broken_pipe, live_sink};
use crate::{
    capture::clock,
    cli::{ReportArgs, record::LiveFormat, report::ReportFormat},
    history::{Range, catalogue::Catalogue},
    question::Question,
    recording::writer::create_private,
    sinks::{Sink, jsonl::Jsonl, schema::Time, text::Text},
};

/// Something could not be read; the rest is reported all the same.
const FAILED: u8 = 2;

/// Replays every recording, one after the other, then shows all history as one; the exit code is that
/// of the worst.
pub fn run(args: &ReportArgs) -> anyhow::Result<u8> {
    let now = Time(clock::anchor().wall_ns);
    let question = Question {
        range: Range::new(args.since, args.until, now)?,
        filters: args.filters.clone(),
        selection: args.selection.clone(),
    };
    let catalogue = Catalogue::of(&args.files, &question.range);
    let Catalogue { recordings, pieces, nodes, skipped, failures, notes, .. } = catalogue;
    let file = match &args.output {
        Some(path) => {
            let mut read = recordings.iter().chain(pieces.iter().map(|piece| &piece.path));
            if let Some(same) = read.find(|other| is_same(path, other)) {
                bail!("will not write to {}: it is to be read; name another file", same.display());
            }
            Some(create_private(path)?)
        }
        None => None,
    };
    let mut codes = vec![];
    for note in &notes {
        say(note);
    }
    for failure in &failures {
        say(failure);
        codes.push(FAILED);
    }
    let fail_on = args.fail_on.map(Severity::from);
    for path in &recordings {
        match replay::run(path, sink(args, file.as_ref())?, &question) {
            Ok(summary) => codes.push(summary.exit_code(fail_on)),
            Err(error) if is_broken_pipe(&error) => return Err(error),
            Err(error) => {
                say(&describe(&error));
                codes.push(FAILED);
            }
        }
    }
    let nothing = recordings.is_empty() && pieces.is_empty();
    if !pieces.is_empty() || (nothing && failures.is_empty()) {
        let several = (nodes.len() > 1).then(|| widest(&nodes));
        let outcome = history::run(args, &question, pieces, skipped, several, file)?;
        for failure in &outcome.failures {
            say(failure);
            codes.push(FAILED);
        }
        codes.push(match fail_on {
            Some(limit) if outcome.worst.is_some_and(|worst| worst >= limit) => 1,
            _ if outcome.gaps => 3,
            _ => 0,
        });
    }
    // What could not be read may hold anything; and a finding weighs more than a gap.
    Ok([FAILED, 1, 3].into_iter().find(|code| codes.contains(code)).unwrap_or(0))
}

fn sink(args: &ReportArgs, file: Option<&File>) -> io::Result<Box<dyn Sink>> {
    // Clones of the file share the position in it.
    let file = file.map(File::try_clone).transpose()?;
    Ok(match (file, args.format) {
        (Some(file), ReportFormat::Text) => Box::new(Text::new(file, false)),
        (Some(file), ReportFormat::Json) => Box::new(Jsonl::new(file)),
        (None, ReportFormat::Text) => live_sink(LiveFormat::Text, io::stdout()),
        (None, ReportFormat::Json) => live_sink(LiveFormat::Jsonl, io::stdout()),
    })
}

fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    place(one).is_some_and(|place_of_one| Some(place_of_one) == place(other))
}

/// Characters of the longest name.
fn widest<'a>(names: impl IntoIterator<Item = &'a String>) -> usize {
    names.into_iter().map(|name| name.chars().count()).max().unwrap_or_default().min(40)
}

fn say(text: &str) {
    // Nobody is left to tell if this fails.
    drop(writeln!(io::stderr(), "signal-trace: {text}"));
}
