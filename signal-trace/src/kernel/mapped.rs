//! A value of an array map of the eBPF programs, mapped into this process.
//!
//! `bpf(2)` would do, but harms what it serves: while it copies a value, `bpf_prog_active`
//! (`kernel/bpf/syscall.c`, `trace_call_bpf()`) holds off all programs on classic tracepoints on that
//! CPU. A kernel that preempts the caller there runs other tasks meanwhile, and their exits, forks
//! and execs go unseen: 13 of 14,000 were lost with the lazy preemption of Linux 7.2.

use std::{io, num::NonZeroUsize, ops::Deref, ptr::NonNull};

use aya::maps::{Map, MapError};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::LoadError;

/// Types of which any bytes are a value, and which others may change while they are read.
///
/// # Safety
/// All of the type must be atomics, or arrays of them.
pub(super) unsafe trait Shared: Sync {}

/// The mapping of a map that was made with `BPF_F_MMAPABLE`. It keeps the map alive.
#[derive(Debug)]
pub(super) struct Mapped<T>(NonNull<T>);

// SAFETY: a mapping belongs to the process, not to a thread, and `T` is atomics only.
unsafe impl<T: Shared> Send for Mapped<T> {}
// SAFETY: the same.
unsafe impl<T: Shared> Sync for Mapped<T> {}

impl<T: Shared> Mapped<T> {
    /// Maps the map `name`, whose values together are a `T`.
    pub(super) fn open(map: &Map, name: &'static str) -> Result<Self, LoadError> {
        const { assert!(align_of::<T>() <= 4096, "a mapping begins at a page") };
        let failed = |source| LoadError::Map { map: name, source };
        let Map::Array(map) = map else {
            return Err(LoadError::Incomplete { part: name });
        };
        let length = const { NonZeroUsize::new(size_of::<T>()).expect("not empty") };
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice replaces nothing.
        let mapped = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, map.fd(), 0) };
        let mapped = mapped.map_err(|errno| failed(MapError::IoError(io::Error::from(errno))))?;
        Ok(Self(mapped.cast()))
    }
}

impl<T: Shared> Deref for Mapped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping lives as long as `self`, has the size of `T` (the kernel refuses to
        // map more pages than the map has, and what is left of the last one is zeros), is aligned
        // to a page, and any bytes are a valid `T`. The programs read and write whole words, which
        // atomics may meet.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and nobody refers to it any more.
        let unmapped = unsafe { munmap(self.0.cast(), size_of::<T>()) };
        debug_assert!(unmapped.is_ok(), "the address and size of the mapping are right");
    }
}
