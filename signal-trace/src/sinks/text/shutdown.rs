//! The block about one shutdown.

use std::fmt::Write as _;

use signal_trace_core::{
    findings::Finding,
    output::{FindingRecord, Forward, GraceSource, ProcessReport, ShutdownRecord, StopRef},
    time::BootNs,
};

use super::{
    KIND, TIME,
    event::{duration, exit, name, sender, since},
    style::{BOLD, DIM, RED, of_severity, of_verdict, span},
    whose::workload_name,
    wrap::wrap,
};

/// Left margin of the lines below the first, and width of their first column.
const MARGIN: usize = TIME + 2;
const LABEL: usize = 9;
/// Where a line of running text is broken.
const WIDTH: usize = 110;

/// The block.
pub fn render(record: &ShutdownRecord, time: &str, start: BootNs) -> String {
    let ShutdownRecord {
        shutdown_id,
        amends,
        workload,
        stop,
        duration_ns,
        grace_ns: _,
        grace_source: _,
        pre_stop,
        grace_used_ns: _,
        verdict,
        complete,
        processes,
        forwards,
        never_told: _,
        findings,
    } = record;
    let verdict = span(of_verdict(*verdict), &format!("{:<KIND$}", verdict.name().to_uppercase()));
    let mut text = format!("{time:>TIME$}  {verdict}  {}", span(BOLD, &workload_name(workload)));
    if !complete {
        text.push_str("  (not all of it was seen)");
    }
    text.push('\n');
    let mut row = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:MARGIN$}{label:<LABEL$}{value}", "");
    };
    if let Some(amends) = amends {
        row("report", &format!("{shutdown_id} corrects {amends}"));
    }
    match stop {
        Some(stop) => row("stop", &stop_text(stop, start)),
        None => row("stop", "none: killed without a stop signal"),
    }
    row("took", &format!("{}; {}", duration(*duration_ns), grace(record)));
    if let Some(hook) = pre_stop {
        let text = format!("{} took {} of the grace", name(&hook.process), duration(hook.took_ns));
        row("preStop", &text);
    }
    let names: Vec<_> = processes.iter().map(|report| name(&report.process)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (report, name) in processes.iter().zip(&names) {
        row(
            if report.main { "main" } else { "process" },
            &format!(
                "{}{}",
                process_text(report, name, width, stop.is_some()),
                told_by(report, forwards, processes)
            ),
        );
    }
    for finding in findings {
        push_finding(&mut text, finding);
    }
    text
}

/// A finding that belongs to no shutdown.
pub fn render_finding(record: &FindingRecord, time: &str) -> String {
    let FindingRecord { workload, process, finding } = record;
    let mut text = format!(
        "{time:>TIME$}  {}  {}: {}\n",
        span(BOLD, &format!("{:<KIND$}", "finding")),
        workload_name(workload),
        name(process)
    );
    push_finding(&mut text, finding);
    text
}

/// `grace 10.000 s (docker), 2.010 s of it used`.
fn grace(record: &ShutdownRecord) -> String {
    let used = record
        .grace_used_ns
        .map_or_else(|| "not used".to_owned(), |ns| format!("{} of it used", duration(ns)));
    let source = match record.grace_source {
        GraceSource::Default => "assumed",
        GraceSource::Flag => "--grace",
        GraceSource::Known(source) => source.name(),
    };
    match record.grace_ns {
        u64::MAX => format!("no limit ({source}), {used}"),
        ns => format!("grace {} ({source}), {used}", duration(ns)),
    }
}

fn stop_text(stop: &StopRef, start: BootNs) -> String {
    let StopRef { signal, at, sender: from } = stop;
    format!("{signal} from {} at {}", sender(from), since(*at, start))
}

/// `workload_stop` tells whether the workload got a stop signal.
fn process_text(report: &ProcessReport, name: &str, width: usize, workload_stop: bool) -> String {
    let ProcessReport {
        process: _,
        main: _,
        verdict,
        killed_by,
        stop,
        status,
        to_exit_ns,
        zombie_ns,
    } = report;
    let pad = width.saturating_sub(name.chars().count());
    let mut text = format!("{name}{:pad$}  {:<14}  ", "", verdict.name());
    match status {
        Some(status) => text.push_str(&exit(*status)),
        None => text.push_str("lives"),
    }
    if let Some(role) = killed_by {
        let _ = write!(text, " from {}", span(RED, role.name()));
    }
    if let (Some(ns), Some(_)) = (to_exit_ns, status) {
        let since = match (stop, workload_stop) {
            (Some(_), _) => "its stop signal",
            (None, true) => "the stop signal",
            (None, false) => "the first SIGKILL",
        };
        let _ = write!(text, " {} after {since}", duration(*ns));
    }
    // Below 100 ms it is the kernel's own delay.
    if let Some(ns) = zombie_ns.filter(|ns| *ns >= 100_000_000) {
        let _ = write!(text, ", a zombie for {}", duration(ns));
    }
    text
}

/// `, told by sh[901] 3.000 ms after that`; nothing for who was told from outside.
fn told_by(report: &ProcessReport, forwards: &[Forward], processes: &[ProcessReport]) -> String {
    let id = report.process.process.id;
    let Some(forward) = forwards.iter().find(|forward| forward.to == id) else {
        return String::new();
    };
    let from = processes.iter().find(|other| other.process.process.id == forward.from);
    let from = from.map_or_else(|| forward.from.pid.to_string(), |from| name(&from.process));
    let after = forward
        .after_ns
        .map_or_else(String::new, |ns| format!(" {} after that was told", duration(ns)));
    format!(", told by {from}{after}")
}

fn push_finding(text: &mut String, finding: &Finding) {
    let Finding { id, severity, summary, fix, evidence: _ } = finding;
    let label = span(of_severity(*severity), &format!("{:<LABEL$}", severity.name()));
    let _ = writeln!(text, "{:MARGIN$}{label}{}", "", span(BOLD, id));
    for (label, words) in [("", summary), ("fix: ", fix)] {
        for (number, line) in
            wrap(&format!("{label}{words}"), WIDTH - MARGIN - LABEL).iter().enumerate()
        {
            let line = if number == 0 && !label.is_empty() {
                line.replacen(label, &span(DIM, label), 1)
            } else {
                line.clone()
            };
            let _ = writeln!(text, "{:indent$}{line}", "", indent = MARGIN + LABEL);
        }
    }
}
