//! Live capture: the kernel's records, facts from `/proc`, losses and time, as inputs of the engine.
//!
//! The order of the inputs is a contract. `Tick(t)` says that whatever was recorded until `t` has
//! been pushed: `t` is read before the rings are, the rings are read until all that was in them at
//! `t` is out, and what was lost until then is pushed before the tick.

pub mod ask;
mod attach;
pub mod cgroup;
pub mod clock;
pub mod loss;
mod place;
pub mod process;
pub mod procfs;
pub mod ring;
pub mod snapshot;

pub use attach::{Attached, Options};

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use anyhow::Context as _;
use signal_trace_core::{
    ids::CgroupKey,
    input::{Fact, FactBody, Input},
    output::Ask,
    time::{BootNs, ClockAnchor, MS, SECOND},
};
use tokio::time::Interval;

use self::{
    ask::Asks,
    cgroup::CgroupNames,
    clock::AnchorKeeper,
    loss::{Counters, LossMeter},
    place::Told,
    ring::{Fill, Rings, Sweep},
    snapshot::Snapshot,
};
use crate::{
    enrich::{Enricher, Subject},
    kernel::Loaded,
    pipeline::Pipeline,
};

/// How often the rings are looked at without a wake-up.
const POLL: Duration = Duration::from_millis(50);
/// Ticks while something is going on; a little less than [`POLL`], which is never early.
const TICK_BUSY_NS: u64 = 40 * MS;
/// Ticks while nothing is.
const TICK_IDLE_NS: u64 = SECOND;

/// The attached programs and everything else that inputs come from. Tracing ends when it is
/// dropped.
pub struct Capture {
    loaded: Loaded,
    rings: Rings,
    losses: LossMeter,
    cgroups: CgroupNames,
    anchor: ClockAnchor,
    anchors: AnchorKeeper,
    asks: Asks,
    enricher: Enricher,
    /// Cgroups that were there at the start and in which nobody was seen yet: what is left behind by
    /// containers of another day is nobody to ask about.
    empty: HashMap<CgroupKey, Vec<u8>>,
    /// The reading that is going on.
    sweep: Option<Sweep>,
    last_tick: BootNs,
    poll: Interval,
}

impl Capture {
    /// How full the rings were, how many program runs the kernel skipped, and the time up to which
    /// everything has been pushed.
    ///
    /// # Errors
    /// The kernel does not tell the counters.
    pub fn figures(&self) -> anyhow::Result<CaptureFigures> {
        Ok(CaptureFigures {
            rings: self.rings.fills(),
            recursion_misses: counters(&self.loaded)?.recursion_misses,
            seen_until: self.last_tick,
        })
    }

    /// Both clocks at the start, for the header of the recording.
    pub const fn anchor(&self) -> ClockAnchor {
        self.anchor
    }

    /// Cgroups that are no workloads: the one that the tracer runs in, and login sessions.
    pub fn split_cgroups(&self) -> BTreeSet<CgroupKey> {
        let hierarchies = self.cgroups.hierarchies();
        let mut split = BTreeSet::new();
        if let Ok(own) = std::fs::read("/proc/self/cgroup") {
            split.insert(hierarchies.place(&own).key);
        }
        hierarchies.walk(|key, path| {
            if is_login_session(path) {
                split.insert(key);
            }
        });
        // The root is split anyway.
        split.remove(&CgroupKey::Root);
        split
    }

    /// Pushes what is there already: the paths of all cgroups, and every process. Between them, the
    /// rings are read.
    pub fn snapshot(&mut self, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        // A process can be moved into one of them, end there, and its cgroup be gone at once.
        let at = clock::boot_now();
        for (key, path) in self.cgroups.all() {
            self.empty.insert(key, path.clone());
            pipeline.push(Input::Fact(Fact { at, body: FactBody::Cgroup { key, path } }))?;
        }
        let mut snapshot = Snapshot::take(self.cgroups.hierarchies().proc())
            .context("cannot list the processes in /proc")?;
        while let Some(facts) = snapshot.next_facts(&mut self.cgroups) {
            for fact in facts {
                self.fact(fact, pipeline)?;
            }
            // No tick: facts that are still to come may be older than what is read here.
            let mut sweep = self.rings.sweep();
            self.drain(&mut sweep, pipeline)?;
        }
        Ok(())
    }

    /// Waits until there may be something to [`Capture::pump`]. May be cancelled.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        if self.sweep.is_some() {
            // A storm: let signals and timers have their turn, then go on at once.
            tokio::task::yield_now().await;
            return Ok(());
        }
        tokio::select! {
            filling = self.rings.filling() => filling.context("cannot watch the ring buffers")?,
            _ = self.poll.tick() => {}
        }
        Ok(())
    }

    /// Pushes one batch of records; after the last of those that were there, what is due: answers,
    /// clocks, losses and a tick.
    pub fn pump(&mut self, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        if let Some(logger) = &mut self.loaded.logger {
            logger.flush();
        }
        let mut sweep = self.sweep.take().unwrap_or_else(|| self.rings.sweep());
        self.drain(&mut sweep, pipeline)?;
        let facts = self.asks.answer(&mut self.cgroups);
        let learned = self.enricher.take();
        for fact in facts.into_iter().chain(learned) {
            self.fact(fact, pipeline)?;
        }
        if !sweep.is_done() {
            self.sweep = Some(sweep);
            return Ok(());
        }
        let since = sweep.at().since(self.last_tick);
        if since >= TICK_IDLE_NS || (since >= TICK_BUSY_NS && !pipeline.is_idle()) {
            self.tick(sweep.at(), pipeline)?;
        }
        Ok(())
    }

    /// Pushes all that was recorded until now, and the end. Bounded by the size of the rings.
    pub fn finish(&mut self, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        let mut sweep = self.rings.sweep();
        while !sweep.is_done() {
            self.drain(&mut sweep, pipeline)?;
        }
        self.tick(sweep.at(), pipeline)?;
        // Once more, for what was just being written: the rings looked empty before it. In a storm
        // they did not, and there is no end to what comes after.
        let mut rest = self.rings.sweep();
        self.drain(&mut rest, pipeline)?;
        self.losses(pipeline)?;
        pipeline.push(Input::End(rest.at()))?;
        Ok(())
    }

    fn drain(&mut self, sweep: &mut Sweep, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        let Self { loaded, asks, cgroups, enricher, empty, .. } = self;
        Rings::drain(sweep, loaded, |mut frame| {
            place::trim(&mut frame);
            // The engine would ask too, but after the reorder window: a short-lived container has
            // lost its cgroup by then.
            match place::told(&frame) {
                Some(Told::Process(key, process)) => {
                    if cgroups.is_unknown(key) {
                        asks.add([Ask::Cgroup(key, process)]);
                    } else if let Some(path) = empty.remove(&key) {
                        enricher.want(Subject { key, path });
                    }
                }
                Some(Told::Cgroup(key, path)) => {
                    cgroups.remember(key, path);
                    enricher.want(Subject { key, path: path.to_vec() });
                }
                None => {}
            }
            asks.add(pipeline.push(Input::Frame(frame))?);
            Ok(())
        })
    }

    fn fact(&mut self, fact: Fact, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        match &fact.body {
            FactBody::Cgroup { key, path } => {
                self.enricher.want(Subject { key: *key, path: path.clone() });
            }
            FactBody::Workload { workload, .. } => {
                if let Some(signal) = workload.stop_signal.map(|set| set.value)
                    && signal.is_for_stopping()
                {
                    self.loaded.watch.add(signal.bit());
                }
            }
            FactBody::Process(process) => {
                let key = process.cgroup;
                if let Some(path) = self.empty.remove(&key) {
                    self.enricher.want(Subject { key, path });
                }
            }
            FactBody::ProcessGone(_) => {}
        }
        self.asks.add(pipeline.push(Input::Fact(fact))?);
        Ok(())
    }

    /// `at` must be the time of a sweep that is done.
    fn tick(&mut self, at: BootNs, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        if let Some(anchor) = self.anchors.poll() {
            pipeline.push(Input::Clock(anchor))?;
        }
        self.cgroups.forget_gone(at);
        self.losses(pipeline)?;
        self.asks.add(pipeline.push(Input::Tick(at))?);
        self.last_tick = at;
        Ok(())
    }

    fn losses(&mut self, pipeline: &mut Pipeline) -> anyhow::Result<()> {
        let before = clock::boot_now();
        let counters = counters(&self.loaded)?;
        for loss in self.losses.update(counters, before, clock::boot_now()) {
            pipeline.push(Input::Loss(loss))?;
        }
        Ok(())
    }
}

/// How a capture is, while it runs.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFigures {
    /// How full the rings were since the last question.
    pub rings: [Fill; 2],
    /// Program runs that the kernel skipped since the start.
    pub recursion_misses: u64,
    /// Everything until then has been pushed.
    pub seen_until: BootNs,
}

/// Fails if they cannot be read: a session that cannot see its losses must not call itself clean.
fn counters(loaded: &Loaded) -> anyhow::Result<Counters> {
    let misses = loaded
        .recursion_misses()
        .context("cannot read the recursion counters of the eBPF programs")?;
    let recursion_misses = misses.into_iter().filter_map(|(_, count)| count).sum();
    Ok(Counters { drops: loaded.drops.read(), recursion_misses })
}

/// Whether `path` is a scope of systemd-logind: `/user.slice/user-0.slice/session-1.scope`.
fn is_login_session(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.starts_with(b"session-") && name.ends_with(b".scope")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_sessions_are_told_by_their_scope() {
        assert!(is_login_session(b"/user.slice/user-0.slice/session-c1.scope"));
        assert!(!is_login_session(b"/user.slice/user-0.slice/session-c1.scope/app"));
        assert!(!is_login_session(b"/system.slice/session-broker.service"));
        assert!(!is_login_session(b"/"));
    }
}
