//! The block about one shutdown.

use std::fmt::Write as _;

use super::{
    KIND, View,
    event::{duration, exit, name, sender},
    style::{BOLD, DIM, RED, of_severity, of_verdict, span},
    whose::workload_name,
    wrap::wrap,
};
use crate::{
    escape,
    sinks::schema::{
        Finding, FindingLine, ForwardingEdge, Grace, PreStop, ProcessReport, ShutdownLine, Stop,
    },
};

/// Width of the first column of the lines below the first.
const LABEL: usize = 9;
/// Where a line of running text is broken, if that leaves room for the text.
const WIDTH: usize = 110;
const SHORTEST_TEXT: usize = 70;

/// Left margin of the lines below the one that begins with `head`.
fn margin(head: &str) -> usize {
    head.chars().count() + 2
}

/// The block.
pub fn render(line: &ShutdownLine, head: &str, view: &View) -> String {
    let ShutdownLine {
        shutdown_id,
        amends,
        workload,
        stop,
        grace,
        duration_seconds,
        verdict,
        complete,
        processes,
        forwarding,
        findings,
    } = line;
    let margin = margin(head);
    let text = escape::for_text(verdict.as_bytes()).to_uppercase();
    let verdict = span(of_verdict(verdict), &format!("{text:<KIND$}"));
    let mut text = format!("{head}  {verdict}  {}", span(BOLD, &workload_name(workload)));
    if !complete {
        text.push_str("  (not all of it was seen)");
    }
    text.push('\n');
    let mut row = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:margin$}{label:<LABEL$}{value}", "");
    };
    if let Some(amends) = amends {
        let ids = [shutdown_id, amends].map(|id| escape::for_text(id.as_bytes()));
        row("report", &format!("{} corrects {}", ids[0], ids[1]));
    }
    match stop {
        Some(stop) => row("stop", &stop_text(stop, view)),
        None => row("stop", "none: killed without a stop signal"),
    }
    row("took", &format!("{}; {}", duration(*duration_seconds), self::grace(grace)));
    if let Some(PreStop { process, seconds }) = &grace.pre_stop {
        row("preStop", &format!("{} took {} of the grace", name(process), duration(*seconds)));
    }
    let names: Vec<_> = processes.iter().map(|report| name(&report.process)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (report, name) in processes.iter().zip(&names) {
        row(
            if report.main { "main" } else { "process" },
            &format!(
                "{}{}",
                process_text(report, name, width, stop.is_some()),
                told_by(report, &forwarding.edges, processes)
            ),
        );
    }
    for finding in findings {
        push_finding(&mut text, finding, margin);
    }
    text
}

/// A finding that belongs to no shutdown.
pub fn render_finding(line: &FindingLine, head: &str) -> String {
    let FindingLine { workload, process, finding } = line;
    let mut text = format!(
        "{head}  {}  {}: {}\n",
        span(BOLD, &format!("{:<KIND$}", "finding")),
        workload_name(workload),
        name(process)
    );
    push_finding(&mut text, finding, margin(head));
    text
}

/// `grace 10.000 s (docker), 2.010 s of it used`.
fn grace(grace: &Grace) -> String {
    let used = grace.used_seconds.map_or_else(
        || "not used".to_owned(),
        |seconds| format!("{} of it used", duration(seconds)),
    );
    let source = match grace.source.as_ref() {
        "default" => "assumed".into(),
        "flag" => "--grace".into(),
        known => escape::for_text(known.as_bytes()),
    };
    match grace.configured_seconds {
        None => format!("no limit ({source}), {used}"),
        Some(seconds) => format!("grace {} ({source}), {used}", duration(seconds)),
    }
}

fn stop_text(stop: &Stop, view: &View) -> String {
    let Stop { signal, time, sender: from } = stop;
    let signal = escape::for_text(signal.as_bytes());
    format!("{signal} from {} at {}", sender(from), view.time(*time))
}

/// `workload_stop` tells whether the workload got a stop signal.
fn process_text(report: &ProcessReport, name: &str, width: usize, workload_stop: bool) -> String {
    let ProcessReport {
        process: _,
        main: _,
        verdict,
        killed_by,
        stop,
        exit: ended,
        seconds_to_exit,
        zombie_seconds,
    } = report;
    let pad = width.saturating_sub(name.chars().count());
    let verdict = escape::for_text(verdict.as_bytes());
    let mut text = format!("{name}{:pad$}  {verdict:<14}  ", "");
    match ended {
        Some(ended) => text.push_str(&exit(ended)),
        None => text.push_str("lives"),
    }
    if let Some(role) = killed_by {
        let _ = write!(text, " from {}", span(RED, &escape::for_text(role.as_bytes())));
    }
    if let (Some(seconds), Some(_)) = (seconds_to_exit, ended) {
        let since = match (stop, workload_stop) {
            (Some(_), _) => "its stop signal",
            (None, true) => "the stop signal",
            (None, false) => "the first SIGKILL",
        };
        let _ = write!(text, " {} after {since}", duration(*seconds));
    }
    // Below 100 ms it is the kernel's own delay.
    if let Some(seconds) = zombie_seconds.filter(|seconds| *seconds >= 0.1) {
        let _ = write!(text, ", a zombie for {}", duration(seconds));
    }
    text
}

/// `, told by sh[901] 3.000 ms after that`; nothing for who was told from outside.
fn told_by(
    report: &ProcessReport,
    edges: &[ForwardingEdge],
    processes: &[ProcessReport],
) -> String {
    let Some(edge) = edges.iter().find(|edge| edge.to == report.process.pid) else {
        return String::new();
    };
    let from = processes.iter().find(|other| other.process.pid == edge.from);
    let from = from.map_or_else(|| edge.from.to_string(), |from| name(&from.process));
    let after = edge
        .delay_seconds
        .map_or_else(String::new, |seconds| format!(" {} after that was told", duration(seconds)));
    format!(", told by {from}{after}")
}

fn push_finding(text: &mut String, finding: &Finding, margin: usize) {
    let Finding { id, severity, summary, fix, evidence: _ } = finding;
    let (id, word) = (escape::for_text(id.as_bytes()), escape::for_text(severity.as_bytes()));
    let label = span(of_severity(severity), &format!("{word:<LABEL$}"));
    let _ = writeln!(text, "{:margin$}{label}{}", "", span(BOLD, &id));
    let indent = margin + LABEL;
    let width = WIDTH.saturating_sub(indent).max(SHORTEST_TEXT);
    for (label, words) in [("", summary), ("fix: ", fix)] {
        for (number, line) in wrap(&format!("{label}{words}"), width).iter().enumerate() {
            let line = if number == 0 && !label.is_empty() {
                line.replacen(label, &span(DIM, label), 1)
            } else {
                line.clone()
            };
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
    }
}
