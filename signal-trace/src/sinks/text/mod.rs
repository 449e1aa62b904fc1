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
    times: Times,
    stop_signals: Vec<Signal>,
    cut_short: bool,
}

/// How points in time are shown.
#[derive(Clone, Copy, Debug)]
enum Times {
    /// Since the start of the session.
    Since(Time),
    /// As they are, and the node behind them in a column of this width, if any.
    Utc { node: Option<usize> },
}

impl Default for Times {
    fn default() -> Self {
        Self::Since(Time::default())
    }
}

impl View {
    /// A point in time.
    fn time(&self, at: Time) -> String {
        match self.times {
            Times::Since(start) => event::since(at, start),
            Times::Utc { .. } => event::utc(at),
        }
    }

    /// What a line begins with, and what is below it is indented by: its time, and its node if there
    /// are several.
    fn head(&self, line: &Line) -> String {
        let time = self.time(line.time);
        match self.times {
            Times::Since(_) => format!("{time:>TIME$}"),
            Times::Utc { node: None } => time,
            Times::Utc { node: Some(width) } => {
                format!("{time}  {:<width$}", crate::escape::for_text(line.node.as_bytes()))
            }
        }
    }
}

impl<W: Write> Text<W> {
    /// Writes to `out`, with ANSI colours or without.
    pub fn new(out: W, colour: bool) -> Self {
        Self { out, colour, buffer: String::new(), view: View::default() }
    }

    /// The same for what is history: with points in time in UTC, and with a column for the node, so
    /// wide, if there are several.
    pub fn of_history(out: W, colour: bool, node: Option<usize>) -> Self {
        let view = View { times: Times::Utc { node }, ..View::default() };
        Self { out, colour, buffer: String::new(), view }
    }

    /// Text that is no line's.
    pub fn words(&mut self, words: &str) {
        self.buffer.push_str(words);
    }

    fn begin(&mut self, line: &Line, recording: &Recording) {
        let stop_signals = &recording.config.stop_signals;
        let times = match self.view.times {
            Times::Since(_) => Times::Since(line.time),
            utc @ Times::Utc { .. } => utc,
        };
        self.view = View {
            times,
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
            // At once: a reader of a pipe gets whole lines.
            self.out.write_all(strip_str(&self.buffer).to_string().as_bytes())
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
    let head = view.head(line);
    match &line.body {
        Body::Shutdown(shutdown) => shutdown::render(shutdown, &head, view),
        Body::Finding(finding) => shutdown::render_finding(finding, &head),
        Body::End(end) => render_end(end, &head, view.cut_short),
        body => {
            event::render(body, view).map(|text| format!("{head}  {text}\n")).unwrap_or_default()
        }
    }
}

/// Width of the time column.
const TIME: usize = 13;
/// Width of the column after it: the signal, or what kind of line it is.
const KIND: usize = 9;

fn render_end(end: &EndLine, head: &str, cut_short: bool) -> String {
    let Totals { events, signals, exits, shutdowns, findings, inconclusive, lost, late } =
        end.totals.clone();
    let FindingTotals { info: infos, warning: warnings, error: errors } = findings;
    let count = |n: u64, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    let mut text = format!(
        "{head}  {}  {}, {}, {}, {}\n",
        span(BOLD, &format!("{:<KIND$}", "end")),
        count(shutdowns, "shutdown"),
        count(signals, "signal"),
        count(exits, "exit"),
        count(events, "kernel event"),
    );
    let indent = head.chars().count() + 2;
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
