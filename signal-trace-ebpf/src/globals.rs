//! What user space tells the programs: frozen globals before they are loaded, and one map after.

use core::ptr;

use crate::common::{filter::Filter, layout::KernelLayout};
use aya_ebpf::{Global, bindings::BPF_F_MMAPABLE, macros::map, maps::Array};

#[unsafe(no_mangle)]
static LAYOUT: Global<KernelLayout> = Global::new(KernelLayout::ABSENT);

#[unsafe(no_mangle)]
static FILTER: Global<Filter> = Global::new(Filter::NONE);

/// Signals that turned out to be of interest since.
#[map]
static WATCH: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// One number of the kernel layout: `layout(|l| &l.task_pid)`.
///
/// Field by field, because the whole structure would not fit beside the rest on the 512-byte
/// stack. The load is volatile, so that the compiler does not use the value from the source; to
/// the verifier it is a constant, so that it drops the branches that do not apply.
#[inline(always)]
pub fn layout(field: impl FnOnce(&KernelLayout) -> &u32) -> u32 {
    // SAFETY: `Global<T>` is a transparent wrapper around an initialised `T`, and nothing writes
    // to the map that holds it once it is loaded.
    let layout = unsafe { &*(&raw const LAYOUT).cast::<KernelLayout>() };
    // SAFETY: a reference is valid for reads.
    unsafe { ptr::read_volatile(field(layout)) }
}

/// Whether the user wants to see `signal`.
#[inline(always)]
pub fn is_watched(signal: u32) -> bool {
    // 0 wraps to a large number and is rejected with the rest.
    let bit = signal.wrapping_sub(1);
    bit < 64 && (FILTER.load().signal_mask | added()) >> bit & 1 == 1
}

/// User space adds to them at any time.
#[inline(always)]
fn added() -> u64 {
    let Some(mask) = WATCH.get_ptr(0) else { return 0 };
    // SAFETY: the map lookup gave a valid pointer to the only value, a whole word.
    unsafe { ptr::read_volatile(mask) }
}
