//! Leaves out the signals to the tracer itself: that it is told to end, and takes a moment for it,
//! is no shutdown to report, and must not keep the session waiting for its own end.

use std::mem::offset_of;

use signal_trace_common::wire::{Header, Kind, SignalDeliver, SignalGenerate, Task};

/// Where both kinds of signal records have the target's tgid.
const TGID: usize = offset_of!(SignalGenerate, target) + offset_of!(Task, tgid);
const _: () = assert!(offset_of!(SignalGenerate, target) == offset_of!(SignalDeliver, process));

/// Whether `frame` is a signal that the process `pid` was sent or took.
pub fn is_signal_to(frame: &[u8], pid: u32) -> bool {
    let number = |at: usize| {
        let bytes = frame.get(at..at + size_of::<u32>())?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    let kind = number(offset_of!(Header, kind));
    [Kind::Generate, Kind::Deliver].iter().any(|signal| kind == Some(*signal as u32))
        && number(TGID) == Some(pid)
}

#[cfg(test)]
mod tests {
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;

    #[test]
    fn only_signals_and_only_by_their_target() {
        let mut sent = SignalGenerate::new_zeroed();
        sent.header.kind = Kind::Generate as u32;
        (sent.target.tgid, sent.current.tgid) = (7, 8);
        assert!(is_signal_to(sent.as_bytes(), 7));
        assert!(!is_signal_to(sent.as_bytes(), 8));
        let mut taken = SignalDeliver::new_zeroed();
        taken.header.kind = Kind::Deliver as u32;
        taken.process.tgid = 7;
        assert!(is_signal_to(taken.as_bytes(), 7));
        taken.header.kind = Kind::Exit as u32;
        assert!(!is_signal_to(taken.as_bytes(), 7));
        for end in 0..TGID {
            assert!(!is_signal_to(&sent.as_bytes()[..end], 7));
        }
    }
}
