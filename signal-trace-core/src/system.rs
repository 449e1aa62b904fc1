//! The systems that users run, for advice that names the knob of the one at hand.

/// A system that starts, stops or wraps processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// A shell as entrypoint or wrapper.
    Shell,
    /// A small init: tini, `docker run --init`, dumb-init.
    Init,
    /// Supervisord.
    Supervisord,
    /// Sidekiq.
    Sidekiq,
    /// Laravel queue workers and Horizon.
    Laravel,
    /// Docker (and Podman, whose options are the same).
    Docker,
    /// Docker Compose.
    Compose,
    /// Kubernetes.
    Kubernetes,
    /// A systemd unit.
    Systemd,
}

impl System {
    /// Every system, in the order in which advice is given: first what runs inside, then what
    /// runs it.
    pub const ALL: [Self; 9] = [
        Self::Shell,
        Self::Init,
        Self::Supervisord,
        Self::Sidekiq,
        Self::Laravel,
        Self::Docker,
        Self::Compose,
        Self::Kubernetes,
        Self::Systemd,
    ];

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell entrypoint",
            Self::Init => "tini, dumb-init",
            Self::Supervisord => "Supervisord",
            Self::Sidekiq => "Sidekiq",
            Self::Laravel => "Laravel queues",
            Self::Docker => "Docker",
            Self::Compose => "Compose",
            Self::Kubernetes => "Kubernetes",
            Self::Systemd => "systemd",
        }
    }
}
