//! How full a ring buffer is: its two positions, mapped into this process.

use std::{
    io,
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    sys::mman::{MapFlags, ProtFlags, mmap, munmap},
    unistd::{SysconfVar, sysconf},
};

/// The first two pages of a ring buffer (`struct bpf_ringbuf`): each begins with a position, the
/// consumer's and the producer's.
#[derive(Debug)]
pub struct Positions {
    pages: NonNull<u8>,
    page: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and only atomics in it are read.
unsafe impl Send for Positions {}

impl Positions {
    /// Of the ring buffer map `ring`; keeps it alive.
    ///
    /// # Errors
    /// The kernel does not map it (`ringbuf_map_mmap_kern()`).
    pub fn open(ring: impl AsFd) -> io::Result<Self> {
        let page = sysconf(SysconfVar::PAGE_SIZE)?.and_then(|size| usize::try_from(size).ok());
        let page = page.unwrap_or(4096);
        let length = NonZeroUsize::new(2 * page).ok_or(io::ErrorKind::InvalidInput)?;
        let (access, flags) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
        let pages = unsafe { mmap(None, length, access, flags, ring, 0) }?;
        Ok(Self { pages: pages.cast(), page })
    }

    /// Bytes that wait to be read, or are being written.
    pub fn taken(&self) -> u64 {
        let (consumer, producer) = (self.position(0), self.position(self.page));
        producer.saturating_sub(consumer)
    }

    fn position(&self, offset: usize) -> u64 {
        // SAFETY: both pages are mapped as long as `self` lives, and `offset` is the start of one;
        // the kernel keeps an aligned 64-bit number there, which others change by whole words.
        unsafe { self.pages.byte_add(offset).cast::<AtomicU64>().as_ref() }.load(Ordering::Acquire)
    }
}

impl Drop for Positions {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nobody refers to it any more.
        let unmapped = unsafe { munmap(self.pages.cast(), 2 * self.page) };
        debug_assert!(unmapped.is_ok(), "the address and size of the mapping are right");
    }
}
