//! Where to send, out of the configuration; what is wrong with it is said when it is checked.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use hyper::{
    HeaderMap, Uri,
    header::{HeaderName, HeaderValue, USER_AGENT},
};

pub use crate::daemon::config::{OtlpProtocol as Protocol, OtlpSignal as Signal};
use crate::{daemon::config::Otlp as Config, net::Peer};

/// Headers that the transport sets, or that would change what it says.
const OURS: [&str; 7] =
    ["connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"];

/// A receiver.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub peer: Peer,
    /// What goes before `/v1/traces`; empty with gRPC.
    pub base: String,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// The user's, and who we are.
    pub headers: HeaderMap,
    /// For one request, from the connection to the end of the answer.
    pub timeout: Duration,
    /// What it takes.
    pub signals: Vec<Signal>,
}

/// What is wrong with `[sinks.otlp]`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The endpoint.
    #[error("sinks.otlp.endpoint {0}")]
    Endpoint(String),
    /// A header; its value is not shown, for it may be a secret.
    #[error("sinks.otlp.headers: {name:?} {problem}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A timeout of zero.
    #[error("sinks.otlp.timeout leaves no time at all: give some seconds")]
    Timeout,
    /// Nothing is to be sent.
    #[error("sinks.otlp.signals is empty: choose \"traces\", \"logs\" or both")]
    Signals,
}

impl Target {
    /// What `config` says.
    ///
    /// # Errors
    /// It says something that cannot be used.
    pub fn of(config: &Config) -> Result<Self, TargetError> {
        let (peer, base) =
            endpoint(&config.endpoint, config.protocol).map_err(TargetError::Endpoint)?;
        let headers = headers(&config.headers)?;
        let timeout = config.timeout.0;
        if timeout.is_zero() {
            return Err(TargetError::Timeout);
        }
        if config.signals.is_empty() {
            return Err(TargetError::Signals);
        }
        let signals = config.signals.clone();
        Ok(Self { peer, base, protocol: config.protocol, headers, timeout, signals })
    }

    /// TCP ports that it takes to get there.
    pub fn ports(&self) -> Vec<u16> {
        /// What resolvers fall back to when an answer is too long for UDP.
        const DNS: u16 = 53;
        match &self.peer {
            Peer::Unix(_) => vec![],
            Peer::Tcp { host, port } if host.parse::<IpAddr>().is_ok() => vec![*port],
            Peer::Tcp { host: _, port } => vec![*port, DNS],
        }
    }

    /// Where requests of this kind go, for people.
    pub fn place(&self, signal: Signal) -> String {
        let path = match self.protocol {
            Protocol::Http => format!("{}{}", self.base, path(signal)),
            Protocol::Grpc => format!(" ({})", method(signal).trim_start_matches('/')),
        };
        format!("http://{}{path}", self.peer.authority())
    }
}

/// The path of OTLP/HTTP.
pub const fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Logs => "/v1/logs",
    }
}

/// The method of OTLP/gRPC.
pub const fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

fn endpoint(text: &str, protocol: Protocol) -> Result<(Peer, String), String> {
    let usual = match protocol {
        Protocol::Http => 4318,
        Protocol::Grpc => 4317,
    };
    let form = format!("write it as http://HOST:{usual}");
    let shown = format!("= {text:?}");
    if text.contains('@') {
        // Not shown: what is before it may be a password.
        return Err(format!("holds a user's name: put that into `headers`, and {form}"));
    }
    let uri: Uri = text.parse().map_err(|_| format!("{shown} is no URL: {form}"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(format!(
                "{shown} asks for TLS, which is not built in: send to an OpenTelemetry collector or \
                 agent on this node or in this network by http://, and let that one send on by TLS"
            ));
        }
        Some(_) => return Err(format!("{shown} has a scheme that is not http: {form}")),
        None => return Err(format!("{shown} has no scheme: {form}")),
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(format!("{shown} names no host: {form}"));
    }
    let Some(port) = uri.port_u16().filter(|port| *port != 0) else {
        return Err(format!("{shown} names no port: {form}"));
    };
    if uri.query().is_some() || text.contains('#') {
        return Err(format!("{shown} has more than a path: {form}"));
    }
    let base = uri.path().trim_end_matches('/');
    if base.ends_with("/v1/traces") || base.ends_with("/v1/logs") {
        return Err(format!(
            "{shown} is for one signal only: leave out /v1/…, which is appended for each"
        ));
    }
    if protocol == Protocol::Grpc && !base.is_empty() {
        return Err(format!("{shown} has a path, which gRPC has no use for: {form}"));
    }
    Ok((Peer::Tcp { host: host.to_owned(), port }, base.to_owned()))
}

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, TargetError> {
    let agent = HeaderValue::from_static(concat!("signal-trace/", env!("CARGO_PKG_VERSION")));
    let mut headers = HeaderMap::from_iter([(USER_AGENT, agent)]);
    for (name, value) in given {
        let wrong = |problem| TargetError::Header { name: name.clone(), problem };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("is no name of a header (letters, digits and hyphens)"))?;
        if OURS.contains(&key.as_str()) || key.as_str().starts_with("grpc-") {
            return Err(wrong("is set by the protocol itself: leave it out"));
        }
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| wrong("has a value that a header cannot hold (printable ASCII only)"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::config::Span;

    fn config(endpoint: &str, protocol: Protocol) -> Config {
        Config { endpoint: endpoint.into(), protocol, ..Config::default() }
    }

    fn problem(endpoint: &str, protocol: Protocol) -> String {
        Target::of(&config(endpoint, protocol)).expect_err(endpoint).to_string()
    }

    #[test]
    fn endpoints_are_read_and_signals_appended() {
        for (text, protocol, place) in [
            ("http://127.0.0.1:4318", Protocol::Http, "http://127.0.0.1:4318/v1/traces"),
            ("http://otel.example:80/", Protocol::Http, "http://otel.example:80/v1/traces"),
            ("HTTP://[::1]:4318/otlp/", Protocol::Http, "http://[::1]:4318/otlp/v1/traces"),
            (
                "http://c:4317",
                Protocol::Grpc,
                "http://c:4317 (opentelemetry.proto.collector.trace.v1.TraceService/Export)",
            ),
        ] {
            let target = Target::of(&config(text, protocol)).unwrap();
            assert_eq!(target.place(Signal::Traces), place, "{text}");
        }
        let target = Target::of(&config("http://[::1]:4318", Protocol::Http)).unwrap();
        assert_eq!(target.peer, Peer::Tcp { host: "::1".into(), port: 4318 });
        assert_eq!(target.ports(), [4318]);
        let named = Target::of(&config("http://otel:4317", Protocol::Grpc)).unwrap();
        assert_eq!(named.ports(), [4317, 53]);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_to_write() {
        for (text, protocol, words) in [
            ("https://c:4318", Protocol::Http, "TLS, which is not built in"),
            ("", Protocol::Http, "is no URL: write it as http://HOST:4318"),
            ("a b", Protocol::Http, "is no URL"),
            ("c:4318", Protocol::Http, "has no scheme"),
            ("/v1/traces", Protocol::Http, "has no scheme"),
            ("ftp://c:4318", Protocol::Http, "has a scheme that is not http"),
            ("http://c", Protocol::Http, "names no port: write it as http://HOST:4318"),
            ("http://c:0", Protocol::Http, "names no port"),
            ("http://c", Protocol::Grpc, "names no port: write it as http://HOST:4317"),
            ("http://c:4318?x=1", Protocol::Http, "more than a path"),
            ("http://c:4318#x", Protocol::Http, "more than a path"),
            ("http://c:4318/v1/traces", Protocol::Http, "one signal only"),
            ("http://c:4317/x", Protocol::Grpc, "gRPC has no use for"),
        ] {
            let problem = problem(text, protocol);
            assert!(problem.contains(words), "{text}: {problem}");
        }
        assert!(!problem("http://me:secret@c:4318", Protocol::Http).contains("secret"));
    }

    #[test]
    fn headers_are_checked_and_their_values_not_shown() {
        let with = |name: &str, value: &str| {
            let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            Target::of(&Config { headers, ..config("http://c:4318", Protocol::Http) })
        };
        let good = with("Authorization", "Bearer secret").unwrap();
        assert_eq!(good.headers["authorization"], "Bearer secret");
        assert!(good.headers["user-agent"].to_str().unwrap().starts_with("signal-trace/"));
        assert!(!format!("{good:?}").contains("secret"));
        for (name, value) in
            [("", "x"), ("a b", "x"), ("X", "secret\n"), ("Host", "x"), ("grpc-timeout", "1S")]
        {
            let problem = with(name, value).unwrap_err().to_string();
            assert!(problem.contains("sinks.otlp.headers"), "{problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn some_time_and_something_to_send_are_needed() {
        let good = config("http://c:4318", Protocol::Http);
        let hasty = Config { timeout: Span(Duration::ZERO), ..good.clone() };
        assert_eq!(Target::of(&hasty).unwrap_err(), TargetError::Timeout);
        let silent = Config { signals: vec![], ..good };
        assert_eq!(Target::of(&silent).unwrap_err(), TargetError::Signals);
    }
}
