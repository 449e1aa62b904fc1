//! Tests of the whole: what lines become, and how it is carried.

mod convert;
mod json;
mod properties;
mod receiver;
mod transport;

use std::sync::Arc;

use super::{Host, ids::Ids};
use crate::{
    outlet::Entry,
    sinks::{sample, schema::Line},
};

fn host() -> Host {
    Host {
        node: "n1".into(),
        boot_id: "b0071d".into(),
        kernel: "6.18.0".into(),
        in_kubernetes: true,
    }
}

fn ids() -> Ids {
    Ids::new("n1", "b0071d")
}

/// A line of every type.
fn lines() -> Vec<Line> {
    sample::every_record().iter().map(|record| Line::from_record(record, "n1", false)).collect()
}

/// The same as a batch.
fn batch() -> Vec<Arc<Entry>> {
    lines().into_iter().map(|line| Arc::new(Entry { line, json: Box::default() })).collect()
}
