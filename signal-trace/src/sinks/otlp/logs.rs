//! Findings, losses, OOM kills and zombies as log records.

pub use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value},
    logs::v1::SeverityNumber,
};

use super::{
    super::schema::{
        Body, Finding, FindingLine, Line, LossLine, OomLine, ShutdownLine, ZombieLine,
    },
    attributes::Attributes,
    ids::Ids,
    spans::{Times, unix},
    subject,
};

/// Of a record that belongs to a sampled trace (W3C Trace Context).
const SAMPLED: u32 = 1;

/// Log records of `line`; none for most types.
pub fn logs(ids: &Ids, line: &Line) -> Vec<LogRecord> {
    match &line.body {
        Body::Shutdown(shutdown) => of_shutdown(ids, line, shutdown),
        Body::Finding(found) => vec![finding(ids, line, found)],
        Body::Zombie(it) => vec![zombie(ids, line, it)],
        Body::Oom(it) => vec![oom(ids, line, it)],
        Body::Loss(it) => vec![loss(ids, line, it)],
        Body::Recording(_)
        | Body::Signal(_)
        | Body::Delivery(_)
        | Body::Exit(_)
        | Body::Reap(_)
        | Body::End(_) => vec![],
    }
}

/// What a record says.
struct Said {
    event: &'static str,
    severity: SeverityNumber,
    text: String,
    attributes: Attributes,
}

/// The record number `index` of `line`.
fn record(ids: &Ids, line: &Line, index: usize, said: Said) -> LogRecord {
    let Said { event, severity, text, mut attributes } = said;
    attributes.set("log.record.uid", ids.record(line.time, line.seq, index));
    let name = match severity {
        SeverityNumber::Error => "ERROR",
        SeverityNumber::Warn => "WARN",
        _ => "INFO",
    };
    LogRecord {
        time_unix_nano: unix(line.time.0),
        observed_time_unix_nano: unix(line.time.0),
        severity_number: severity.into(),
        severity_text: name.to_owned(),
        body: Some(AnyValue { value: Some(Value::StringValue(text)) }),
        attributes: attributes.into_list(),
        event_name: event.to_owned(),
        ..LogRecord::default()
    }
}

fn of_shutdown(ids: &Ids, line: &Line, shutdown: &ShutdownLine) -> Vec<LogRecord> {
    let id = &shutdown.shutdown_id;
    let numbered = shutdown.findings.iter().enumerate();
    numbered
        .map(|(index, finding)| {
            let mut attributes = of_finding(finding);
            attributes.set("signal_trace.shutdown.id", id.as_str());
            attributes.set("signal_trace.shutdown.verdict", &*shutdown.verdict);
            subject::workload(&mut attributes, &shutdown.workload);
            LogRecord {
                // When it happened; the line's own time is when it was seen.
                time_unix_nano: Times::of(line, shutdown).end,
                trace_id: ids.trace(id).to_vec(),
                span_id: ids.root(id).to_vec(),
                flags: SAMPLED,
                ..record(ids, line, index, said_of(finding, attributes))
            }
        })
        .collect()
}

fn finding(ids: &Ids, line: &Line, found: &FindingLine) -> LogRecord {
    let FindingLine { workload, process, finding } = found;
    let mut attributes = of_finding(finding);
    subject::workload(&mut attributes, workload);
    subject::process(&mut attributes, process);
    record(ids, line, 0, said_of(finding, attributes))
}

fn of_finding(finding: &Finding) -> Attributes {
    // The summary is the body, the severity has fields of its own.
    let Finding { id, severity: _, summary: _, fix, evidence } = finding;
    let mut attributes = Attributes::default();
    attributes.set("signal_trace.finding.id", &**id);
    attributes.set("signal_trace.finding.fix", fix.as_str());
    attributes.set("signal_trace.finding.evidence", evidence.clone());
    attributes
}

fn said_of(finding: &Finding, attributes: Attributes) -> Said {
    let severity = match &*finding.severity {
        "error" => SeverityNumber::Error,
        "warning" => SeverityNumber::Warn,
        _ => SeverityNumber::Info,
    };
    Said { event: "signal_trace.finding", severity, text: finding.summary.clone(), attributes }
}

fn zombie(ids: &Ids, line: &Line, zombie: &ZombieLine) -> LogRecord {
    let ZombieLine {
        process,
        workload,
        parent,
        parent_sigchld,
        orphaned,
        age_seconds,
        workload_zombies,
    } = zombie;
    let mut attributes = Attributes::default();
    subject::process(&mut attributes, process);
    attributes.set("process.state", "defunct");
    attributes.set("signal_trace.zombie.age_seconds", *age_seconds);
    attributes.set("signal_trace.zombie.orphaned", *orphaned);
    attributes.set("signal_trace.zombie.workload_zombies", *workload_zombies);
    attributes.set("signal_trace.zombie.parent_sigchld", parent_sigchld.as_deref());
    attributes.set("signal_trace.parent.pid", parent.as_ref().map(|parent| parent.pid));
    attributes.set("signal_trace.parent.comm", parent.as_ref().map(|parent| parent.comm.as_str()));
    if let Some(workload) = workload {
        subject::workload(&mut attributes, workload);
    }
    let who = parent.as_ref().map_or("nobody known".to_owned(), subject::name_and_pid);
    let name = subject::name_and_pid(process);
    let text = format!("{name} has been a zombie for {age_seconds:.1} s; {who} has to reap it");
    let severity = SeverityNumber::Warn;
    record(ids, line, 0, Said { event: "signal_trace.zombie", severity, text, attributes })
}

fn oom(ids: &Ids, line: &Line, oom: &OomLine) -> LogRecord {
    let OomLine { process, workload, oom } = oom;
    let mut attributes = Attributes::default();
    subject::process(&mut attributes, process);
    attributes.set("signal_trace.oom.tid", oom.tid);
    attributes.set("signal_trace.oom.total_vm_pages", oom.total_vm_pages);
    attributes.set("signal_trace.oom.oom_score_adj", oom.oom_score_adj);
    if let Some(workload) = workload {
        subject::workload(&mut attributes, workload);
    }
    let text = format!("the OOM killer chose {}", subject::name_and_pid(process));
    let severity = SeverityNumber::Error;
    record(ids, line, 0, Said { event: "signal_trace.oom", severity, text, attributes })
}

fn loss(ids: &Ids, line: &Line, loss: &LossLine) -> LogRecord {
    let LossLine { kind, count, window } = loss;
    let mut attributes = Attributes::default();
    attributes.set("signal_trace.loss.kind", &**kind);
    attributes.set("signal_trace.loss.count", *count);
    attributes.set("signal_trace.loss.window.from", window.from.to_string());
    attributes.set("signal_trace.loss.window.to", window.to.to_string());
    let text =
        format!("{count} records are missing ({kind}), between {} and {}", window.from, window.to);
    let severity = SeverityNumber::Warn;
    record(ids, line, 0, Said { event: "signal_trace.loss", severity, text, attributes })
}
