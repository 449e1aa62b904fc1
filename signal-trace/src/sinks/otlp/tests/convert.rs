//! What lines become.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    trace::v1::Span,
};
use prost::Message;
use serde_json::{Value, json};

use super::{
    super::{
        logs::logs,
        requests::Converter,
        resource::Host,
        spans::{Times, spans},
        target::Signal,
    },
    host, ids, json, lines,
};
use crate::{
    golden,
    sinks::schema::{Body, Line, ShutdownLine},
};

fn shutdowns() -> Vec<(Line, ShutdownLine)> {
    let all = lines().into_iter().filter_map(|line| match &line.body {
        Body::Shutdown(shutdown) => Some((line.clone(), (**shutdown).clone())),
        _ => None,
    });
    all.collect()
}

fn spans_of(index: usize) -> Vec<Span> {
    let (line, shutdown) = &shutdowns()[index];
    spans(&ids(), line, shutdown)
}

fn attribute(span: &Span, key: &str) -> Value {
    json::attributes(&span.attributes)[key].clone()
}

#[test]
fn every_line_becomes_what_the_golden_file_holds() {
    let ids = ids();
    let converted = lines().into_iter().filter_map(|line| {
        let spans = match &line.body {
            Body::Shutdown(shutdown) => spans(&ids, &line, shutdown),
            _ => vec![],
        };
        let logs = logs(&ids, &line);
        let spans: Vec<_> = spans.iter().map(json::span).collect();
        let logs: Vec<_> = logs.iter().map(json::log).collect();
        let kind = line.body.kind();
        (!spans.is_empty() || !logs.is_empty())
            .then(|| json!({ "line": line.seq, "type": kind, "spans": spans, "logs": logs }))
    });
    let text = serde_json::to_string_pretty(&converted.collect::<Vec<_>>()).unwrap() + "\n";
    golden::check("src/sinks/otlp/tests/golden.json", &text);
}

#[test]
fn requests_name_the_agent_and_hold_everything() {
    assert_eq!(Host::of(&lines()[0], true), Some(host()));
    let requests = Converter::new(&host(), &[Signal::Traces, Signal::Logs]).requests(&lines());
    let [traces, logs] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!((traces.signal, logs.signal), (Signal::Traces, Signal::Logs));
    let traces_sent = ExportTraceServiceRequest::decode(&*traces.message).unwrap();
    let logs_sent = ExportLogsServiceRequest::decode(&*logs.message).unwrap();
    let [of_spans] = &traces_sent.resource_spans[..] else { panic!("one resource") };
    let [of_logs] = &logs_sent.resource_logs[..] else { panic!("one resource") };
    assert_eq!(of_spans.resource, of_logs.resource);
    let resource = json::attributes(&of_spans.resource.as_ref().unwrap().attributes);
    assert_eq!(resource["service.name"], "signal-trace");
    assert_eq!(resource["host.name"], "n1");
    assert_eq!(resource["k8s.node.name"], "n1");
    assert_eq!(resource["os.type"], "linux");
    assert_eq!(of_spans.scope_spans[0].scope.as_ref().unwrap().name, "signal-trace");
    assert_eq!(of_spans.scope_spans[0].spans.len(), traces.records);
    assert_eq!(of_logs.scope_logs[0].log_records.len(), logs.records);

    let only_logs = Converter::new(&host(), &[Signal::Logs]).requests(&lines());
    assert_eq!(only_logs.iter().map(|it| it.signal).collect::<Vec<_>>(), [Signal::Logs]);
    assert!(Converter::new(&host(), &[Signal::Traces]).requests(&lines()[..1]).is_empty());
}

#[test]
fn the_same_lines_make_the_same_requests() {
    let requests = || Converter::new(&host(), &[Signal::Traces, Signal::Logs]).requests(&lines());
    for (one, other) in requests().iter().zip(requests()) {
        assert_eq!(one.message, other.message);
    }
}

#[test]
fn spans_begin_and_end_when_it_happened() {
    let spans = spans_of(0);
    let [root, shell, ..] = &spans[..] else { panic!("{spans:?}") };
    let (_, shutdown) = &shutdowns()[0];
    let stop = shutdown.stop.as_ref().unwrap().time.0.cast_unsigned();
    assert_eq!(root.start_time_unix_nano, stop);
    assert_eq!(root.end_time_unix_nano, stop + 10_011_000_000);
    assert_eq!(shell.start_time_unix_nano, stop);
    assert_eq!(shell.end_time_unix_nano, stop + 10_006_000_000);
    assert_eq!(shell.parent_span_id, root.span_id);
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names[..2], ["shutdown", "sh"]);
    let times: Vec<_> = root.events.iter().map(|it| it.time_unix_nano - stop).collect();
    assert_eq!(times, [0, 3_000_000, 10_004_000_000], "stop, passed on, SIGKILL");
}

#[test]
fn without_a_stop_signal_the_report_less_its_duration_is_the_beginning() {
    let (line, shutdown) = &shutdowns()[1];
    let times = Times::of(line, shutdown);
    assert!(shutdown.stop.is_none());
    assert_eq!(times.end, line.time.0.cast_unsigned());
    assert_eq!(times.end - times.start, 10_011_000_000);
    let spans = spans_of(1);
    let lives = spans.last().unwrap();
    assert_eq!(attribute(lives, "signal_trace.process.alive"), true);
    assert_eq!(lives.end_time_unix_nano, times.end);
}

#[test]
fn an_amendment_is_a_trace_of_its_own_that_points_to_the_first() {
    let (line, mut shutdown) = shutdowns()[1].clone();
    shutdown.shutdown_id = "77-2".into();
    let root = &spans(&ids(), &line, &shutdown)[0];
    let amended = shutdown.amends.as_deref().unwrap();
    assert_eq!(root.links[0].trace_id, ids().trace(amended));
    assert_eq!(root.links[0].span_id, ids().root(amended));
    assert_ne!(root.links[0].trace_id, root.trace_id);
}

#[test]
fn a_hook_is_a_span_before_the_stop_signal() {
    let spans = spans_of(2);
    let [root, hook] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(root.name, "shutdown Deployment/web");
    assert_eq!(hook.name, "preStop hook");
    assert_eq!(hook.end_time_unix_nano - hook.start_time_unix_nano, 2_000_000_000);
    assert_eq!(attribute(root, "k8s.deployment.name"), "web");
    assert_eq!(attribute(root, "k8s.namespace.name"), "shop");
    assert_eq!(attribute(root, "container.runtime.name"), "containerd");
    assert_eq!(attribute(root, "k8s.pod.name"), "web-0\\n\\x1b[31m\"\\u{202e}\\");
}

#[test]
fn bad_verdicts_and_findings_of_severity_error_are_errors() {
    let status = |verdict: &'static str, severity: Option<&'static str>| {
        let (line, mut shutdown) = shutdowns()[0].clone();
        shutdown.verdict = verdict.into();
        match severity {
            Some(severity) => shutdown.findings[0].severity = severity.into(),
            None => shutdown.findings.clear(),
        }
        let root = spans(&ids(), &line, &shutdown).remove(0);
        let kind = attribute(&root, "error.type");
        (root.status.map(|status| status.message), kind)
    };
    for verdict in ["forced", "oom-killed", "crashed", "still-running"] {
        assert_eq!(status(verdict, None), (Some(verdict.into()), verdict.into()));
        assert!(status(verdict, Some("info")).0.unwrap().starts_with("sh[901] is PID 1"));
    }
    for verdict in ["graceful", "default-action", "inconclusive"] {
        assert_eq!(status(verdict, None), (None, Value::Null));
        assert_eq!(status(verdict, Some("warning")), (None, Value::Null));
        assert_eq!(status(verdict, Some("error")).1, "pid1-ignores-stop-signal");
    }
}

#[test]
fn findings_of_a_shutdown_name_its_trace() {
    let (line, shutdown) = &shutdowns()[0];
    let root = &spans(&ids(), line, shutdown)[0];
    let [record] = &logs(&ids(), line)[..] else { panic!("one finding") };
    assert_eq!((&record.trace_id, &record.span_id), (&root.trace_id, &root.span_id));
    assert_eq!(record.severity_number, 17);
    assert_eq!(record.time_unix_nano, root.end_time_unix_nano);
}

#[test]
fn no_two_records_have_one_id() {
    let all: Vec<_> = lines().iter().flat_map(|line| logs(&ids(), line)).collect();
    let id = |list| json::attributes(list)["log.record.uid"].as_str().unwrap().to_owned();
    let different: BTreeSet<_> = all.iter().map(|record| id(&record.attributes)).collect();
    assert_eq!(different.len(), all.len());
}
