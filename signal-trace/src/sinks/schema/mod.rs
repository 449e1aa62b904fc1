//! The wire contract `signal-trace/v1`: one object a line, every one with the same head.
//!
//! These types own the names on the wire; the types of the core can change without it. A reader
//! must tolerate fields that it does not know.

mod convert;
mod lines;
pub(crate) mod names;
mod parse;
mod parts;
mod session;
#[cfg(test)]
mod tests;
mod time;

use std::borrow::Cow;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

pub use self::{lines::*, parse::ParseError, parts::*, session::*, time::Time};

/// A name out of a closed set: borrowed where it was made here, owned where it was read.
pub type Name = Cow<'static, str>;

/// Value of `schema` in every line that this version writes.
pub const SCHEMA: &str = "signal-trace/v1";

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "A line of signal-trace")]
pub struct Line {
    /// Version of the contract: the name and the major version.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: Name,
    /// When it happened.
    pub time: Time,
    /// Name of the node.
    pub node: String,
    /// Running number within the session; 0 for `recording`.
    pub seq: u64,
    /// What, named by `type`.
    #[serde(flatten)]
    pub body: Body,
}

/// What a line says; `type` tells which.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Body {
    /// The session begins: all programs are attached.
    Recording(Recording),
    /// A watched signal was sent.
    Signal(SignalLine),
    /// A watched signal was taken off the queue by its target.
    Delivery(DeliveryLine),
    /// A process ended.
    Exit(ExitLine),
    /// A process was reaped.
    Reap(ReapLine),
    /// A process is a zombie for longer than the threshold.
    Zombie(ZombieLine),
    /// The OOM killer chose a victim.
    Oom(OomLine),
    /// A workload was asked to stop: what became of it.
    Shutdown(Box<ShutdownLine>),
    /// A finding that belongs to no shutdown.
    Finding(FindingLine),
    /// Something is missing from the stream.
    Loss(LossLine),
    /// The session ended.
    End(EndLine),
}

impl Body {
    /// The `type` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Recording(_) => "recording",
            Self::Signal(_) => "signal",
            Self::Delivery(_) => "delivery",
            Self::Exit(_) => "exit",
            Self::Reap(_) => "reap",
            Self::Zombie(_) => "zombie",
            Self::Oom(_) => "oom",
            Self::Shutdown(_) => "shutdown",
            Self::Finding(_) => "finding",
            Self::Loss(_) => "loss",
            Self::End(_) => "end",
        }
    }
}

/// The JSON Schema (draft 2020-12) of every line that `--format jsonl` can write.
pub fn json_schema() -> schemars::Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Line>()
}
