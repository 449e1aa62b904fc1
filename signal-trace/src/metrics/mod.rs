//! Metrics for Prometheus: how workloads stop, and how the agent itself is.
//!
//! Two inputs: every line of the stream ([`Metrics::line`]), and the agent's own figures
//! ([`Metrics::set_health`]). `docs/metrics.md` lists what comes of them.
//!
//! The capture thread writes and the server's thread reads. What a scrape holds the lock for is a
//! copy of some thousand pointers; text is made of them afterwards.

mod classic;
mod count;
mod encode;
mod families;
mod health;
mod labels;
mod process;
mod series;
pub mod server;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod zombies;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signal_trace_core::output::RecordBody;

pub(crate) use self::labels::stable_name;
use self::{count::Counter, encode::Page, process::OwnUsage, status::Status, table::Table};
pub use self::{
    health::{Health, Ring, SinkHealth, Tracked},
    labels::Label,
    status::{HANGS_AFTER, Phase},
};
use crate::{capture::clock, sinks::schema::Line};

/// How a page of metrics is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenMetrics` 1.0.
    OpenMetrics,
    /// The text format of Prometheus, 0.0.4.
    Text,
}

/// What the operator sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What series are told apart by; at best some few.
    pub labels: Vec<Label>,
    /// Sets of labels at most; what finds no room is counted as `other`.
    pub max_series: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { labels: Label::DEFAULT.to_vec(), max_series: 2000 }
    }
}

/// What does not change as long as the agent runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// Version of signal-trace.
    pub version: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Version of the records of the kernel side.
    pub abi: u32,
    /// When it started, seconds since 1970.
    pub start_time_seconds: f64,
}

/// The metrics of this agent; every clone is the same one.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    status: Status,
    build: Build,
}

#[derive(Debug)]
struct State {
    options: Options,
    table: Table,
    counter: Counter,
    health: Arc<Health>,
}

impl Metrics {
    /// With nothing counted.
    pub fn new(options: Options, build: Build) -> Self {
        let state = State {
            table: Table::new(options.labels.as_slice().into(), options.max_series),
            counter: Counter::default(),
            health: Arc::default(),
            options,
        };
        let status = Status::new(clock::boot_now());
        Self(Arc::new(Shared { state: Mutex::new(state), status, build }))
    }

    /// Whether there is something to count in the line of this record: making one costs something.
    pub fn wants(&self, body: &RecordBody) -> bool {
        self.state().counter.wants(body)
    }

    /// Counts a line.
    pub fn line(&mut self, line: &Line) {
        let State { table, counter, .. } = &mut *self.state();
        counter.line(line, table);
    }

    /// The agent's own figures; to be called about once a second by the capture loop, which shows
    /// by it that it is alive.
    pub fn set_health(&self, health: Health) {
        self.beat();
        let now = clock::anchor().wall_ns;
        let State { table, counter, health: known, .. } = &mut *self.state();
        counter.tick(now, table);
        *known = Arc::new(health);
    }

    /// The capture loop is alive.
    pub fn beat(&self) {
        self.0.status.beat(clock::boot_now());
    }

    /// Where the agent is in its life.
    pub fn set_phase(&self, phase: Phase) {
        self.0.status.set(phase);
    }

    /// Other options. Counting begins anew if they differ, because the series are others; reports
    /// that are open and zombies that are there are then forgotten.
    pub fn set_options(&self, options: Options) {
        let state = &mut *self.state();
        if state.options != options {
            state.table = Table::new(options.labels.as_slice().into(), options.max_series);
            state.counter = Counter::default();
            state.options = options;
        }
    }

    /// Everything as text.
    pub fn encode(&self, format: Format) -> String {
        let (series, chosen, label_sets, health) = {
            let state = self.state();
            let chosen = Arc::clone(&state.table.chosen);
            (state.table.copy(), chosen, state.table.size(), Arc::clone(&state.health))
        };
        let own = OwnUsage::read();
        let phase = self.0.status.phase();
        let build = self.0.build.clone();
        let page = Page { series, chosen, label_sets, health, own, phase, build };
        let text = encode::text(page);
        match format {
            Format::OpenMetrics => text,
            Format::Text => classic::from_open_metrics(&text),
        }
    }

    /// Why the agent is not healthy.
    fn healthy(&self) -> Result<(), String> {
        self.0.status.healthy(clock::boot_now())
    }

    /// Why the agent is not ready.
    fn ready(&self) -> Result<(), String> {
        self.0.status.ready()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers are whole also if somebody panicked while counting.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
