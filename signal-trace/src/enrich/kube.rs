//! Pods of this node, as the Kubernetes API server tells of them (`--kube-api`): to whom they belong,
//! that they are being deleted, and what time they have for that.
//!
//! `watch` lists them and then hears of changes, over `client`; `pod` is what is kept of one, and `pods`
//! completes with it what other sources know of a container.

mod client;
mod config;
mod connection;
mod health;
mod pod;
mod pods;
#[cfg(test)]
mod tests;
mod watch;

use signal_trace_core::time::BootNs;
use tokio::sync::mpsc;

pub use self::config::Config;
pub(super) use self::pods::{Pods, pod_uid};

/// Changes that nobody has taken in yet; the API server waits with more.
const MOST_CHANGES: usize = 64;

/// What is new of the pods of this node.
#[derive(Debug)]
pub(super) struct Change {
    /// When it was heard; of a list, read before it was asked for.
    at: BootNs,
    what: What,
}

#[derive(Debug)]
enum What {
    /// These are all.
    All(Vec<pod::Pod>),
    /// This is how it is now.
    Now(pod::Pod),
    /// It has gone; this is how it was at last.
    Gone(pod::Pod),
}

impl Change {
    pub const fn at(&self) -> BootNs {
        self.at
    }
}

/// What the API server tells; nothing without a `config`.
pub(super) fn follow(config: Option<Config>) -> mpsc::Receiver<Change> {
    let (changes, receiver) = mpsc::channel(MOST_CHANGES);
    if let Some(config) = config {
        tokio::spawn(async move {
            tokio::select! {
                // Nobody wants to hear of them any more.
                () = changes.closed() => {}
                () = watch::run(&config, &changes) => {}
            }
        });
    }
    receiver
}
