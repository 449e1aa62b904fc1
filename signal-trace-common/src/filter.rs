//! What the eBPF programs let through, fixed when they are loaded.

use zerocopy::{Immutable, IntoBytes};

/// The filter, passed as the frozen global [`crate::names::GLOBAL_FILTER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoBytes, Immutable)]
#[repr(C)]
pub struct Filter {
    /// The watched signals: bit `n - 1` stands for signal `n` (1 to 64).
    pub signal_mask: u64,
}

impl Filter {
    /// A filter that lets nothing through; add signals with [`Filter::watching`].
    pub const NONE: Self = Self { signal_mask: 0 };

    /// The same filter with `signal` (1 to 64) let through; other numbers change nothing.
    #[must_use]
    pub const fn watching(self, signal: u8) -> Self {
        match signal {
            1..=64 => Self { signal_mask: self.signal_mask | 1 << (signal - 1) },
            _ => self,
        }
    }
}
