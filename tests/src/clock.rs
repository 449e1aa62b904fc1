//! The harness' own clocks: deadlines, and the stamps that recorded times are compared with.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since boot, suspend included.
pub fn boot_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("CLOCK_BOOTTIME exists");
    u64::try_from(Duration::from(now).as_nanos()).expect("within 584 years")
}

/// Nanoseconds since 1970, UTC.
pub fn wall_ns() -> i128 {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).expect("CLOCK_REALTIME exists");
    Duration::from(now).as_nanos().try_into().expect("within the range of i128")
}

/// A point in time that a wait ends at.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(u64);

impl Deadline {
    /// That far from now.
    pub fn after(wait: Duration) -> Self {
        Self(boot_ns() + u64::try_from(wait.as_nanos()).expect("a short wait"))
    }

    /// Time left; zero when it has passed.
    pub fn left(self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(boot_ns()))
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.left().is_zero()
    }

    /// Asks `done` every few milliseconds until it holds or time is up: the caller sees which.
    pub fn until_or_not(self, mut done: impl FnMut() -> bool) {
        while !done() && !self.passed() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks `done` every few milliseconds until it holds; panics with `what` when time is up.
    pub fn until(self, what: &str, mut done: impl FnMut() -> bool) {
        while !done() {
            assert!(!self.passed(), "waited too long for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Nanoseconds since 1970 of a `time` field.
pub fn parse_time(text: &str) -> i128 {
    let time: jiff::Timestamp = text.parse().unwrap_or_else(|e| panic!("`time` {text:?}: {e}"));
    time.as_nanosecond()
}
