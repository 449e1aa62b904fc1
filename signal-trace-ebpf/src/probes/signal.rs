//! What the two signal programs have in common.

use crate::common::wire::disposition;

use crate::memory::Address;

/// `SI_KERNEL`, which the kernel shows for `SEND_SIG_PRIV`.
const SI_KERNEL: i32 = 0x80;

/// The `info` argument, which is not always a pointer: the pair of its kind and its `si_code`.
#[inline(always)]
pub fn describe_info(info: u64) -> (u32, i32) {
    match info {
        0 => (0, 0),
        1 => (1, SI_KERNEL),
        pointer => (2, Address::new(pointer).read(|l| &l.siginfo_code)),
    }
}

/// What the process has set for a signal, from its `struct k_sigaction`.
#[inline(always)]
pub fn disposition(action: Address) -> u32 {
    match action.read::<u64>(|l| &l.k_sigaction_handler) {
        0 => disposition::DEFAULT,
        1 => disposition::IGNORE,
        _ => disposition::HANDLER,
    }
}
