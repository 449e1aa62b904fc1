//! `[sinks]`: every sink's table, with its filter and queue.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::values::{self, GlobText, Severity, Span};
use crate::{cli::size::ByteSize, outlet, sinks::file::FileConfig};

/// `[sinks]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sinks {
    pub stdout: Stdout,
    pub file: File,
    pub otlp: Otlp,
    pub socket: Socket,
}

/// `[sinks.stdout]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stdout {
    pub enabled: bool,
    pub filter: Filter,
    pub queue: Queue,
}

impl Default for Stdout {
    fn default() -> Self {
        Self { enabled: true, filter: Filter::default(), queue: Queue::default() }
    }
}

/// `[sinks.file]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    pub enabled: bool,
    pub path: PathBuf,
    pub rotate_size: ByteSize,
    pub rotate_age: Span,
    pub compress: bool,
    pub max_total: ByteSize,
    pub filter: Filter,
    pub queue: Queue,
}

impl Default for File {
    fn default() -> Self {
        Self {
            enabled: false,
            path: "/var/log/signal-trace/signal-trace.jsonl".into(),
            rotate_size: ByteSize::mib(64),
            rotate_age: Span(Duration::from_secs(24 * 3600)),
            compress: true,
            max_total: ByteSize::mib(1024),
            filter: Filter::default(),
            queue: Queue::default(),
        }
    }
}

impl File {
    /// For the sink.
    pub fn to_sink(&self) -> FileConfig {
        FileConfig {
            path: self.path.clone(),
            rotate_size: self.rotate_size,
            rotate_age: self.rotate_age.0,
            compress: self.compress,
            max_total: self.max_total,
        }
    }
}

/// `[sinks.otlp]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    pub enabled: bool,
    pub endpoint: String,
    pub protocol: OtlpProtocol,
    pub headers: BTreeMap<String, String>,
    pub timeout: Span,
    pub signals: Vec<OtlpSignal>,
    pub filter: Filter,
    pub queue: Queue,
}

/// How OTLP is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum OtlpProtocol {
    /// Protobuf over HTTP/1.1.
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
    /// gRPC over HTTP/2 without TLS.
    #[serde(rename = "grpc")]
    Grpc,
}

/// What OTLP carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OtlpSignal {
    /// Shutdowns, as spans.
    Traces,
    /// Findings and the like, as log records.
    Logs,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            enabled: false,
            endpoint: "http://127.0.0.1:4318".into(),
            protocol: OtlpProtocol::Http,
            headers: BTreeMap::new(),
            timeout: Span(Duration::from_secs(5)),
            signals: vec![OtlpSignal::Traces, OtlpSignal::Logs],
            filter: Filter::default(),
            queue: Queue::default(),
        }
    }
}

/// `[sinks.socket]`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Socket {
    pub enabled: bool,
    pub path: PathBuf,
    pub filter: Filter,
    pub queue: Queue,
}

impl Default for Socket {
    fn default() -> Self {
        // Who watches live wants to see the signals, too.
        let types = outlet::Filter::TYPES.map(str::to_owned).to_vec();
        Self {
            enabled: false,
            path: "/run/signal-trace/watch.sock".into(),
            filter: Filter { types, ..Filter::default() },
            queue: Queue::default(),
        }
    }
}

/// `filter` of a sink.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    #[serde(deserialize_with = "values::types")]
    pub types: Vec<String>,
    pub min_severity: Option<Severity>,
    pub namespaces: Vec<GlobText>,
    pub except_namespaces: Vec<GlobText>,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            types: outlet::Filter::DEFAULT_TYPES.map(str::to_owned).to_vec(),
            min_severity: None,
            namespaces: vec![],
            except_namespaces: vec![],
        }
    }
}

impl Filter {
    /// For the outlet.
    pub fn to_outlet(&self) -> outlet::Filter {
        let globs = |texts: &[GlobText]| texts.iter().map(|text| text.0.clone()).collect();
        outlet::Filter {
            types: self.types.clone(),
            min_severity: self.min_severity.map(|severity| severity.0),
            namespaces: globs(&self.namespaces),
            except_namespaces: globs(&self.except_namespaces),
        }
    }
}

/// `queue` of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    pub lines: usize,
    pub size: ByteSize,
}

impl Default for Queue {
    fn default() -> Self {
        Self { lines: 10_000, size: ByteSize::mib(16) }
    }
}

impl Queue {
    /// For the outlet.
    pub fn to_outlet(self) -> outlet::Limits {
        let bytes = usize::try_from(self.size.0).unwrap_or(usize::MAX);
        outlet::Limits { lines: self.lines.max(1), bytes }
    }
}
