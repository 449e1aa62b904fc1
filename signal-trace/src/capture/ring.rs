//! Reads the two ring buffers in bounded batches, and knows when all that was in them at a given
//! time has been read.

use std::{
    cell::Cell,
    fs, io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use aya::maps::{MapData, RingBuf};
use signal_trace_core::time::BootNs;
use tokio::io::{Interest, unix::AsyncFd};

use super::clock;
use crate::kernel::{Loaded, Positions};

/// Records read from one ring before others get their turn: signals of the terminal, timers.
const BATCH: usize = 1024;
/// Size of the kernel's own header of each record (`BPF_RINGBUF_HDR_SZ`).
const RECORD_HEADER: u64 = 8;

/// Both rings.
#[derive(Debug)]
pub struct Rings {
    lifecycle: Ring,
    signals: Ring,
}

/// What a [`Sweep`] still has to read of one ring.
type Left = u64;

/// The reading of all that was in the rings at one moment. A storm may fill them as fast as they
/// are read, so that they are never empty: then it is over when one ring's size has been read,
/// since nothing older can be behind that.
#[derive(Debug)]
pub struct Sweep {
    at: BootNs,
    lifecycle: Left,
    signals: Left,
}

impl Sweep {
    /// The moment: every record made until then is read when [`Sweep::is_done`].
    pub const fn at(&self) -> BootNs {
        self.at
    }

    /// Whether all has been read.
    pub const fn is_done(&self) -> bool {
        self.lifecycle == 0 && self.signals == 0
    }
}

impl Rings {
    /// Watches the rings of `loaded`. Needs a tokio runtime.
    pub fn new(loaded: &Loaded) -> io::Result<Self> {
        Ok(Self { lifecycle: Ring::new(&loaded.lifecycle)?, signals: Ring::new(&loaded.signals)? })
    }

    /// Waits until the kernel says that a ring is filling. It does not say so for every record:
    /// call [`Rings::drain`] on a timer besides.
    pub async fn filling(&self) -> io::Result<()> {
        tokio::select! {
            ready = self.lifecycle.fd.readable() => ready?.clear_ready(),
            ready = self.signals.fd.readable() => ready?.clear_ready(),
        }
        Ok(())
    }

    /// Begins to read all that is in the rings now.
    pub fn sweep(&self) -> Sweep {
        self.lifecycle.look();
        self.signals.look();
        let (lifecycle, signals) = (self.lifecycle.size, self.signals.size);
        Sweep { at: clock::boot_now(), lifecycle, signals }
    }

    /// How full they were since the last question.
    pub fn fills(&self) -> [Fill; 2] {
        [self.lifecycle.fill("lifecycle"), self.signals.fill("signals")]
    }

    /// Hands over one batch of each ring.
    ///
    /// # Errors
    /// What `push` returns; the record that it was given counts as read.
    pub fn drain<E>(
        sweep: &mut Sweep,
        loaded: &mut Loaded,
        mut push: impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Loaded { lifecycle, signals, .. } = loaded;
        batch(&mut sweep.lifecycle, || lifecycle.next().map(|item| item.to_vec()), &mut push)?;
        batch(&mut sweep.signals, || signals.next().map(|item| item.to_vec()), &mut push)
    }
}

/// How full a ring was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// `lifecycle`, `signals`.
    pub ring: &'static str,
    /// Most bytes that waited in it when a sweep began, since the last question.
    pub most: u64,
    /// Bytes that it can hold.
    pub capacity: u64,
}

/// One ring: its readiness and its size. The ring itself stays with the programs.
#[derive(Debug)]
struct Ring {
    fd: AsyncFd<OwnedFd>,
    size: u64,
    positions: Positions,
    most: Cell<u64>,
}

impl Ring {
    fn new(ring: &RingBuf<MapData>) -> io::Result<Self> {
        let size = size(ring)?;
        let fd = ring.as_fd().try_clone_to_owned()?;
        // SAFETY: the `AsyncFd` owns this duplicate of the map's descriptor, and an `OwnedFd` is
        // open, and the same, for as long as it lives: nobody else can close it.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }
            .map_err(io::Error::from)?;
        let (positions, most) = (Positions::open(ring)?, Cell::new(0));
        Ok(Self { fd, size, positions, most })
    }

    fn look(&self) {
        self.most.set(self.most.get().max(self.positions.taken()));
    }

    fn fill(&self, ring: &'static str) -> Fill {
        self.look();
        Fill { ring, most: self.most.take().min(self.size), capacity: self.size }
    }
}

/// The bytes that a ring can hold.
fn size(ring: &RingBuf<MapData>) -> io::Result<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", ring.as_fd().as_raw_fd()))?;
    info.lines()
        .find_map(|line| line.strip_prefix("max_entries:")?.trim().parse().ok())
        .ok_or_else(|| io::Error::other("the kernel does not tell the size of a ring buffer"))
}

/// Reads at most [`BATCH`] records.
fn batch<E>(
    left: &mut Left,
    mut next: impl FnMut() -> Option<Vec<u8>>,
    mut push: impl FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    for _ in 0..BATCH {
        let Some(record) = next() else {
            *left = 0;
            return Ok(());
        };
        let room = RECORD_HEADER + (record.len() as u64).next_multiple_of(8);
        *left = left.saturating_sub(room);
        push(record)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn drain(left: &mut Left, available: &mut usize) -> usize {
        let mut read = 0;
        let next = || {
            *available = available.checked_sub(1)?;
            Some(vec![0; 20])
        };
        let push = |_| {
            read += 1;
            Ok::<_, Infallible>(())
        };
        batch(left, next, push).expect("infallible");
        read
    }

    #[test]
    fn an_empty_ring_has_been_read() {
        let (mut left, mut available) = (1 << 20, BATCH + 1);
        assert_eq!(drain(&mut left, &mut available), BATCH);
        assert!(left > 0);
        assert_eq!(drain(&mut left, &mut available), 1);
        assert_eq!(left, 0);
    }

    #[test]
    fn a_ring_that_never_gets_empty_has_been_read_after_its_size() {
        // 20 bytes take 24, and 8 for the kernel's header.
        let (mut left, mut available) = (32 * BATCH as u64 * 3, usize::MAX);
        for batches in [1, 2, 3] {
            assert!(left > 0, "{batches}");
            assert_eq!(drain(&mut left, &mut available), BATCH);
        }
        assert_eq!(left, 0);
    }
}
