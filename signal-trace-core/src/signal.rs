//! Signals and what the kernel says of them, under their names in signal(7) and the kernel source.

use alloc::{format, string::String};
use core::fmt;

use signal_trace_common::wire::disposition;

/// A signal number, 1 to 64, numbered as on x86 and Arm (signal(7)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u8);

/// Names of the standard signals by number; 0 has none.
const NAMES: [&str; 32] = [
    "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// glibc's first real-time signal: 32 and 33 are its own (nptl(7)).
const RTMIN: u8 = 34;
const MAX: u8 = 64;

impl Signal {
    /// SIGHUP.
    pub const HUP: Self = Self(1);
    /// SIGINT.
    pub const INT: Self = Self(2);
    /// SIGQUIT.
    pub const QUIT: Self = Self(3);
    /// SIGKILL.
    pub const KILL: Self = Self(9);
    /// SIGCHLD.
    pub const CHLD: Self = Self(17);
    /// SIGTERM.
    pub const TERM: Self = Self(15);

    /// The signal with this number; `None` outside 1 to 64.
    pub fn new(number: u32) -> Option<Self> {
        u8::try_from(number).ok().filter(|n| (1..=MAX).contains(n)).map(Self)
    }

    /// 1 to 64.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether a process that does nothing about it is not touched by it (signal(7), action Ign).
    pub const fn is_ignored_by_default(self) -> bool {
        // CHLD, CONT, URG, WINCH.
        matches!(self.0, 17 | 18 | 23 | 28)
    }

    /// Whether it makes sense to stop a workload with it and to watch it for the whole node. Others
    /// come by the thousand for other reasons (CHLD, ALRM, URG, glibc's own two), are faults, or
    /// cannot be handled; and an image can name any.
    pub const fn is_for_stopping(self) -> bool {
        // HUP, INT, QUIT, ABRT, USR1, USR2, TERM, WINCH, PWR and the real-time ones.
        matches!(self.0, 1 | 2 | 3 | 6 | 10 | 12 | 15 | 28 | 30 | RTMIN..)
    }

    /// The bit that stands for it in a kernel `sigset_t`.
    pub const fn bit(self) -> u64 {
        1 << (self.0 - 1)
    }

    /// Its name with the prefix: `SIGTERM`, `SIGRTMIN+3`; `SIG32` for glibc's own two.
    pub fn name(self) -> String {
        match self.0 {
            n @ 0..32 => format!("SIG{}", NAMES[usize::from(n)]),
            32 | 33 => format!("SIG{}", self.0),
            RTMIN => "SIGRTMIN".into(),
            n => format!("SIGRTMIN+{}", n - RTMIN),
        }
    }

    /// From a name with or without `SIG`, in any case (`TERM`, `sigint`, `RTMIN+3`, `RTMAX-1`),
    /// or a number; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Self::new(number);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(plus) = name.strip_prefix("RTMIN") {
            let offset: u8 =
                if plus.is_empty() { 0 } else { plus.strip_prefix('+')?.parse().ok()? };
            return Some(Self(RTMIN.checked_add(offset).filter(|n| *n <= MAX)?));
        }
        if let Some(minus) = name.strip_prefix("RTMAX") {
            let offset: u8 =
                if minus.is_empty() { 0 } else { minus.strip_prefix('-')?.parse().ok()? };
            return Some(Self(MAX.checked_sub(offset).filter(|n| *n >= RTMIN)?));
        }
        let name = match name {
            "IOT" => "ABRT",
            "POLL" => "IO",
            "CLD" => "CHLD",
            other => other,
        };
        // glibc keeps 32 and 33 for itself; we show them by number.
        if matches!(name, "32" | "33") {
            return name.parse().ok().and_then(Self::new);
        }
        let number = NAMES.iter().position(|known| !known.is_empty() && *known == name)?;
        u32::try_from(number).ok().and_then(Self::new)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What became of a signal when it was sent (`TRACE_SIGNAL_*` in include/trace/events/signal.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerateResult {
    /// 0: queued, or already killing the process. Not: taken by the program.
    Delivered,
    /// 1: dropped.
    Ignored,
    /// 2: the same signal was pending already.
    AlreadyPending,
    /// 3: a real-time signal that found the queue full; the sender got EAGAIN.
    OverflowFail,
    /// 4: queued without its siginfo.
    LoseInfo,
    /// A value that this version does not know.
    Unknown(u32),
}

impl GenerateResult {
    /// From the tracepoint's `result`.
    pub const fn from_raw(raw: u32) -> Self {
        match raw {
            0 => Self::Delivered,
            1 => Self::Ignored,
            2 => Self::AlreadyPending,
            3 => Self::OverflowFail,
            4 => Self::LoseInfo,
            other => Self::Unknown(other),
        }
    }

    /// Whether the signal was queued (or killed at once).
    pub const fn queued(self) -> bool {
        matches!(self, Self::Delivered | Self::LoseInfo)
    }
}

/// What a process does with a signal (sigaction(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// `SIG_DFL`.
    Default,
    /// `SIG_IGN`.
    Ignore,
    /// A handler.
    Handler,
    /// It could not be read.
    Unknown,
}

impl Disposition {
    /// From a value of [`signal_trace_common::wire::disposition`].
    pub const fn from_raw(raw: u32) -> Self {
        match raw {
            disposition::DEFAULT => Self::Default,
            disposition::IGNORE => Self::Ignore,
            disposition::HANDLER => Self::Handler,
            _ => Self::Unknown,
        }
    }
}

/// The `info` argument of the signal tracepoints, which is not always a pointer
/// (include/linux/sched/signal.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfoKind {
    /// `SEND_SIG_NOINFO`: the kernel sends as a user would (cgroup.kill, `PR_SET_PDEATHSIG`).
    NoInfo,
    /// `SEND_SIG_PRIV`: the kernel sends.
    Kernel,
    /// A siginfo: its `si_code` tells the origin.
    Siginfo,
}

impl InfoKind {
    /// From the wire value.
    pub const fn from_raw(raw: u32) -> Self {
        match raw {
            0 => Self::NoInfo,
            1 => Self::Kernel,
            _ => Self::Siginfo,
        }
    }
}

/// How a process ended, as wait(2) tells its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitStatus(pub u32);

impl WaitStatus {
    /// The exit code, if it exited by itself.
    pub const fn code(self) -> Option<u8> {
        // The low seven bits hold the signal.
        if self.0.trailing_zeros() >= 7 { Some((self.0 >> 8 & 0xff) as u8) } else { None }
    }

    /// The signal that killed it, if one did.
    pub fn signal(self) -> Option<Signal> {
        Signal::new(self.0 & 0x7f)
    }

    /// Whether it dumped core.
    pub const fn core_dumped(self) -> bool {
        self.0 & 0x80 != 0 && self.0 & 0x7f != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_round_trips_through_its_name() {
        for number in 1..=64 {
            let signal = Signal::new(number).expect("in range");
            assert_eq!(Signal::parse(&signal.name()), Some(signal), "{signal}");
            assert_eq!(Signal::parse(&format!("{number}")), Some(signal));
            assert_eq!(signal.bit().count_ones(), 1);
        }
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        for (text, number) in [
            ("TERM", 15),
            ("sigterm", 15),
            ("rtmin+3", 37),
            ("RTMAX-1", 63),
            ("SIGIOT", 6),
            ("9", 9),
        ] {
            assert_eq!(Signal::parse(text).map(Signal::number), Some(number), "{text}");
        }
        for text in ["", "SIG", "TERMINATE", "0", "65", "RTMIN+31", "RTMAX-31", "RTMIN-1", "-9"] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn wait_status_tells_exits_from_signal_deaths() {
        assert_eq!(WaitStatus(143 << 8).code(), Some(143));
        assert_eq!(WaitStatus(143 << 8).signal(), None);
        assert_eq!(WaitStatus(15).signal(), Some(Signal::TERM));
        assert_eq!(WaitStatus(15).code(), None);
        assert!(WaitStatus(0x8b).core_dumped());
        assert!(!WaitStatus(11).core_dumped());
        assert!(!WaitStatus(0x8000).core_dumped());
    }
}
