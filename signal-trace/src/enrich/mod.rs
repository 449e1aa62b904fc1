//! Asks whoever runs a workload what it is called and how it is to be stopped.
//!
//! [`Enricher`] is a thread of its own. Each [source](source) there has a task (`worker`), and each
//! container that is asked about has one (`lookup`), which goes from source to source; `cache` keeps
//! what was learned. Nothing in here can hold up the capture or the program's end.

mod annotations;
mod cache;
pub mod cri;
pub mod docker;
mod enricher;
mod files;
mod http;
#[cfg(feature = "kube")]
mod kube;
#[cfg(not(feature = "kube"))]
#[path = "kube/absent.rs"]
mod kube;
mod lookup;
pub mod oci;
mod options;
pub mod podman;
mod source;
pub mod systemd;
#[cfg(test)]
mod tests;
mod text;
mod worker;

pub use enricher::Enricher;
pub use kube::Config as KubeConfig;
pub use options::{Manager, Options, Places, RuntimeFlag};
use signal_trace_core::{ids::CgroupKey, labels::Labels, workload::Kind};

use crate::net::grpc::CallError;

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

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Absent => Self::Absent,
            error => Self::Broken(error.to_string()),
        }
    }
}

/// What makes two subjects the same one for a source: a container has several cgroups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum SubjectId {
    Container(String),
    Path(Vec<u8>),
}

impl SubjectId {
    fn of(subject: &Subject) -> Self {
        let labels = Labels::of(&subject.path);
        match labels.container_id {
            // Around a unit, it is only where the unit is.
            Some(id) if labels.kind == Kind::Container => Self::Container(id.to_owned()),
            _ => Self::Path(subject.path.clone()),
        }
    }
}

/// Whether the subject's own cgroup is that of the container, not one in it.
fn is_outermost(subject: &Subject) -> bool {
    let labels = Labels::of(&subject.path);
    labels.kind != Kind::Container || labels.manager.len() == subject.path.len()
}
