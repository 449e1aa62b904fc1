//! The end of a report about history: what it comes to. Pure text.

use std::fmt::Write as _;

use super::{
    range::Stamp,
    scan::Report,
    sessions::{Gap, Why},
    tally::Row,
};
use crate::{
    escape,
    question::Question,
    sinks::text::style::{BOLD, RED, of_severity, of_verdict, span},
};

/// Rows of a table.
const MOST: usize = 10;
/// Width of the first column.
const LABEL: usize = 10;

/// The summary of `files` files that were read.
pub fn render(report: &Report, question: &Question, files: usize, skipped: usize) -> String {
    let mut text = Table(String::from("\n"));
    let several = report.sessions.nodes().count() > 1;
    covered(&mut text, report, question, files, skipped);
    shutdowns(&mut text, report);
    for (number, Row { workload, all, bad, verdicts }) in
        report.tally.worst(MOST).iter().enumerate()
    {
        let which = verdicts.iter().map(|(name, count)| format!("{count} {}", shown(name)));
        let row = format!(
            "{}: {bad} of {} not clean ({})",
            span(BOLD, &shown(workload)),
            count(*all, "shutdown"),
            which.collect::<Vec<_>>().join(", "),
        );
        text.row(if number == 0 { "worst" } else { "" }, &row);
    }
    let findings = &report.tally.findings;
    for (number, ((severity, id), count)) in findings.iter().take(MOST * 2).enumerate() {
        let name = severity.0.name();
        let row = format!("{count} {} {}", span(of_severity(name), name), shown(id));
        text.row(if number == 0 { "findings" } else { "" }, &row);
    }
    sessions(&mut text, report);
    gaps(&mut text, report, several);
    text.0
}

struct Table(String);

impl Table {
    fn row(&mut self, label: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{}  {value}", span(BOLD, &format!("{label:<LABEL$}")));
    }
}

/// From when to when there are lines.
fn covered(text: &mut Table, report: &Report, question: &Question, files: usize, skipped: usize) {
    let nodes: Vec<_> = report.sessions.nodes().collect();
    let from = nodes.iter().map(|(_, first, _)| *first).min();
    let to = nodes.iter().map(|(_, _, last)| *last).max();
    let mut row = match (from.zip(to), &nodes[..]) {
        (Some((from, to)), [(node, ..)]) => {
            format!("{} to {} on {}", second(from), second(to), shown(node))
        }
        (Some((from, to)), nodes) => {
            format!("{} to {} on {} nodes", second(from), second(to), nodes.len())
        }
        (None, _) => "nothing from the time that was asked for".to_owned(),
    };
    let _ = write!(row, "; {} read", count(files as u64, "file"));
    if skipped > 0 {
        let _ = write!(row, ", {skipped} of other times left out");
    }
    text.row("history", &row);
    if question.range.is_all() {
        return;
    }
    let side = |name: &str, at: Option<Stamp>| at.map(|at| format!("{name} {}", second(at)));
    let asked = [side("since", question.range.since), side("until", question.range.until)];
    text.row("asked for", &asked.into_iter().flatten().collect::<Vec<_>>().join(" "));
}

fn shutdowns(text: &mut Table, report: &Report) {
    let mut verdicts: Vec<_> = report.tally.verdicts.iter().collect();
    verdicts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let all: u64 = verdicts.iter().map(|(_, count)| *count).sum();
    let by_verdict: Vec<_> = verdicts
        .iter()
        .map(|(name, count)| format!("{count} {}", span(of_verdict(name), &shown(name))))
        .collect();
    let row =
        if all == 0 { "none".to_owned() } else { format!("{all}: {}", by_verdict.join(", ")) };
    text.row("shutdowns", &row);
}

fn sessions(text: &mut Table, report: &Report) {
    let sessions = &report.sessions;
    let parts = [
        (sessions.ended, "ended in order"),
        (sessions.killed, "did not end in order"),
        (sessions.open, "without an end (it still runs, or was killed)"),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !parts.is_empty() {
        text.row("sessions", &format!("{}: {}", sessions.count_all(), parts.join(", ")));
    }
}

fn gaps(text: &mut Table, report: &Report, several: bool) {
    let mut rows: Vec<_> = report.sessions.gaps.iter().map(|it| gap(it, several)).collect();
    if report.sessions.more_gaps > 0 {
        rows.push(format!("and {} more", report.sessions.more_gaps));
    }
    if report.unreadable > 0 {
        rows.push(format!("{} of the files damaged", count(report.unreadable, "line")));
    }
    if report.lost_files > 0 {
        let files = count(report.lost_files, "file");
        rows.push(format!("{files} not read, or not to the end: see the messages"));
    }
    if report.shown.inconclusive {
        rows.push("something was lost that inconclusive shutdowns depend on".to_owned());
    }
    if rows.is_empty() {
        text.row("gaps", "none");
    }
    for (number, row) in rows.iter().enumerate() {
        text.row(if number == 0 { "gaps" } else { "" }, &span(RED, row));
    }
}

fn gap(gap: &Gap, several: bool) -> String {
    let Gap { node, from, to, why } = gap;
    let node = if several { format!(" on {}", shown(node)) } else { String::new() };
    let time = format!("{} to {}{node}", second(*from), second(*to));
    match why {
        Why::Ended => format!("{time}: no agent ran"),
        Why::Killed => {
            format!("{time}: the agent was killed at some time in this, and another one began")
        }
        Why::NothingBefore => format!("{time}: no agent ran, or what it wrote is not here"),
        Why::Lost { kind, count } => format!("{time}: {count} {} lost", shown(kind)),
    }
}

/// `2026-11-24 03:00:12Z`
fn second(at: Stamp) -> String {
    let text = at.to_string();
    format!("{}Z", text.get(..19).unwrap_or(&text).replacen('T', " ", 1))
}

fn shown(name: &str) -> String {
    // A slash or a space between two names is ours.
    match name.split_once(' ') {
        Some((kind, rest)) if kind == "process" => {
            format!("{kind} {}", escape::for_text(&escape::from_json(rest)))
        }
        _ if name.starts_with('(') && name.ends_with(')') && name.is_ascii() => name.to_owned(),
        _ => escape::for_text(&escape::from_json(name)).into_owned(),
    }
}

fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
