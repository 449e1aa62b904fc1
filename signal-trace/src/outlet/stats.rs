//! What became of the lines that an outlet was given.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters, readable from any thread.
#[derive(Debug)]
pub struct Stats {
    delivered: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
    in_flight: AtomicUsize,
    up: AtomicBool,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            up: AtomicBool::new(true),
        }
    }
}

impl Stats {
    /// Lines that arrived.
    pub fn delivered_lines(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    /// Lines that found no room, or were refused for good.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Attempts that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// The last attempt was good.
    pub fn is_up(&self) -> bool {
        self.up.load(Relaxed)
    }

    /// Lines that are being delivered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    pub(super) fn begin(&self, lines: usize) {
        self.in_flight.store(lines, Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.store(0, Relaxed);
    }

    pub(super) fn delivered(&self, lines: usize) {
        self.delivered.fetch_add(lines as u64, Relaxed);
        self.up.store(true, Relaxed);
    }

    pub(super) fn dropped(&self, lines: usize) {
        self.dropped.fetch_add(lines as u64, Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
        self.up.store(false, Relaxed);
    }
}
