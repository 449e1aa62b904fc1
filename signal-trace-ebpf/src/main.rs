//! The eBPF programs of signal-trace: what they have in common, and their licence.
//!
//! One program a file under `probes`. Each does the same three things in the same order: filter,
//! read what the filter needs, and only then reserve a record and fill it in place.
#![no_std]
#![no_main]

mod cgroup;
mod common;
mod emit;
mod globals;
mod memory;
mod probes;
mod task;

/// The kernel lets only GPL-compatible programs read its memory.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Never reached: `cargo xtask ebpf` refuses an object in which a panic is left.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
