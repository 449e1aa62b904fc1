//! What the kernel side lost: counters that only grow, turned into losses with a window.

use signal_trace_common::wire::Kind;
use signal_trace_core::{
    input::{Loss, LossKind},
    time::BootNs,
};

/// The counters at one moment, since the programs were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records for which a ring had no room, by [`Kind`].
    pub drops: [u64; Kind::SLOTS as usize],
    /// Program runs that the kernel skipped, all programs together.
    pub recursion_misses: u64,
}

/// Remembers what has been reported.
#[derive(Debug)]
pub struct LossMeter {
    last: Counters,
    /// Read before `last` was: what `last` lacks was lost after this.
    since: BootNs,
}

impl LossMeter {
    /// Starts from counters that were read after `since`.
    pub const fn new(counters: Counters, since: BootNs) -> Self {
        Self { last: counters, since }
    }

    /// What was lost since the last call. `before` and `after` enclose the reading of `counters`.
    pub fn update(&mut self, counters: Counters, before: BootNs, after: BootNs) -> Vec<Loss> {
        let window = |kind, count| Loss { kind, count, from: self.since, to: after };
        let drops = Kind::ALL.into_iter().map(|kind| {
            let slot = kind as usize;
            (loss_kind(kind), counters.drops[slot].saturating_sub(self.last.drops[slot]))
        });
        let misses = counters.recursion_misses.saturating_sub(self.last.recursion_misses);
        let losses = drops
            .chain([(LossKind::Recursion, misses)])
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| window(kind, count))
            .collect();
        self.last = counters;
        self.since = before;
        losses
    }
}

const fn loss_kind(kind: Kind) -> LossKind {
    match kind {
        Kind::Generate => LossKind::Generate,
        Kind::Deliver => LossKind::Deliver,
        Kind::Exit => LossKind::Exit,
        Kind::Free => LossKind::Free,
        Kind::Fork => LossKind::Fork,
        Kind::Exec => LossKind::Exec,
        Kind::Oom => LossKind::Oom,
        Kind::CgroupMkdir => LossKind::CgroupMkdir,
        Kind::CgroupAttach => LossKind::CgroupAttach,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_lost_and_windows_touch() {
        let mut counters = Counters { drops: [9; Kind::SLOTS as usize], recursion_misses: 9 };
        let mut meter = LossMeter::new(counters, BootNs(10));
        assert_eq!(meter.update(counters, BootNs(20), BootNs(21)), []);
        counters.drops[Kind::Exit as usize] += 2;
        counters.recursion_misses += 1;
        let lost = |kind, count| Loss { kind, count, from: BootNs(20), to: BootNs(31) };
        assert_eq!(
            meter.update(counters, BootNs(30), BootNs(31)),
            [lost(LossKind::Exit, 2), lost(LossKind::Recursion, 1)]
        );
        // Slot 0 stands for no kind.
        counters.drops[0] += 1;
        assert_eq!(meter.update(counters, BootNs(40), BootNs(41)), []);
    }
}
