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
