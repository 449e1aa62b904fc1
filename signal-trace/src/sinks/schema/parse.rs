//! From JSON back to a line: for the history of a daemon, and its live feed.

use serde::Deserialize;
use serde_json::from_slice;

use super::{Body, Line, Name, SCHEMA, Time};

/// Why some bytes are no line of this version.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// No JSON, or not of the contract.
    #[error("is no line of signal-trace: {0}")]
    Foreign(#[from] serde_json::Error),
    /// Of another version of the contract.
    #[error("is of {0}, and this version reads {SCHEMA}")]
    Version(String),
    /// A type that this version does not know, as a later one may have.
    #[error("has the type {0:?}, which this version does not know")]
    Unknown(String),
}

/// What every line begins with.
#[derive(Deserialize)]
struct Head {
    schema: String,
    r#type: String,
    time: Time,
    node: String,
    seq: u64,
}

impl Line {
    /// Reads one line. Fields that are not known are passed over.
    ///
    /// # Errors
    /// It is not of this contract, or of a type that this version does not know.
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        let Head { schema, r#type, time, node, seq } = from_slice(json)?;
        if schema != SCHEMA {
            return Err(ParseError::Version(schema));
        }
        let body = match r#type.as_str() {
            "recording" => Body::Recording(from_slice(json)?),
            "signal" => Body::Signal(from_slice(json)?),
            "delivery" => Body::Delivery(from_slice(json)?),
            "exit" => Body::Exit(from_slice(json)?),
            "reap" => Body::Reap(from_slice(json)?),
            "zombie" => Body::Zombie(from_slice(json)?),
            "oom" => Body::Oom(from_slice(json)?),
            "shutdown" => Body::Shutdown(from_slice(json)?),
            "finding" => Body::Finding(from_slice(json)?),
            "loss" => Body::Loss(from_slice(json)?),
            "end" => Body::End(from_slice(json)?),
            _ => return Err(ParseError::Unknown(r#type)),
        };
        Ok(Self { schema: Name::Borrowed(SCHEMA), time, node, seq, body })
    }
}
