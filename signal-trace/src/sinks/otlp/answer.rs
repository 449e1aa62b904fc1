//! What a receiver's answer means, by the specification of OTLP: accepted, to be tried again, or
//! refused for good.

use std::time::Duration;

use base64::{Engine as _, alphabet, engine};
use hyper::{HeaderMap, StatusCode, header};
use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceResponse, trace::v1::ExportTraceServiceResponse,
};
use prost::Message;
use signal_trace_core::escape::escaped;

use super::target::Signal;
use crate::net::grpc;

/// The longest that a receiver can ask us to wait: as long as the outlet's own pauses get.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Bytes of a receiver's words that are shown, at most.
const MOST_SHOWN: usize = 256;

/// What a receiver remarks on what it accepted.
#[derive(Debug, PartialEq, Eq)]
pub enum Remark {
    /// Nothing.
    None,
    /// It accepted a part only, or has some advice.
    Partial {
        /// Spans or log records that it did not accept.
        rejected: i64,
        /// In its own words.
        message: String,
    },
    /// Nothing that OTLP knows.
    Foreign,
}

/// Why a request was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// Later, perhaps.
    Retry {
        /// What is the matter.
        why: String,
        /// Not before this has passed.
        after: Option<Duration>,
    },
    /// Never.
    Reject {
        /// What is the matter.
        why: String,
    },
}

impl Refused {
    /// The way to the receiver is broken, or the answer is: nobody knows what became of the request.
    pub fn broken(why: impl Into<String>) -> Self {
        Self::Retry { why: why.into(), after: None }
    }
}

/// Details of an error (`google/rpc/status.proto`).
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google/rpc/error_details.proto`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RpcDuration>,
}

#[derive(Clone, PartialEq, Message)]
struct RpcDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl RpcStatus {
    /// After what time it can be tried again, if the receiver says that it can.
    fn retry_after(&self) -> Option<Duration> {
        let info =
            self.details.iter().find(|any| any.type_url.ends_with("google.rpc.RetryInfo"))?;
        let RpcDuration { seconds, nanos } = RetryInfo::decode(&*info.value).ok()?.retry_delay?;
        let nanos = u32::try_from(nanos).unwrap_or(0).min(999_999_999);
        let delay = Duration::new(u64::try_from(seconds).unwrap_or(0), nanos);
        Some(delay.min(LONGEST_WAIT))
    }
}

/// What the body of a success says.
pub fn accepted(signal: Signal, body: &[u8]) -> Remark {
    let partial = match signal {
        Signal::Traces => ExportTraceServiceResponse::decode(body).map(|answer| {
            answer.partial_success.map(|part| (part.rejected_spans, part.error_message))
        }),
        Signal::Logs => ExportLogsServiceResponse::decode(body).map(|answer| {
            answer.partial_success.map(|part| (part.rejected_log_records, part.error_message))
        }),
    };
    match partial {
        Ok(Some((rejected, message))) if rejected != 0 || !message.is_empty() => {
            Remark::Partial { rejected, message: shown(message.as_bytes()) }
        }
        Ok(_) => Remark::None,
        Err(_) => Remark::Foreign,
    }
}

/// What a status of HTTP other than a success means.
pub fn of_http(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refused {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let details = RpcStatus::decode(body).unwrap_or_default();
    let said = if kind.starts_with("application/x-protobuf") {
        details.message.as_bytes()
    } else if kind.starts_with("text/plain") || kind.starts_with("application/json") {
        body
    } else {
        b""
    };
    let said = if said.is_empty() { String::new() } else { format!(": {}", shown(said)) };
    let why = format!("it answers {status}{said}");
    match status.as_u16() {
        429 | 502..=504 => {
            let wait = text(header::RETRY_AFTER).and_then(|value| value.trim().parse().ok());
            let after = wait.map(|wait| Duration::from_secs(wait).min(LONGEST_WAIT));
            Refused::Retry { why, after }
        }
        300..=399 => Refused::Reject {
            why: format!("{why}; redirections are not followed: set the endpoint to where it is"),
        },
        404 | 405 | 501 => Refused::Reject {
            why: format!("{why}; if it takes only one of traces and logs, say so in `signals`"),
        },
        401 | 403 => Refused::Reject { why: format!("{why}; see `headers`") },
        _ => Refused::Reject { why },
    }
}

/// What a call's failure means.
pub fn of_grpc(error: grpc::CallError) -> Refused {
    use grpc::CallError;
    let status = match error {
        CallError::Status(status) => status,
        // The answer of a proxy: the same as by HTTP.
        CallError::Http(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return of_http(status, &HeaderMap::new(), b"");
        }
        CallError::Absent => return Refused::broken("nobody listens there (connection refused)"),
        CallError::Broken(why) => return Refused::broken(why),
    };
    let why = format!("it answers with the gRPC status {status}");
    let after = status.details.as_deref().and_then(details).and_then(|it| it.retry_after());
    match status.code {
        // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
        1 | 4 | 10 | 11 | 14 | 15 => Refused::Retry { why, after },
        // RESOURCE_EXHAUSTED, if the receiver says that it will recover.
        8 if after.is_some() => Refused::Retry { why, after },
        // UNIMPLEMENTED
        12 => Refused::Reject {
            why: format!("{why}; if it takes only one of traces and logs, say so in `signals`"),
        },
        // PERMISSION_DENIED, UNAUTHENTICATED
        7 | 16 => Refused::Reject { why: format!("{why}; see `headers`") },
        _ => Refused::Reject { why },
    }
}

/// Out of `grpc-status-details-bin`: Base64, with padding or without.
fn details(header: &[u8]) -> Option<RpcStatus> {
    const ANY_PADDING: engine::GeneralPurpose = engine::GeneralPurpose::new(
        &alphabet::STANDARD,
        engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
    );
    RpcStatus::decode(&*ANY_PADDING.decode(header).ok()?).ok()
}

/// A receiver's words, fit to be shown.
fn shown(text: &[u8]) -> String {
    escaped(text.get(..MOST_SHOWN).unwrap_or(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, header: Option<(&'static str, &'static str)>, body: &[u8]) -> Refused {
        let headers: HeaderMap = header
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        of_http(StatusCode::from_u16(status).unwrap(), &headers, body)
    }

    fn exhausted(details: Option<Vec<u8>>) -> Refused {
        of_grpc(grpc::CallError::Status(grpc::Status { code: 8, message: b"full".into(), details }))
    }

    #[test]
    fn only_four_statuses_of_http_are_tried_again() {
        for status in 300..600 {
            let again = matches!(http(status, None, b""), Refused::Retry { .. });
            assert_eq!(again, [429, 502, 503, 504].contains(&status), "{status}");
        }
    }

    #[test]
    fn a_short_wait_is_honoured_and_a_long_one_cut() {
        for (value, wait) in [
            ("3", Some(Duration::from_secs(3))),
            ("999999999", Some(LONGEST_WAIT)),
            ("-1", None),
            ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ] {
            let Refused::Retry { after, .. } = http(503, Some(("retry-after", value)), b"") else {
                panic!("refused for good");
            };
            assert_eq!(after, wait, "{value}");
        }
    }

    #[test]
    fn grpc_codes_are_sorted_as_the_specification_does() {
        for code in 1..20 {
            let status = grpc::Status { code, message: vec![], details: None };
            let again = matches!(of_grpc(grpc::CallError::Status(status)), Refused::Retry { .. });
            assert_eq!(again, [1, 4, 10, 11, 14, 15].contains(&code), "{code}");
        }
        assert!(matches!(of_grpc(grpc::CallError::Http(503)), Refused::Retry { .. }));
        assert!(matches!(of_grpc(grpc::CallError::Http(404)), Refused::Reject { .. }));
        assert!(matches!(of_grpc(grpc::CallError::Absent), Refused::Retry { .. }));
    }

    #[test]
    fn an_exhausted_receiver_is_asked_again_if_it_says_when() {
        let info = RetryInfo { retry_delay: Some(RpcDuration { seconds: 2, nanos: 500_000_000 }) };
        let any = Any {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".into(),
            value: info.encode_to_vec(),
        };
        let status = RpcStatus { message: "full".into(), details: vec![any] };
        for padding in ["", "="] {
            let text = engine::general_purpose::STANDARD_NO_PAD.encode(status.encode_to_vec());
            // A length with which one sign of padding is right.
            let text = if text.len() % 4 == 3 { text + padding } else { text };
            let Refused::Retry { after, .. } = exhausted(Some(text.into_bytes())) else {
                panic!("refused for good")
            };
            assert_eq!(after, Some(Duration::from_millis(2500)));
        }
        for details in [None, Some(b"!".to_vec()), Some(vec![])] {
            assert!(matches!(exhausted(details), Refused::Reject { .. }));
        }
    }

    #[test]
    fn words_of_a_receiver_are_cut_and_escaped() {
        let hostile = [&b"\x1b[2J"[..], &[b'x'; 9000]].concat();
        let Refused::Reject { why } = http(400, Some(("content-type", "text/plain")), &hostile)
        else {
            panic!("tried again")
        };
        assert!(why.starts_with("it answers 400 Bad Request: \\x1b[2Jxx"), "{why}");
        assert!(why.len() < 400, "{why}");
        let status = RpcStatus { message: "no tenant".into(), details: vec![] }.encode_to_vec();
        let said = http(400, Some(("content-type", "application/x-protobuf")), &status);
        let why = "it answers 400 Bad Request: no tenant".to_owned();
        assert_eq!(said, Refused::Reject { why });
        let html = http(400, Some(("content-type", "text/html")), b"<html>");
        assert_eq!(html, Refused::Reject { why: "it answers 400 Bad Request".into() });
    }

    #[test]
    fn what_a_receiver_remarks_is_read() {
        assert_eq!(accepted(Signal::Traces, b""), Remark::None);
        assert_eq!(accepted(Signal::Logs, b"\x0a\x00"), Remark::None);
        let partial = Remark::Partial { rejected: 3, message: "late".into() };
        assert_eq!(accepted(Signal::Traces, b"\x0a\x08\x08\x03\x12\x04late"), partial);
        assert_eq!(accepted(Signal::Logs, b"\x0a\x08\x08\x03\x12\x04late"), partial);
        assert_eq!(accepted(Signal::Logs, b"<html>"), Remark::Foreign);
    }
}
