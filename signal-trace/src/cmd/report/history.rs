//! `signal-trace report` over the files of a daemon: where it writes, and how far it is.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::{
    cli::{ReportArgs, report::ReportFormat},
    history::{self, Outcome, catalogue::Piece},
    question::Question,
    sinks::{echo::Echo, text::Text},
};

/// Shows what `pieces` hold; `several`: they are of more than one node, whose names are so wide.
pub fn run(
    args: &ReportArgs,
    question: &Question,
    pieces: Vec<Piece>,
    skipped: usize,
    several: Option<usize>,
    file: Option<File>,
) -> anyhow::Result<Outcome> {
    let progress = bar(pieces.iter().map(|piece| piece.size).sum());
    let colour = file.is_none() && AutoStream::choice(&io::stdout()) != ColorChoice::Never;
    let out: Box<dyn Write> = match file {
        Some(file) => Box::new(file),
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let out = Beside { out, progress: progress.clone() };
    let echo = match args.format {
        ReportFormat::Text => Echo::Text(Text::of_history(out, colour, several)),
        ReportFormat::Json => Echo::json(out),
    };
    let outcome = history::read(pieces, skipped, question, echo, &progress);
    progress.finish_and_clear();
    outcome
}

/// Shown only if standard error is a terminal, and gone at the end.
fn bar(bytes: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} left");
    let bar =
        ProgressBar::with_draw_target(Some(bytes), target).with_finish(ProgressFinish::AndClear);
    match style {
        Ok(style) => bar.with_style(style),
        // The default one does as well.
        Err(_) => bar,
    }
}

/// Writes past the bar, which may be on the same terminal.
struct Beside {
    out: Box<dyn Write>,
    progress: ProgressBar,
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { out, progress } = self;
        if progress.is_hidden() {
            return out.write(bytes);
        }
        // It is drawn again behind what is written now, and so not in its midst.
        progress.suspend(|| out.write(bytes).and_then(|written| out.flush().map(|()| written)))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
