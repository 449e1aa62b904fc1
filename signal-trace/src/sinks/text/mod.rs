//! Text for people: a line per event that one wants to see, a block per shutdown, a summary.

mod event;
mod shutdown;
pub(crate) mod style;
#[cfg(test)]
mod tests;
mod whose;
pub(crate) mod wrap;

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use anstream::adapter::strip_str;
use signal_trace_core::signal::Signal;

use self::style::{BOLD, RED, YELLOW, span};
use super::{
    Sink,
    schema::{Body, EndLine, FindingTotals, Line, Recording, Time, Totals},
};

/// Writes text.
#[derive(Debug)]
pub struct Text<W> {
    out: W,
    colour: bool,
    buffer: String,
    view: View,
}

/// What rendering depends on beside the line.
#[derive(Clone, Debug, Default)]
struct View {
    /// Start of the session: times are shown since then.
    start: Time,
    stop_signals: Vec<Signal>,
    cut_short: bool,
}

impl<W: Write> Text<W> {
    /// Writes to `out`, with ANSI colours or without.
    pub fn new(out: W, colour: bool) -> Self {
        Self { out, colour, buffer: String::new(), view: View::default() }
    }

    fn begin(&mut self, line: &Line, recording: &Recording) {
        let stop_signals = &recording.config.stop_signals;
        self.view = View {
            start: line.time,
            stop_signals: [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP]
                .into_iter()
                .chain(stop_signals.iter().filter_map(|name| Signal::parse(name)))
                .collect(),
            cut_short: false,
        };
        let [version, node] =
            [&recording.version, &line.node].map(|text| crate::escape::for_text(text.as_bytes()));
        // Writing to a String cannot fail.
        let _ = writeln!(self.buffer, "signal-trace {version}: {node} since {}", line.time);
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let written = if self.colour {
            self.out.write_all(self.buffer.as_bytes())
        } else {
            write!(self.out, "{}", strip_str(&self.buffer))
        };
        self.buffer.clear();
        written
    }
}

/// Written at once when the buffer is this long, bytes.
const FULL: usize = 64 << 10;

impl<W: Write> Sink for Text<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        if let Body::Recording(recording) = &line.body {
            self.begin(line, recording);
            return self.flush();
        }
        self.buffer.push_str(&render(line, &self.view));
        if self.buffer.len() < FULL { Ok(()) } else { self.hand_on() }
    }

    fn cut_short(&mut self, reason: &str) -> io::Result<()> {
        self.view.cut_short = true;
        let _ = writeln!(self.buffer, "{}", span(YELLOW, &format!("incomplete: {reason}")));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }
}

/// The text for `line`; empty if nobody wants to see it.
fn render(line: &Line, view: &View) -> String {
    let time = event::since(line.time, view.start);
    match &line.body {
        Body::Shutdown(shutdown) => shutdown::render(shutdown, &time, view.start),
        Body::Finding(finding) => shutdown::render_finding(finding, &time),
        Body::End(end) => render_end(end, &time, view.cut_short),
        body => event::render(body, view)
            .map(|text| format!("{time:>TIME$}  {text}\n"))
            .unwrap_or_default(),
    }
}

/// Width of the time column.
const TIME: usize = 13;
/// Width of the column after it: the signal, or what kind of line it is.
const KIND: usize = 9;

fn render_end(end: &EndLine, time: &str, cut_short: bool) -> String {
    let Totals { events, signals, exits, shutdowns, findings, inconclusive, lost, late } =
        end.totals.clone();
    let FindingTotals { info: infos, warning: warnings, error: errors } = findings;
    let count = |n: u64, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    let mut text = format!(
        "{time:>TIME$}  {}  {}, {}, {}, {}\n",
        span(BOLD, &format!("{:<KIND$}", "end")),
        count(shutdowns, "shutdown"),
        count(signals, "signal"),
        count(exits, "exit"),
        count(events, "kernel event"),
    );
    let indent = TIME + 2;
    if errors + warnings + infos > 0 {
        let (errors, warnings) = (count(errors, "error"), count(warnings, "warning"));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:indent$}findings: {errors}, {warnings}, {infos} info", "");
    }
    let gaps = [
        (lost > 0).then(|| format!("{} lost", count(lost, "record"))),
        (late > 0).then(|| format!("{} too late to be put in order", count(late, "event"))),
        (inconclusive > 0).then(|| format!("{} inconclusive", count(inconclusive, "shutdown"))),
        cut_short.then(|| "the recording breaks off".to_owned()),
    ];
    let gaps: Vec<_> = gaps.into_iter().flatten().collect();
    if !gaps.is_empty() {
        let _ =
            writeln!(text, "{:indent$}{}", "", span(RED, &format!("gaps: {}", gaps.join(", "))));
    }
    text
}
