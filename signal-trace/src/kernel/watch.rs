//! Signals that the eBPF programs watch: those of the filter, from when they are loaded, and since then
//! the stop signals that containers and units turn out to have.

use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::Map;
use signal_trace_common::{filter::Filter, names};
use signal_trace_core::signal::Signal;

use super::{
    LoadError,
    mapped::{Mapped, Shared},
};

// SAFETY: it is an atomic.
unsafe impl Shared for AtomicU64 {}

/// The signals that a workload can be stopped with, SIGKILL, and `more`: bit `n - 1` stands for
/// signal `n`.
pub fn mask(more: impl IntoIterator<Item = Signal>) -> u64 {
    [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::KILL]
        .into_iter()
        .chain(more)
        .fold(Filter::NONE, |filter, signal| filter.watching(signal.number()))
        .signal_mask
}

/// The mask of those that were added.
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
