//! Signals as events of spans.

use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::{
    super::schema::{ForwardingEdge, ProcessReport, ShutdownLine, Stop},
    attributes::Attributes,
    spans::{Times, event, nanoseconds, unix},
    subject,
};

/// Name of the event: a signal was sent.
const SIGNAL: &str = "signal_trace.signal";

/// What was sent to the workload and in it: the stop signal, who told whom, the first SIGKILL.
pub fn of_workload(shutdown: &ShutdownLine, times: Times) -> Vec<Event> {
    let forwards = shutdown.forwarding.edges.iter().filter_map(|edge| forward(edge, shutdown));
    let mut events: Vec<_> =
        shutdown.stop.iter().map(stop).chain(forwards).chain(kill(shutdown, times)).collect();
    events.sort_by_key(|event| event.time_unix_nano);
    events
}

/// What was sent to a process: its own stop signal, and the SIGKILL that ended it at `end`.
pub fn of_process(report: &ProcessReport, end: u64) -> Vec<Event> {
    let kill = report.killed_by.as_deref().map(|role| sigkill(role, end));
    report.stop.iter().map(stop).chain(kill).collect()
}

fn stop(stop: &Stop) -> Event {
    let Stop { signal, time, sender } = stop;
    let mut attributes = Attributes::default();
    attributes.set("signal_trace.signal.name", signal.as_str());
    subject::sender(&mut attributes, sender);
    event(SIGNAL, unix(time.0), attributes)
}

fn forward(edge: &ForwardingEdge, shutdown: &ShutdownLine) -> Option<Event> {
    let ForwardingEdge { from, to, signal, delay_seconds, evidence } = edge;
    let of = |pid: u32| shutdown.processes.iter().find(|report| report.process.pid == pid);
    // The one that was told knows best when; else it follows from when the other one was.
    let told = of(*to).and_then(|report| report.stop.as_ref()).map(|stop| unix(stop.time.0));
    let passed_on = || {
        let first = of(*from)?.stop.as_ref()?;
        Some(unix(first.time.0).saturating_add(nanoseconds((*delay_seconds)?)))
    };
    let mut attributes = Attributes::default();
    attributes.set("signal_trace.signal.name", signal.as_str());
    attributes.set("signal_trace.sender.pid", *from);
    attributes.set("signal_trace.target.pid", *to);
    attributes.set("signal_trace.signal.delay_seconds", *delay_seconds);
    attributes.set("signal_trace.signal.evidence", *evidence);
    Some(event(SIGNAL, told.or_else(passed_on)?, attributes))
}

/// The first SIGKILL, where the grace that was used tells its time.
fn kill(shutdown: &ShutdownLine, times: Times) -> Option<Event> {
    let killed = shutdown.processes.iter().find_map(|report| report.killed_by.as_deref())?;
    let used = nanoseconds(shutdown.grace.used_seconds?);
    Some(sigkill(killed, times.start.saturating_add(used)))
}

fn sigkill(role: &str, time: u64) -> Event {
    let mut attributes = Attributes::default();
    attributes.set("signal_trace.signal.name", "SIGKILL");
    attributes.set("signal_trace.sender.role", role);
    event(SIGNAL, time, attributes)
}
