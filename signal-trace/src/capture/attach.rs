//! The start of a capture, in two halves: with all privileges, and with few.

use std::collections::HashMap;

use anyhow::Context as _;
use signal_trace_core::time::BootNs;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Capture, POLL,
    ask::Asks,
    cgroup::{CgroupNames, Hierarchies, leave_cgroup_namespace},
    clock::{self, AnchorKeeper},
    loss::{Counters, LossMeter},
    procfs::Root,
    ring::Rings,
};
use crate::{
    enrich::{self, Enricher},
    kernel::{self, LoadOptions, Loaded},
};

/// What is captured, and by whose help.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How the programs are loaded.
    pub load: LoadOptions,
    /// Who is asked for names.
    pub managers: enrich::Options,
    /// Where the node's processes are shown.
    pub proc: Root,
}

/// The attached programs: nothing is missed any more, and no thread runs yet. Here is the place to
/// give up privileges (`harden`): the threads that are started later inherit that.
pub struct Attached {
    loaded: Loaded,
    rings: Rings,
    cgroups: CgroupNames,
    managers: enrich::Options,
    since: BootNs,
}

impl Attached {
    /// Starts what asks for names, and the clocks.
    ///
    /// # Errors
    /// There is no thread or no descriptor left.
    pub fn start(self) -> anyhow::Result<Capture> {
        let Self { loaded, rings, cgroups, managers, since } = self;
        let enricher = Enricher::start(&managers)
            .context("cannot start the thread that asks for the names of workloads")?;
        let anchor = clock::anchor();
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Capture {
            loaded,
            rings,
            // The counters began at zero, when the programs were loaded.
            losses: LossMeter::new(Counters::default(), since),
            cgroups,
            anchor,
            anchors: AnchorKeeper::new(anchor),
            asks: Asks::default(),
            enricher,
            empty: HashMap::new(),
            sweep: None,
            last_tick: BootNs(0),
            poll,
        })
    }
}

impl Capture {
    /// Loads and attaches the programs: from then on nothing is missed. Needs a tokio runtime.
    ///
    /// # Errors
    /// What the kernel or the user's privileges lack.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        Self::attach(options)?.start()
    }

    /// The first half of [`Self::start`], after which fewer privileges are enough. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// What the kernel or the user's privileges lack.
    pub fn attach(options: &Options) -> anyhow::Result<Attached> {
        let Options { load, managers, proc } = options;
        // First of all: threads inherit it.
        let left = leave_cgroup_namespace(proc);
        let hierarchies =
            Hierarchies::discover(proc).context("cannot find the cgroup mounts in /proc")?;
        if let Err(error) = left
            && !hierarchies.show_the_node()
        {
            tracing::warn!(
                "this container has a cgroup namespace of its own, in which other containers have \
                 no paths ({error:#}): names may be missing; mount the host's /sys/fs/cgroup, or \
                 give it the host's cgroup namespace (`--cgroupns=host`) or CAP_SYS_ADMIN and the \
                 host's PID namespace (`hostPID: true`, `docker run --pid=host`)"
            );
        }
        if proc.shows_the_node() == Some(false) {
            tracing::warn!(
                "{} shows the processes of a container, not those of the node: what runs already \
                 is missing, and names may be; give it the host's PID namespace (`hostPID: true`, \
                 `docker run --pid=host`), or mount the host's /proc and name it with --host-proc",
                proc.path().display()
            );
        }
        if !hierarchies.any() {
            tracing::warn!(
                "no cgroup hierarchy is mounted here, so containers and units cannot be told \
                 apart; mount the host's /sys/fs/cgroup"
            );
        }
        let since = clock::boot_now();
        let loaded = kernel::load(load)?;
        let rings = Rings::new(&loaded).context("cannot watch the ring buffers")?;
        let managers = managers.clone().with_proc(proc.clone());
        Ok(Attached { loaded, rings, cgroups: CgroupNames::new(hierarchies), managers, since })
    }
}
