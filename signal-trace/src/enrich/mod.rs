//! Asks whoever runs a workload what it is called and how it is to be stopped.

pub mod cri;
mod grpc;
pub mod systemd;

use signal_trace_core::ids::CgroupKey;

/// Whom a question is about: a cgroup that a container or unit lives in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its cgroup.
    pub key: CgroupKey,
    /// Path of that, relative to the hierarchy's root.
    pub path: Vec<u8>,
}

/// Why a source gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It is not there: no socket, no folder. Looked for again later, without a word.
    #[error("there is none")]
    Absent,
    /// It is there, but does not answer as it should. Said once, and tried again with backoff.
    #[error("{0}")]
    Broken(String),
}
