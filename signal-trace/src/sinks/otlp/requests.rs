//! A batch of lines as requests: one signal each, none larger than receivers take.

use std::mem;

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    logs::v1::{ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans},
};
use prost::{Message, bytes::Bytes};

use super::{
    super::schema::{Body, Line},
    ids::Ids,
    logs::{LogRecord, logs},
    resource::{Host, SCHEMA_URL, resource, scope},
    spans::{Span, spans},
    target::Signal,
};

/// Bytes of records in a request, about; collectors take 4 MiB by gRPC unless told otherwise. One
/// record that is larger goes alone.
const MOST_BYTES: usize = 2 << 20;

/// A request, as it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is in it.
    pub signal: Signal,
    /// How many spans or log records.
    pub records: usize,
    /// The message.
    pub message: Bytes,
}

/// Makes requests of lines.
#[derive(Debug)]
pub struct Converter {
    ids: Ids,
    resource: Resource,
    signals: Vec<Signal>,
}

impl Converter {
    /// For what happens on `host`, as far as it is one of `signals`.
    pub fn new(host: &Host, signals: &[Signal]) -> Self {
        let ids = Ids::new(&host.node, &host.boot_id);
        Self { ids, resource: resource(host, &ids), signals: signals.to_vec() }
    }

    /// What has to be sent for `batch`, traces first: who reads a log record may look for its trace.
    /// Nothing for lines that OTLP has no place for.
    pub fn requests(&self, batch: &[Line]) -> Vec<Request> {
        let wants = |signal| self.signals.contains(&signal);
        let lines = || batch.iter();
        let traces = lines().filter(|_| wants(Signal::Traces)).flat_map(|line| self.spans(line));
        let logs = lines().filter(|_| wants(Signal::Logs)).flat_map(|line| logs(&self.ids, line));
        let traces = chunks(traces).into_iter().map(|spans| self.traces(spans));
        let logs = chunks(logs).into_iter().map(|records| self.logs(records));
        traces.chain(logs).collect()
    }

    fn spans(&self, line: &Line) -> Vec<Span> {
        match &line.body {
            Body::Shutdown(shutdown) => spans(&self.ids, line, shutdown),
            _ => vec![],
        }
    }

    fn traces(&self, spans: Vec<Span>) -> Request {
        let records = spans.len();
        let schema_url = SCHEMA_URL.to_owned();
        let scope_spans =
            vec![ScopeSpans { scope: Some(scope()), spans, schema_url: schema_url.clone() }];
        let resource = Some(self.resource.clone());
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }],
        };
        Request { signal: Signal::Traces, records, message: request.encode_to_vec().into() }
    }

    fn logs(&self, log_records: Vec<LogRecord>) -> Request {
        let records = log_records.len();
        let schema_url = SCHEMA_URL.to_owned();
        let scope_logs =
            vec![ScopeLogs { scope: Some(scope()), log_records, schema_url: schema_url.clone() }];
        let resource = Some(self.resource.clone());
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url }],
        };
        Request { signal: Signal::Logs, records, message: request.encode_to_vec().into() }
    }
}

/// The records in portions of [`MOST_BYTES`]; no portion is empty.
fn chunks<M: Message>(records: impl Iterator<Item = M>) -> Vec<Vec<M>> {
    let mut chunks = vec![];
    let (mut chunk, mut bytes) = (vec![], 0);
    for record in records {
        let length = record.encoded_len();
        if bytes + length > MOST_BYTES && !chunk.is_empty() {
            chunks.push(mem::take(&mut chunk));
            bytes = 0;
        }
        bytes += length;
        chunk.push(record);
    }
    chunks.extend((!chunk.is_empty()).then_some(chunk));
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_below_what_receivers_take() {
        let sizes = [3_000_000, 1, 1_000_000, 1_000_000, 1_000_000, 5];
        let texts = sizes.map(|size| "x".repeat(size));
        let lengths = |chunks: Vec<Vec<String>>| {
            let inner = |chunk: Vec<String>| chunk.iter().map(String::len).collect::<Vec<_>>();
            chunks.into_iter().map(inner).collect::<Vec<_>>()
        };
        let chunks = lengths(chunks(texts.into_iter()));
        assert_eq!(
            chunks,
            [vec![3_000_000], vec![1, 1_000_000, 1_000_000], vec![1_000_000, 5]].to_vec()
        );
        assert!(lengths(super::chunks(std::iter::empty())).is_empty());
    }
}
