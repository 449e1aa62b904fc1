//! Messages as the JSON encoding of OTLP has them (ids in hex, 64-bit numbers as text), for people
//! to read.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value as Any},
    logs::v1::LogRecord,
    trace::v1::{Span, span::Event},
};
use serde_json::{Map, Value, json};

/// Longer texts are cut: what is meant to be long says nothing more.
const LONGEST: usize = 160;

pub fn span(span: &Span) -> Value {
    let links = span.links.iter().map(|link| {
        json!({
            "traceId": hex(&link.trace_id),
            "spanId": hex(&link.span_id),
            "flags": link.flags,
            "attributes": attributes(&link.attributes),
        })
    });
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "parentSpanId": hex(&span.parent_span_id),
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes(&span.attributes),
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
        "status": span.status.as_ref().map(|it| json!({ "code": it.code, "message": it.message })),
    })
}

pub fn log(record: &LogRecord) -> Value {
    json!({
        "timeUnixNano": record.time_unix_nano.to_string(),
        "observedTimeUnixNano": record.observed_time_unix_nano.to_string(),
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": record.body.as_ref().map(value),
        "attributes": attributes(&record.attributes),
        "flags": record.flags,
        "traceId": hex(&record.trace_id),
        "spanId": hex(&record.span_id),
        "eventName": record.event_name,
    })
}

fn event(event: &Event) -> Value {
    json!({
        "timeUnixNano": event.time_unix_nano.to_string(),
        "name": event.name,
        "attributes": attributes(&event.attributes),
    })
}

/// As an object, which is shorter than the list that it is.
pub fn attributes(list: &[KeyValue]) -> Value {
    let mut object = Map::new();
    for KeyValue { key, value: of_key, .. } in list {
        let before = object.insert(key.clone(), of_key.as_ref().map_or(Value::Null, value));
        assert!(before.is_none(), "{key} is set twice");
    }
    object.into()
}

fn value(any: &AnyValue) -> Value {
    match any.value.as_ref().expect("every attribute has a value") {
        Any::StringValue(text) if text.len() > LONGEST => {
            let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap();
            format!("{}… {} bytes", &text[..end], text.len()).into()
        }
        Any::StringValue(text) => text.as_str().into(),
        Any::BoolValue(it) => (*it).into(),
        Any::IntValue(it) => (*it).into(),
        Any::DoubleValue(it) => (*it).into(),
        Any::ArrayValue(array) => array.values.iter().map(value).collect::<Vec<_>>().into(),
        other => panic!("not a kind that is used: {other:?}"),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("half a byte");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
