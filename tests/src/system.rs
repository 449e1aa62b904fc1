//! A real system: how it starts, how its users stop it, and what may be said of that.

use nix::sys::signal::Signal;

use crate::{launch::Launch, running::Running, workshop::Site};

/// A system, how it is stopped, and what must be said of that.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// For messages.
    pub name: &'static str,
    pub(crate) launch: fn(&Site) -> Launch,
    /// The stop signal that must be reported.
    pub signal: Signal,
    pub(crate) act: fn(&Running),
    pub(crate) main: fn(&Running) -> i32,
    /// Whether the harness itself sends the stop signal.
    pub told_by_us: bool,
    /// Whether it needs a cgroup of its own.
    pub needs_cgroup: bool,
    /// Whether INT and QUIT are no stop signals for it, even if they are for others.
    pub lives_through_quit: bool,
    /// What must have become of it.
    pub end: End,
}

/// What becomes of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It stops and is reported.
    Stops {
        /// The verdict of its main process.
        main: &'static str,
        /// The verdict of the workload.
        workload: &'static str,
        /// The raw wait status.
        status: i32,
    },
    /// It ends, but nobody stopped it: no shutdown.
    Ends(i32),
    /// It lives on: no shutdown.
    LivesOn,
}

/// The wait status of a process that ended with this exit code.
pub const fn code(code: i32) -> i32 {
    code << 8
}

/// The wait status of a process that died of this signal.
pub const fn died(signal: Signal) -> i32 {
    signal as i32
}

impl System {
    /// One whose main process is sent this signal, and lives on.
    pub const fn new(name: &'static str, launch: fn(&Site) -> Launch, signal: Signal) -> Self {
        let act = |running: &Running| running.signal(running.system.signal);
        let main = |running: &Running| running.pid;
        Self {
            name,
            launch,
            signal,
            act,
            main,
            told_by_us: true,
            needs_cgroup: false,
            lives_through_quit: false,
            end: End::LivesOn,
        }
    }

    /// It is stopped in another way.
    #[must_use]
    pub const fn by(self, act: fn(&Running)) -> Self {
        Self { act, ..self }
    }

    /// Another program is used to stop it.
    #[must_use]
    pub const fn through(self, act: fn(&Running)) -> Self {
        Self { act, told_by_us: false, ..self }
    }

    /// It is about what happens in one cgroup.
    #[must_use]
    pub const fn in_cgroup(self) -> Self {
        Self { needs_cgroup: true, ..self }
    }

    /// SIGQUIT asks it for something else than to stop.
    #[must_use]
    pub const fn lives_through_quit(self) -> Self {
        Self { lives_through_quit: true, ..self }
    }

    /// Another process than the one that we started is the one to be judged.
    #[must_use]
    pub const fn judged(self, main: fn(&Running) -> i32) -> Self {
        Self { main, ..self }
    }

    /// It ends by itself in time.
    #[must_use]
    pub const fn graceful(self, status: i32) -> Self {
        self.stops("graceful", "graceful", status)
    }

    /// It has no handler.
    #[must_use]
    pub const fn default_action(self) -> Self {
        self.stops("default-action", "default-action", died(self.signal))
    }

    /// It stops with these verdicts.
    #[must_use]
    pub const fn stops(self, main: &'static str, workload: &'static str, status: i32) -> Self {
        Self { end: End::Stops { main, workload, status }, ..self }
    }

    /// It ends without having been stopped.
    #[must_use]
    pub const fn ends(self, status: i32) -> Self {
        Self { end: End::Ends(status), ..self }
    }
}
