//! Reads of kernel memory through the kernel layout. A read that fails yields zeros.

use core::ptr;

use crate::common::layout::{ABSENT, KernelLayout};
use aya_ebpf::helpers::{
    bpf_get_current_task,
    generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str},
};
use zerocopy::FromBytes;

use crate::globals::layout;

/// An address in kernel memory. It may be anything: it is only ever handed to helpers that check
/// it, so following a pointer that is NULL, stale or wrong gives zeros and not a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address(u64);

impl Address {
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// The task that the CPU runs.
    #[inline(always)]
    pub fn current_task() -> Self {
        // SAFETY: the helper takes nothing and has no precondition.
        Self(unsafe { bpf_get_current_task() })
    }

    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The address `bytes` further on.
    pub const fn plus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The address of a member of the structure here; NULL if the kernel does not have it.
    #[inline(always)]
    pub fn member(self, member: impl FnOnce(&KernelLayout) -> &u32) -> Self {
        match layout(member) {
            ABSENT => Self(0),
            offset => self.plus(u64::from(offset)),
        }
    }

    /// The start of the structure whose member is here: `container_of`.
    #[inline(always)]
    pub fn container(self, member: impl FnOnce(&KernelLayout) -> &u32) -> Self {
        match layout(member) {
            ABSENT => Self(0),
            offset => Self(self.0.wrapping_sub(u64::from(offset))),
        }
    }

    /// The pointer that is a member of the structure here.
    #[inline(always)]
    pub fn follow(self, member: impl FnOnce(&KernelLayout) -> &u32) -> Self {
        Self(self.read(member))
    }

    /// The value of a member of the structure here.
    #[inline(always)]
    pub fn read<T: FromBytes>(self, member: impl FnOnce(&KernelLayout) -> &u32) -> T {
        self.member(member).load()
    }

    /// The value here.
    #[inline(always)]
    pub fn load<T: FromBytes>(self) -> T {
        let mut value = T::new_zeroed();
        self.copy_to(&mut value);
        value
    }

    /// The pointer that is here.
    #[inline(always)]
    pub fn load_pointer(self) -> Self {
        Self(self.load())
    }

    /// Copies a member of the structure here to where it is wanted.
    #[inline(always)]
    pub fn copy<T: FromBytes>(self, member: impl FnOnce(&KernelLayout) -> &u32, slot: &mut T) {
        self.member(member).copy_to(slot);
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a record is a few hundred bytes")]
    fn copy_to<T: FromBytes>(self, slot: &mut T) {
        // SAFETY: `slot` is valid for writes of its size. The helper checks the source, writes
        // zeros if it cannot be read, and any bytes are a valid `T`.
        unsafe {
            bpf_probe_read_kernel(
                ptr::from_mut(slot).cast(),
                size_of::<T>() as u32,
                ptr::without_provenance(self.0 as usize),
            );
        }
    }

    /// Copies the C string here, and tells its length; 0 if it does not fit. What is behind it is
    /// left as it was.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a record is a few hundred bytes")]
    pub fn copy_whole_string<const N: usize>(self, slot: &mut [u8; N]) -> u32 {
        // SAFETY: `slot` is valid for writes of `N` bytes; the helper checks the source.
        let written = unsafe {
            bpf_probe_read_kernel_str(
                slot.as_mut_ptr().cast(),
                N as u32,
                ptr::without_provenance(self.0 as usize),
            )
        };
        // The terminator counts. A string that was cut fills the slot, as one does that just fits.
        match u32::try_from(written) {
            Ok(written @ 1..) if written < N as u32 => written - 1,
            _ => 0,
        }
    }

    /// Copies the C string here, cut to fit and padded with NULs.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a record is a few hundred bytes")]
    pub fn copy_string<const N: usize>(self, slot: &mut [u8; N]) {
        // The helper leaves what is behind the terminator as it is.
        *slot = [0; N];
        // SAFETY: `slot` is valid for writes of `N` bytes; the helper checks the source.
        unsafe {
            bpf_probe_read_kernel_str(
                slot.as_mut_ptr().cast(),
                N as u32,
                ptr::without_provenance(self.0 as usize),
            );
        }
    }
}
