//! The systems that users run, for advice that names the knob of the one at hand.

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{event::Process, labels::Labels, output::WorkloadRef, workload::Kind};

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

    /// Those that a workload's cgroup and processes point to. Names are taken at their word: the
    /// worst that a false one does is advice that does not apply, under the name of its system.
    pub(crate) fn at_hand<'a>(
        workload: &WorkloadRef,
        processes: impl Iterator<Item = &'a Process>,
    ) -> Vec<Self> {
        let labels = Labels::of(workload.cgroup_path.as_deref().unwrap_or_default());
        let identity = workload.identity();
        let mut found: BTreeSet<_> = processes.filter_map(Self::of).collect();
        let of_compose = workload.known.iter().any(|known| {
            known.labels.iter().any(|(name, _)| name.starts_with("com.docker.compose."))
        });
        let system = match identity.kind {
            _ if labels.in_pod() || identity.pod.is_some() => Some(Self::Kubernetes),
            Kind::Container if of_compose => Some(Self::Compose),
            Kind::Container => Some(Self::Docker),
            Kind::Unit => {
                let is_service = identity.unit.is_some_and(|unit| unit.ends_with(b".service"));
                is_service.then_some(Self::Systemd)
            }
            Kind::Cgroup => None,
        };
        found.extend(system);
        found.into_iter().collect()
    }

    /// What a process calls itself.
    pub(crate) fn of(process: &Process) -> Option<Self> {
        let comm = process.comm.as_bytes();
        Some(match comm {
            b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"busybox" => Self::Shell,
            b"tini" | b"docker-init" | b"dumb-init" | b"catatonit" => Self::Init,
            b"supervisord" => Self::Supervisord,
            b"php" | b"artisan" => Self::Laravel,
            _ if comm.starts_with(b"sidekiq") => Self::Sidekiq,
            _ if comm.ends_with(b".sh") => Self::Shell,
            _ => return None,
        })
    }
}
