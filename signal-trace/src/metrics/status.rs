//! Whether the agent is alive and ready, for whoever asks over HTTP.

use std::{
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
    time::Duration,
};

use signal_trace_core::time::BootNs;

/// The capture loop turns several times a second; after so long without, it hangs.
pub const HANGS_AFTER: Duration = Duration::from_secs(10);

/// Where the agent is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Programs are being attached, and what is there already is being looked at.
    Starting,
    /// It sees everything.
    Ready,
    /// It was told to end.
    Draining,
}

/// Set by the capture loop, read by the server.
#[derive(Debug)]
pub(super) struct Status {
    phase: AtomicU8,
    beat: AtomicU64,
}

impl Status {
    pub(super) const fn new(now: BootNs) -> Self {
        Self { phase: AtomicU8::new(Phase::Starting as u8), beat: AtomicU64::new(now.0) }
    }

    pub(super) fn beat(&self, now: BootNs) {
        self.beat.store(now.0, Ordering::Relaxed);
    }

    pub(super) fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// Why it is not healthy.
    pub(super) fn healthy(&self, now: BootNs) -> Result<(), String> {
        let idle = Duration::from_nanos(now.since(BootNs(self.beat.load(Ordering::Relaxed))));
        if idle <= HANGS_AFTER {
            return Ok(());
        }
        let seconds = idle.as_secs();
        Err(format!("the capture loop has made no progress for {seconds} s"))
    }

    /// Why it is not ready.
    pub(super) fn ready(&self) -> Result<(), String> {
        match self.phase() {
            Phase::Ready => Ok(()),
            Phase::Starting => Err("starting: not all programs are attached yet".to_owned()),
            Phase::Draining => Err("draining: the agent was told to end".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use signal_trace_core::time::SECOND;

    use super::*;

    #[test]
    fn it_is_healthy_as_long_as_the_loop_turns() {
        let status = Status::new(BootNs(0));
        assert_eq!(status.healthy(BootNs(10 * SECOND)), Ok(()));
        assert_eq!(
            status.healthy(BootNs(12 * SECOND)).unwrap_err(),
            "the capture loop has made no progress for 12 s"
        );
        status.beat(BootNs(12 * SECOND));
        assert_eq!(status.healthy(BootNs(12 * SECOND)), Ok(()));
        assert_eq!(status.healthy(BootNs(SECOND)), Ok(()), "read before the beat");
    }

    #[test]
    fn it_is_ready_between_start_and_drain() {
        let status = Status::new(BootNs(0));
        assert!(status.ready().unwrap_err().starts_with("starting"));
        status.set(Phase::Ready);
        assert_eq!((status.ready(), status.phase()), (Ok(()), Phase::Ready));
        status.set(Phase::Draining);
        assert!(status.ready().unwrap_err().starts_with("draining"));
    }
}
