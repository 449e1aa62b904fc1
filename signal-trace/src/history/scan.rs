//! Line by line: what is looked into, what is shown, what is counted.

use std::io::{self, Write};

use memchr::memmem;
use serde::de::IgnoredAny;
use serde_json::from_slice;

use super::{
    head::{BEGINNING, Head},
    prefilter::Prefilter,
    range::Stamp,
    sessions::Sessions,
    tally::Tally,
};
use crate::{
    question::{Question, Shown},
    sinks::{
        echo::Echo,
        schema::{Body, Line, ParseError},
    },
};

/// Looks at lines as they come.
pub struct Scan<'a, W> {
    question: &'a Question,
    prefilter: Prefilter,
    echo: &'a mut Echo<W>,
    /// Lines can be shown that nobody has looked into.
    blind: bool,
    report: Report,
}

/// What they come to.
#[derive(Debug)]
pub struct Report {
    /// Who was looking when.
    pub sessions: Sessions,
    /// What became of the shutdowns.
    pub tally: Tally,
    /// Lines that are damaged.
    pub unreadable: u64,
    /// Files that were not read, or not to their end.
    pub lost_files: u64,
    /// What was shown.
    pub shown: Shown,
}

impl Report {
    /// Whether something is missing in the time that was asked for.
    pub fn has_gaps(&self) -> bool {
        !self.sessions.gaps.is_empty()
            || self.unreadable + self.lost_files > 0
            || self.shown.inconclusive
    }
}

/// A report that corrects an earlier one has an id here, near its beginning.
const AMENDS: &[u8] = br#""amends":""#;
const NEAR: usize = 200;
/// What an exit must have to be of interest as text.
const NOTABLE: &[u8] = br#""notable":true"#;

impl<'a, W: Write> Scan<'a, W> {
    /// For what is asked.
    pub fn new(question: &'a Question, echo: &'a mut Echo<W>) -> Self {
        let Question { range, filters, selection } = question;
        let all = filters.is_empty() && selection.is_empty();
        Self {
            question,
            prefilter: Prefilter::of(filters, selection),
            blind: all && !echo.is_text(),
            echo,
            report: Report {
                sessions: Sessions::new(*range),
                tally: Tally::default(),
                unreadable: 0,
                lost_files: 0,
                shown: Shown::default(),
            },
        }
    }

    /// A line without its end.
    pub fn line(&mut self, raw: &[u8]) -> io::Result<()> {
        match Head::read(raw) {
            Some(head) => self.with_head(&head, raw),
            None => self.odd(raw, true),
        }
    }

    /// The last line of a file that has no end: it may be torn, or not yet be written.
    pub fn tail(&mut self, raw: &[u8]) -> io::Result<()> {
        // Only with its end it is whole: what follows the head is not looked at in every case.
        if raw.ends_with(b"}") && Line::parse(raw).is_ok() { self.line(raw) } else { Ok(()) }
    }

    /// A line that cannot be read.
    pub const fn unreadable(&mut self) {
        self.report.unreadable += 1;
    }

    /// A file that cannot be read, or not to its end.
    pub const fn lost_file(&mut self) {
        self.report.lost_files += 1;
    }

    /// All is read.
    pub fn finish(mut self) -> Report {
        self.report.sessions.finish();
        self.report
    }

    /// A line that does not begin as this program writes it: of another version or program, or
    /// damaged.
    fn odd(&mut self, raw: &[u8], count: bool) -> io::Result<()> {
        if raw.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        match Line::parse(raw) {
            Ok(line) => {
                let (time, node) = (Stamp::from(line.time), line.node.clone());
                let kind = line.body.kind().as_bytes();
                self.with_head(&Head { time, node: node.as_bytes(), kind, rest: raw }, raw)
            }
            // Of a later version: passed over, as the contract asks.
            Err(ParseError::Unknown(_) | ParseError::Version(_)) => Ok(()),
            Err(ParseError::Foreign(_)) => {
                if count {
                    self.unreadable();
                }
                // An agent was killed in the midst of a line, and the next one went on behind it.
                match memmem::rfind(raw, BEGINNING).filter(|at| *at > 0).map(|at| &raw[at..]) {
                    Some(rest) => match Head::read(rest) {
                        Some(head) => self.with_head(&head, rest),
                        None => self.odd(rest, false),
                    },
                    None => Ok(()),
                }
            }
        }
    }

    fn with_head(&mut self, head: &Head<'_>, raw: &[u8]) -> io::Result<()> {
        let kind = std::str::from_utf8(head.kind).unwrap_or_default();
        let Report { sessions, .. } = &mut self.report;
        if kind == "recording" {
            sessions.begin(head.node, head.time, raw);
            sessions.see(head.node, head.time);
            if self.question.range.contains(head.time) {
                self.announce()?;
            }
            return Ok(());
        }
        sessions.see(head.node, head.time);
        let inside = self.question.range.contains(head.time);
        match kind {
            "end" => {
                sessions.end();
                if inside {
                    self.announce()?;
                    self.parsed(raw, |scan, line| scan.echo.line(raw, &line))?;
                }
                Ok(())
            }
            "loss" => self.parsed(raw, |scan, line| {
                let Body::Loss(loss) = &line.body else { return Ok(()) };
                if !scan.report.sessions.lose(loss) {
                    return Ok(());
                }
                scan.announce()?;
                scan.echo.line(raw, &line)
            }),
            "signal" | "delivery" | "exit" | "reap" | "zombie" | "oom" | "shutdown" | "finding"
                if inside =>
            {
                self.announce()?;
                self.told(kind, head.rest, raw)
            }
            _ => Ok(()),
        }
    }

    /// A line about what happened, at a time that is asked for.
    fn told(&mut self, kind: &str, rest: &[u8], raw: &[u8]) -> io::Result<()> {
        let counts = matches!(kind, "shutdown" | "finding");
        // What it corrects may have been counted.
        let amends =
            kind == "shutdown" && memmem::find(&rest[..rest.len().min(NEAR)], AMENDS).is_some();
        let silent = kind == "exit" && self.echo.is_text() && memmem::find(rest, NOTABLE).is_none();
        if silent || !self.question.selection.concerns(kind) {
            return Ok(());
        }
        if !amends && !self.prefilter.passes(raw) {
            return Ok(());
        }
        // Whole, at least; what is not is taken apart below.
        if self.blind && !counts && from_slice::<IgnoredAny>(raw).is_ok() {
            return self.echo.raw(raw);
        }
        self.parsed(raw, |scan, line| scan.show(raw, &line))
    }

    fn show(&mut self, raw: &[u8], line: &Line) -> io::Result<()> {
        let allowed = self.question.allows(line);
        let Report { sessions, tally, shown, .. } = &mut self.report;
        match &line.body {
            Body::Shutdown(shutdown) => tally.shutdown(sessions.current(), shutdown, allowed),
            Body::Finding(line) if allowed => tally.finding(&line.finding),
            _ => {}
        }
        if !allowed {
            return Ok(());
        }
        shown.add(line);
        self.echo.line(raw, line)
    }

    /// Shows that a session began, before anything of it is shown.
    fn announce(&mut self) -> io::Result<()> {
        let Some(raw) = self.report.sessions.take_unshown() else { return Ok(()) };
        match Line::parse(&raw) {
            Ok(line) => self.echo.line(&raw, &line),
            // Of a later version that has changed the settings, say: the others can be read.
            Err(_) => Ok(()),
        }
    }

    /// Looks into a line, and goes on with it; a damaged one is counted.
    fn parsed(
        &mut self,
        raw: &[u8],
        then: impl FnOnce(&mut Self, Line) -> io::Result<()>,
    ) -> io::Result<()> {
        match Line::parse(raw) {
            Ok(line) => then(self, line),
            Err(_) => self.odd(raw, true),
        }
    }
}
