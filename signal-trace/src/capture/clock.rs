//! The one reader of clocks: everything else gets its time from here or from an input.

use nix::{
    sys::time::TimeSpec,
    time::{ClockId, clock_gettime},
};
use signal_trace_core::time::{BootNs, ClockAnchor, MS, SECOND};

/// By how much the two clocks must have moved apart (NTP step, `date -s`) to be put side by side
/// anew. (When the kernel slews, it slews both.) Not for less: the time of a process' start is part of
/// its identity in the output, and each new anchor moves it by the error of the readings.
const ANCHOR_STEP_NS: u64 = MS;

/// `CLOCK_BOOTTIME` now: the clock of the kernel's records and of `/proc/PID/stat`.
pub fn boot_now() -> BootNs {
    BootNs(nanoseconds(ClockId::CLOCK_BOOTTIME).unsigned_abs())
}

/// Both clocks, read as closely together as they go: the best of three pairs, so that one
/// preemption does no harm.
pub fn anchor() -> ClockAnchor {
    let best = tighter(tighter(pair(), pair()), pair());
    ClockAnchor { boot: best.before.plus(best.gap_ns / 2), wall_ns: best.wall_ns }
}

/// The wall clock, read between two readings of the boot clock.
struct Pair {
    before: BootNs,
    wall_ns: i64,
    gap_ns: u64,
}

fn pair() -> Pair {
    let before = boot_now();
    let wall_ns = nanoseconds(ClockId::CLOCK_REALTIME);
    Pair { before, wall_ns, gap_ns: boot_now().since(before) }
}

fn tighter(a: Pair, b: Pair) -> Pair {
    if b.gap_ns < a.gap_ns { b } else { a }
}

/// Tells when a new [`ClockAnchor`] is due.
#[derive(Debug)]
pub struct AnchorKeeper {
    last: ClockAnchor,
}

impl AnchorKeeper {
    /// Starts from the anchor of the recording's header.
    pub const fn new(first: ClockAnchor) -> Self {
        Self { last: first }
    }

    /// A new anchor, if the clocks moved apart.
    pub fn poll(&mut self) -> Option<ClockAnchor> {
        self.update(anchor())
    }

    fn update(&mut self, now: ClockAnchor) -> Option<ClockAnchor> {
        let moved = self.last.wall_ns(now.boot).abs_diff(now.wall_ns);
        if moved <= ANCHOR_STEP_NS {
            return None;
        }
        self.last = now;
        Some(now)
    }
}

/// A clock in nanoseconds: 292 years fit.
fn nanoseconds(clock: ClockId) -> i64 {
    // It fails for unknown clocks only, and these two are older than any kernel we run on.
    let now: TimeSpec = clock_gettime(clock).expect("the kernel has this clock");
    now.tv_sec() * SECOND.cast_signed() + now.tv_nsec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_anchor_lies_between_two_readings() {
        let before = boot_now();
        let anchor = anchor();
        assert!(before <= anchor.boot && anchor.boot <= boot_now());
        assert!(anchor.wall_ns > 1_700_000_000 * SECOND.cast_signed(), "{}", anchor.wall_ns);
    }

    #[test]
    fn a_new_anchor_is_due_after_a_step_and_not_because_time_has_passed() {
        let first = ClockAnchor { boot: BootNs(100 * SECOND), wall_ns: 5_000_000_000_000 };
        let at = |boot_ns: u64, off_by: i64| {
            let boot = BootNs(boot_ns);
            ClockAnchor { boot, wall_ns: first.wall_ns(boot) + off_by }
        };
        let step = MS.cast_signed() + 1;
        let mut keeper = AnchorKeeper::new(first);
        // With it, the `start_time` of one process would differ from line to line.
        assert_eq!(keeper.update(at(99_000 * SECOND, 15)), None);
        assert_eq!(keeper.update(at(99_001 * SECOND, step - 1)), None);
        assert_eq!(keeper.update(at(99_001 * SECOND, step)), Some(at(99_001 * SECOND, step)));
        assert_eq!(keeper.update(at(99_002 * SECOND, -1)), Some(at(99_002 * SECOND, -1)));
    }
}
