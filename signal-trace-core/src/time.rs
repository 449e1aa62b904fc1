//! Points in time: the boot clock decides, the wall clock is for display.

/// `CLOCK_BOOTTIME`, nanoseconds since boot, suspend included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootNs(pub u64);

impl BootNs {
    /// Nanoseconds since `earlier`; 0 if that is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time plus `ns`.
    #[must_use]
    pub const fn plus(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// This time minus `ns`.
    #[must_use]
    pub const fn minus(self, ns: u64) -> Self {
        Self(self.0.saturating_sub(ns))
    }
}

/// Both clocks read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockAnchor {
    /// `CLOCK_BOOTTIME`.
    pub boot: BootNs,
    /// `CLOCK_REALTIME`, nanoseconds since 1970-01-01T00:00:00Z.
    pub wall_ns: i64,
}

impl ClockAnchor {
    /// Wall time of `at`, nanoseconds since the epoch.
    pub const fn wall_ns(&self, at: BootNs) -> i64 {
        self.wall_ns.wrapping_add(at.0.cast_signed().wrapping_sub(self.boot.0.cast_signed()))
    }
}

/// Nanoseconds in a millisecond.
pub const MS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;
