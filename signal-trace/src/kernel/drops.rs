//! The drop counters of the eBPF programs, read through a mapping of their map.
//!
//! `bpf(2)` would do, but harms what it measures: while it copies a value, `bpf_prog_active`
//! (`kernel/bpf/syscall.c`, `trace_call_bpf()`) holds off all programs on classic tracepoints on that
//! CPU. A kernel that preempts the reader there runs other tasks meanwhile, and their exits, forks
//! and execs go unseen: 13 of 14,000 were lost with the lazy preemption of Linux 7.2.

use std::{
    io,
    num::NonZeroUsize,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::{Map, MapError};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use signal_trace_common::{
    names,
    wire::{DROP_CPUS, Kind},
};

use super::LoadError;

const SLOTS: usize = Kind::SLOTS as usize;
/// One row a CPU, as the map holds them.
type Rows = [[AtomicU64; SLOTS]; DROP_CPUS as usize];

/// The mapping. It keeps the map alive.
#[derive(Debug)]
pub struct Drops(NonNull<Rows>);

// SAFETY: a mapping belongs to the process, not to a thread, and only atomics are read through it.
unsafe impl Send for Drops {}

impl Drops {
    /// Maps the map of the counters.
    pub fn open(map: Map) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Map { map: names::MAP_DROPS, source };
        let Map::Array(map) = map else {
            return Err(LoadError::Incomplete { part: names::MAP_DROPS });
        };
        let length = const { NonZeroUsize::new(size_of::<Rows>()).expect("not empty") };
        // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
        let mapped =
            unsafe { mmap(None, length, ProtFlags::PROT_READ, MapFlags::MAP_SHARED, map.fd(), 0) };
        let mapped = mapped.map_err(|errno| failed(MapError::IoError(io::Error::from(errno))))?;
        Ok(Self(mapped.cast()))
    }

    /// How many records found their ring full since the start, by [`Kind`].
    pub fn read(&self) -> [u64; SLOTS] {
        // SAFETY: the mapping lives as long as `self`, has the size of `Rows` (the kernel refuses to
        // map more than the map has), is aligned to a page, and any bytes are valid counters. The
        // programs write whole words, which atomic loads may meet.
        let rows = unsafe { self.0.as_ref() };
        let mut sums = [0; SLOTS];
        for row in rows {
            for (sum, count) in sums.iter_mut().zip(row) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        sums
    }
}

impl Drop for Drops {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nobody refers to it any more.
        let unmapped = unsafe { munmap(self.0.cast(), size_of::<Rows>()) };
        debug_assert!(unmapped.is_ok(), "the address and size of the mapping are right");
    }
}
