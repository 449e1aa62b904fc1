//! A shutdown as a trace: a span for the workload, and below it one for each of its processes.

pub use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::{
    SpanFlags, Status,
    span::{Event, Link, SpanKind},
    status::StatusCode,
};

use super::{
    super::schema::{Line, ProcessReport, ShutdownLine},
    attributes::Attributes,
    events,
    ids::Ids,
    subject,
};

/// Verdicts on a workload that did not stop as it should.
const BAD: [&str; 4] = ["forced", "oom-killed", "crashed", "still-running"];
/// Verdicts on a process that did not, beside those that a SIGKILL ended.
const BAD_PROCESS: [&str; 3] = ["oom-killed", "crashed", "unkillable"];

/// Sampled (W3C Trace Context, section 3.2.2.5), and the parent is known not to be remote.
const FLAGS: u32 = 1 | SpanFlags::ContextHasIsRemoteMask as u32;

/// When a shutdown began and when it was over, nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The stop signal; without one, the report less the duration.
    pub start: u64,
    /// The last exit, or the report if somebody lives on.
    pub end: u64,
}

impl Times {
    /// Those of the report in `line`.
    pub fn of(line: &Line, shutdown: &ShutdownLine) -> Self {
        let duration = nanoseconds(shutdown.duration_seconds);
        let start = match &shutdown.stop {
            Some(stop) => unix(stop.time.0),
            None => unix(line.time.0).saturating_sub(duration),
        };
        Self { start, end: start.saturating_add(duration) }
    }
}

/// Spans of the report in `line`, the workload's first.
pub fn spans(ids: &Ids, line: &Line, shutdown: &ShutdownLine) -> Vec<Span> {
    let id = &shutdown.shutdown_id;
    let times = Times::of(line, shutdown);
    let child = |span_id: [u8; 8], span: Span| Span {
        trace_id: ids.trace(id).to_vec(),
        span_id: span_id.to_vec(),
        parent_span_id: ids.root(id).to_vec(),
        flags: FLAGS,
        kind: SpanKind::Internal.into(),
        ..span
    };
    let hook = shutdown.grace.pre_stop.as_ref().map(|hook| {
        let start = unix(hook.process.start_time.0);
        let mut attributes = Attributes::default();
        subject::process(&mut attributes, &hook.process);
        let span = Span {
            name: "preStop hook".to_owned(),
            start_time_unix_nano: start,
            end_time_unix_nano: start.saturating_add(nanoseconds(hook.seconds)),
            attributes: attributes.into_list(),
            ..Span::default()
        };
        child(ids.hook(id, &hook.process), span)
    });
    let processes = shutdown
        .processes
        .iter()
        .map(|report| child(ids.process(id, &report.process), process(report, times)));
    let root = Span { parent_span_id: vec![], ..child(ids.root(id), root(ids, shutdown, times)) };
    [Some(root), hook].into_iter().flatten().chain(processes).collect()
}

fn root(ids: &Ids, shutdown: &ShutdownLine, times: Times) -> Span {
    let ShutdownLine {
        shutdown_id,
        amends,
        workload,
        stop,
        grace,
        duration_seconds,
        verdict,
        complete,
        // Each has a span.
        processes: _,
        forwarding,
        findings,
    } = shutdown;
    let mut attributes = Attributes::default();
    attributes.set("signal_trace.shutdown.id", shutdown_id.as_str());
    attributes.set("signal_trace.shutdown.amends", amends.as_deref());
    attributes.set("signal_trace.shutdown.verdict", &**verdict);
    attributes.set("signal_trace.shutdown.complete", *complete);
    attributes.set("signal_trace.shutdown.duration_seconds", *duration_seconds);
    let ids_of_findings: Vec<_> = findings.iter().map(|finding| &*finding.id).collect();
    attributes.set("signal_trace.shutdown.findings", ids_of_findings);
    attributes.set("signal_trace.shutdown.never_told", forwarding.never_told.clone());
    attributes.set("signal_trace.stop.signal", stop.as_ref().map(|stop| stop.signal.as_str()));
    attributes.set("signal_trace.grace.configured_seconds", grace.configured_seconds);
    attributes.set("signal_trace.grace.source", &*grace.source);
    attributes.set("signal_trace.grace.used_seconds", grace.used_seconds);
    subject::workload(&mut attributes, workload);
    let bad_finding = findings.iter().find(|finding| finding.severity == "error");
    let bad_verdict = BAD.contains(&&**verdict).then_some(&**verdict);
    let error = bad_verdict.or_else(|| bad_finding.map(|finding| &*finding.id));
    attributes.set("error.type", error);
    // The worst one is the first one.
    let message = || findings.first().map_or(&**verdict, |finding| &finding.summary).to_owned();
    let link = |amended: &String| Link {
        trace_id: ids.trace(amended).to_vec(),
        span_id: ids.root(amended).to_vec(),
        flags: FLAGS,
        attributes: {
            let mut attributes = Attributes::default();
            attributes.set("signal_trace.link", "amends");
            attributes.into_list()
        },
        ..Link::default()
    };
    Span {
        // Few names: backends count by them.
        name: match subject::stable_name(workload) {
            Some(name) => format!("shutdown {}", crate::escape::for_text(name.as_bytes())),
            None => "shutdown".to_owned(),
        },
        start_time_unix_nano: times.start,
        end_time_unix_nano: times.end,
        attributes: attributes.into_list(),
        events: events::of_workload(shutdown, times),
        links: amends.iter().map(link).collect(),
        status: error.map(|_| failed(message())),
        ..Span::default()
    }
}

fn process(report: &ProcessReport, times: Times) -> Span {
    let ProcessReport {
        process,
        main,
        verdict,
        killed_by,
        stop,
        exit,
        seconds_to_exit,
        zombie_seconds,
    } = report;
    let start = stop.as_ref().map_or(times.start, |stop| unix(stop.time.0));
    let end = match (exit, seconds_to_exit) {
        (Some(_), Some(seconds)) => start.saturating_add(nanoseconds(*seconds)),
        // It was dead before it could be told.
        (Some(_), None) => start,
        (None, _) => times.end.max(start),
    };
    let mut attributes = Attributes::default();
    subject::process(&mut attributes, process);
    attributes.set("signal_trace.process.main", *main);
    attributes.set("signal_trace.process.verdict", &**verdict);
    attributes.set("signal_trace.process.killed_by", killed_by.as_deref());
    attributes.set("signal_trace.process.seconds_to_exit", *seconds_to_exit);
    attributes.set("signal_trace.process.zombie_seconds", *zombie_seconds);
    attributes.set("signal_trace.process.alive", exit.is_none());
    if let Some(exit) = exit {
        subject::exit(&mut attributes, exit);
    }
    let bad = killed_by.is_some() || BAD_PROCESS.contains(&&**verdict);
    attributes.set("error.type", bad.then_some(&**verdict));
    let message = || match killed_by {
        Some(role) => format!("{verdict}: ended by a SIGKILL from {role}"),
        None => verdict.to_string(),
    };
    Span {
        name: subject::name(process),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: attributes.into_list(),
        events: events::of_process(report, end),
        status: bad.then(|| failed(message())),
        ..Span::default()
    }
}

fn failed(message: String) -> Status {
    Status { message, code: StatusCode::Error.into() }
}

/// Wall time as OTLP has it, which knows none before 1970.
pub const fn unix(ns: i64) -> u64 {
    if ns < 0 { 0 } else { ns.cast_unsigned() }
}

/// Nanoseconds of a number of seconds; 0 for what is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` goes to the nearest that there is"
)]
pub fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// An event of this name with these attributes.
pub fn event(name: &str, time: u64, attributes: Attributes) -> Event {
    Event {
        time_unix_nano: time,
        name: name.to_owned(),
        attributes: attributes.into_list(),
        ..Event::default()
    }
}
