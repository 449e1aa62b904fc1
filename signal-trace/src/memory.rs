//! Memory that is free in this process, given back to the system.

/// The allocator keeps what was used once: after the kernel's type information was read (20 MB), or
/// after a storm.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the function may be called at any time from any thread; it only returns free memory
    // to the system.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// For a process that runs for months: its threads share two heaps. By default each has one of its
/// own, up to eight for a processor, and what is free in one is of no use to the others. To be called
/// before there are threads.
pub fn share_heaps() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets a number that the allocator looks at when a thread first allocates.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}
