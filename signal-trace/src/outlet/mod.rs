//! Outlets of the daemon: each has a filter, a bounded queue, a thread of its own and an end that
//! may be slow or dead. Nobody who gives lines waits for any of that.

pub mod filter;
mod queue;
mod run;
mod stats;
#[cfg(test)]
mod tests;

use std::{io, sync::Arc, thread, time::Duration};

use tokio::sync::watch;

use self::queue::Queue;
pub use self::{
    filter::Filter,
    queue::{Limits, Missing},
    stats::Stats,
};
use crate::sinks::{
    jsonl::append_line,
    schema::{Line, ParseError, Time},
};

/// One line as the contract writes it, made once for all outlets. Many of them can wait, so there
/// is little beside the JSON.
#[derive(Debug)]
pub struct Entry {
    /// Its `type`.
    pub kind: &'static str,
    /// Its `time`.
    pub time: Time,
    /// Its `seq`.
    pub seq: u64,
    /// Its `node`.
    pub node: Arc<str>,
    /// All of it, with the line break.
    pub json: Box<[u8]>,
}

impl Entry {
    /// Writes the JSON of a line.
    pub fn new(line: &Line) -> Self {
        let mut json = vec![];
        append_line(&mut json, line);
        let Line { schema: _, time, node, seq, body } = line;
        let (kind, node) = (body.kind(), node.as_str().into());
        Self { kind, time: *time, seq: *seq, node, json: json.into() }
    }

    /// It begins a session.
    pub fn begins(&self) -> bool {
        self.kind == "recording"
    }

    /// It ends one.
    pub fn ends(&self) -> bool {
        self.kind == "end"
    }

    /// The line that it was made of.
    ///
    /// # Errors
    /// None, as long as what is written can be read: a test holds that for every type of line.
    pub fn parse(&self) -> Result<Line, ParseError> {
        Line::parse(&self.json)
    }
}

/// Why a batch could not be delivered.
#[derive(Debug)]
pub enum Failure {
    /// May work later: the batch is kept and tried again, with backoff.
    Retry(String),
    /// Never will: the batch is dropped and counted.
    Reject(String),
}

/// The end of an outlet. It lives on the outlet's own thread, in a tokio runtime, and may block.
pub trait Deliver: Send + 'static {
    /// Delivers all of the batch or nothing of it.
    fn deliver(&mut self, batch: &[Arc<Entry>]) -> impl Future<Output = Result<(), Failure>>;

    /// How long the first line of a batch may wait for others.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }

    /// SIGHUP: files are to be opened anew.
    fn reopen(&mut self) {}

    /// The last batch has been delivered.
    fn finish(&mut self) {}
}

/// Whether an outlet has ended, and with what it gave up.
pub type End = watch::Receiver<Option<GivenUp>>;
/// What could not be delivered in the end.
pub type GivenUp = Option<Missing>;

/// The near end of an outlet.
#[derive(Debug)]
pub struct Outlet {
    name: &'static str,
    filter: Filter,
    queue: Arc<Queue>,
    stats: Arc<Stats>,
    end: End,
}

impl Outlet {
    /// Starts the thread; `name` is that of the table in the configuration. It delivers nothing
    /// before the outlet whose place it takes has ended (`after`). What that gave up is missing in the
    /// stream of this one.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        name: &'static str,
        filter: Filter,
        limits: Limits,
        after: Option<End>,
        deliver: impl Deliver,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let queue = Arc::new(Queue::new(limits));
        let stats = Arc::new(Stats::default());
        let (tell_end, end) = watch::channel(None);
        let (of_thread, counts) = (Arc::clone(&queue), Arc::clone(&stats));
        thread::Builder::new().name(format!("sink-{name}")).spawn(move || {
            let given_up = runtime.block_on(async {
                if let Some(after) = after
                    && let Some(missing) = given_up(after).await
                {
                    counts.dropped(usize::try_from(missing.count()).unwrap_or(usize::MAX));
                    of_thread.inherit(missing);
                }
                run::run(name, deliver, &of_thread, &counts).await
            });
            // Whoever ends the process may have stopped to wait.
            let _ = tell_end.send(Some(given_up));
        })?;
        Ok(Self { name, filter, queue, stats, end })
    }

    /// Whether lines of this type are of use.
    pub fn wants(&self, kind: &str) -> bool {
        self.filter.allows_kind(kind)
    }

    /// Whether this line is.
    pub fn allows(&self, line: &Line) -> bool {
        self.filter.allows(line)
    }

    /// Gives it a line: queued, or dropped and counted.
    pub fn push(&self, entry: &Arc<Entry>) {
        if !self.queue.push(entry, entry.begins() || entry.ends()) {
            self.stats.dropped(1);
        }
    }

    /// Wakes the thread, if there is something for it.
    pub fn flush(&self) {
        self.queue.wake();
    }

    /// Takes another filter for what comes.
    pub fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Files are to be opened anew, after what is queued.
    pub fn reopen(&self) {
        self.queue.reopen();
    }

    /// There will be no more lines: the thread delivers what is queued, and ends.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Waits until the thread has ended; [`Outlet::close`] comes before.
    pub async fn ended(&self) {
        given_up(self.end.clone()).await;
    }

    /// Whether its first line is out, or it was seen that it will not get out for now.
    pub fn has_begun(&self) -> bool {
        self.stats.delivered_lines() + self.stats.failures() > 0
    }

    /// For the outlet that takes its place.
    pub fn end(&self) -> End {
        self.end.clone()
    }

    /// Whether the thread has ended.
    pub fn has_ended(&self) -> bool {
        // An error means that it panicked.
        self.end.borrow().is_some() || self.end.has_changed().is_err()
    }

    /// Table in the configuration.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What became of the lines so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Lines that wait, those that are being delivered included.
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.stats.in_flight()
    }

    /// Lines that wait.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Lines that can wait.
    pub fn capacity(&self) -> usize {
        self.queue.limits().lines
    }
}

/// Waits for the end of an outlet.
async fn given_up(mut end: End) -> GivenUp {
    // An error means that its thread panicked, and nothing more is known.
    let ended = end.wait_for(Option::is_some).await;
    ended.ok().and_then(|end| end.clone().flatten())
}
