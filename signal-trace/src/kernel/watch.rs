//! Signals that the eBPF programs watch since they were loaded, beside those of the filter: the
//! stop signals that containers and units turn out to have.

use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::Map;
use signal_trace_common::names;

use super::{
    LoadError,
    mapped::{Mapped, Shared},
};

// SAFETY: it is an atomic.
unsafe impl Shared for AtomicU64 {}

/// The mask.
#[derive(Debug)]
pub struct Watch(Mapped<AtomicU64>);

impl Watch {
    /// Maps the map of the mask.
    pub fn open(map: &Map) -> Result<Self, LoadError> {
        Mapped::open(map, names::MAP_WATCH).map(Self)
    }

    /// Watches these too: bit `n - 1` stands for signal `n`.
    pub fn add(&self, mask: u64) {
        self.0.fetch_or(mask, Ordering::Relaxed);
    }
}
