//! What the files of a daemon's file sink hold: read as they are, filtered, shown, and summed up.
//!
//! A thread reads and decompresses ahead ([`source`]); a line is only looked into if a few bytes of it
//! say that it can matter ([`head`], [`prefilter`]). Nothing is kept of a line but counts, so that
//! memory does not depend on how much there is.

pub mod catalogue;
mod head;
mod name;
mod peek;
mod prefilter;
mod range;
mod scan;
mod sessions;
mod source;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use anyhow::Context as _;
use indicatif::ProgressBar;
use signal_trace_core::findings::Severity;

pub use self::range::{EmptyRange, Range, Stamp};
use self::{
    catalogue::Piece,
    scan::Scan,
    source::{Event, Source},
};
use crate::{question::Question, sinks::echo::Echo};

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The worst finding that was shown.
    pub worst: Option<Severity>,
    /// Something is missing in the time that was asked for.
    pub gaps: bool,
    /// Files that could not be read, or not to their end: one sentence each.
    pub failures: Vec<String>,
}

/// Reads `pieces` in their order, and shows what `question` asks for. `skipped` files were not even
/// opened, since they hold other times.
///
/// # Errors
/// The output cannot be written.
pub fn read<W: Write>(
    pieces: Vec<Piece>,
    skipped: usize,
    question: &Question,
    mut echo: Echo<W>,
    progress: &ProgressBar,
) -> anyhow::Result<Outcome> {
    const OUTPUT: &str = "cannot write the output";
    let files = pieces.len();
    let mut scan = Scan::new(question, &mut echo);
    let source = Source::start(pieces, progress.clone())
        .context("cannot start the thread that reads the files")?;
    let mut failures = vec![];
    while let Some(event) = source.next() {
        match event {
            Event::Lines(lines) => {
                for line in lines.split() {
                    scan.line(line).context(OUTPUT)?;
                }
                source.give_back(lines);
            }
            Event::Tail(line) => scan.tail(&line).context(OUTPUT)?,
            Event::Overlong => scan.unreadable(),
            Event::Failed(why) => {
                scan.lost_file();
                failures.push(why);
            }
            Event::Lost(why) => {
                scan.lost_file();
                note(progress, &why);
            }
        }
    }
    let report = scan.finish();
    let outcome = Outcome { worst: report.shown.worst, gaps: report.has_gaps(), failures };
    echo.words(&summary::render(&report, question, files, skipped));
    echo.flush().context(OUTPUT)?;
    Ok(outcome)
}

/// Tells the user something while the reading goes on.
fn note(progress: &ProgressBar, text: &str) {
    // Nobody is left to tell if this fails.
    progress.suspend(|| drop(writeln!(io::stderr(), "signal-trace: {text}")));
}
