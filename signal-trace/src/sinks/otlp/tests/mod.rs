//! Tests of the whole: what lines become, and how it is carried.

mod convert;
mod json;
mod properties;
mod receiver;
mod transport;

use std::{iter, sync::Arc};

use super::{ids::Ids, resource::Host};
use crate::{
    outlet::Entry,
    sinks::{
        sample,
        schema::{Filters, Line},
    },
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

/// A line of every type, that which begins a session first.
fn lines() -> Vec<Line> {
    let records = sample::every_record();
    let lines = records.iter().map(|record| Line::from_record(record, "n1", false));
    iter::once(sample::header().line(Filters::default())).chain(lines).collect()
}

/// The same as a batch.
fn batch() -> Vec<Arc<Entry>> {
    lines().iter().map(|line| Arc::new(Entry::new(line))).collect()
}
