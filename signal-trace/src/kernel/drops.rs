//! The drop counters of the eBPF programs.

use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::Map;
use signal_trace_common::{
    names,
    wire::{DROP_CPUS, Kind},
};

use super::{
    LoadError,
    mapped::{Mapped, Shared},
};

const SLOTS: usize = Kind::SLOTS as usize;
/// One row a CPU, as the map holds them.
type Rows = [[AtomicU64; SLOTS]; DROP_CPUS as usize];

// SAFETY: it is arrays of atomics.
unsafe impl Shared for Rows {}

/// The counters.
#[derive(Debug)]
pub struct Drops(Mapped<Rows>);

impl Drops {
    /// Maps the map of the counters.
    pub fn open(map: &Map) -> Result<Self, LoadError> {
        Mapped::open(map, names::MAP_DROPS).map(Self)
    }

    /// How many records found their ring full since the start, by [`Kind`].
    pub fn read(&self) -> [u64; SLOTS] {
        let mut sums = [0; SLOTS];
        for row in &*self.0 {
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        sums
    }
}
