//! The bounded queue of an outlet. What finds no room is counted, and a `loss` line takes its place.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::Entry;
use crate::sinks::schema::{Body, Line, LossLine, Time, Window, names};

/// What may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines.
    pub lines: usize,
    /// Bytes of JSON.
    pub bytes: usize,
}

/// What is handed over at once.
const BATCH_LINES: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
/// The thread is woken for this much, or at a flush, bytes.
const WORTH_WAKING: usize = 64 << 10;

/// What the thread is to do.
#[derive(Debug)]
pub enum Next {
    /// Deliver these.
    Batch(Vec<Arc<Entry>>),
    /// Open files anew.
    Reopen,
    /// End.
    Closed,
}

/// The queue.
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// What found no room since the last line that did.
    missing: Option<Missing>,
    reopen: bool,
    closed: bool,
}

/// Lines that are not there.
#[derive(Clone, Debug)]
pub struct Missing {
    count: u64,
    from: Time,
    to: Time,
    seq: u64,
    node: Arc<str>,
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), wake: Notify::new() }
    }

    pub const fn limits(&self) -> Limits {
        self.limits
    }

    pub fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Appends `entry`; false if there is no room. `always` is for what marks a session: that is
    /// little, and has room.
    pub fn push(&self, entry: &Arc<Entry>, always: bool) -> bool {
        let mut state = self.state();
        let full = state.waiting.len() >= self.limits.lines
            || state.bytes + entry.json.len() > self.limits.bytes;
        if state.closed || (full && !always) {
            state.miss(std::slice::from_ref(entry));
            return false;
        }
        state.settle();
        state.append(Arc::clone(entry));
        if state.bytes >= WORTH_WAKING {
            self.wake.notify_one();
        }
        true
    }

    /// Lines that were handed out and then refused for good.
    pub fn refused(&self, batch: &[Arc<Entry>]) {
        let mut state = self.state();
        if state.closed && batch.iter().all(|entry| told_missing(entry).is_some()) {
            // Else there would be no end to it.
            return;
        }
        if state.waiting.is_empty() {
            state.miss(batch);
            return;
        }
        // They came before what waits now.
        let mut before = State::default();
        before.miss(batch);
        if let Some(missing) = before.missing {
            let entry = missing.entry();
            state.bytes += entry.json.len();
            state.waiting.push_front(entry);
        }
    }

    /// What the outlet before this one gave up: told after what waits here already.
    pub fn inherit(&self, missing: Missing) {
        missing.join(&mut self.state().missing);
        self.wake.notify_one();
    }

    pub fn wake(&self) {
        if !self.state().is_quiet() {
            self.wake.notify_one();
        }
    }

    pub fn reopen(&self) {
        self.state().reopen = true;
        self.wake.notify_one();
    }

    pub fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Whether a full batch waits, or the end.
    pub fn is_pressing(&self) -> bool {
        let state = self.state();
        state.closed || state.waiting.len() >= BATCH_LINES || state.bytes >= BATCH_BYTES
    }

    /// Waits until something was pushed, or the queue was closed. For one thread only.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Waits until there is something to do.
    pub async fn ready(&self) {
        while self.state().is_quiet() {
            self.wake.notified().await;
        }
    }

    /// What is to be done now; an empty batch is possible.
    pub fn next(&self) -> Next {
        let mut state = self.state();
        let mut batch = vec![];
        let mut bytes = 0;
        while batch.len() < BATCH_LINES
            && bytes < BATCH_BYTES
            && let Some(entry) = state.waiting.pop_front()
        {
            bytes += entry.json.len();
            batch.push(entry);
        }
        state.bytes -= bytes;
        if state.waiting.is_empty() {
            batch.extend(state.missing.take().map(Missing::entry));
        }
        if !batch.is_empty() {
            Next::Batch(batch)
        } else if mem::take(&mut state.reopen) {
            Next::Reopen
        } else if state.closed {
            Next::Closed
        } else {
            Next::Batch(batch)
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; if it did, the state would still be a state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_quiet(&self) -> bool {
        self.waiting.is_empty() && self.missing.is_none() && !self.closed && !self.reopen
    }

    fn append(&mut self, entry: Arc<Entry>) {
        self.bytes += entry.json.len();
        self.waiting.push_back(entry);
    }

    /// Says what is missing before something comes that is not.
    fn settle(&mut self) {
        if let Some(missing) = self.missing.take() {
            self.append(missing.entry());
        }
    }

    fn miss(&mut self, entries: &[Arc<Entry>]) {
        Missing::add(&mut self.missing, entries);
    }
}

/// How many lines an outlet has said to be missing by this one.
pub fn told_missing(entry: &Entry) -> Option<u64> {
    let loss = (entry.kind == "loss").then(|| entry.parse().ok()).flatten()?;
    match loss.body {
        Body::Loss(loss) if loss.kind == names::SINK_LOSS => Some(loss.count),
        _ => None,
    }
}

impl Missing {
    /// These are missing, too.
    pub fn add(to: &mut Option<Self>, entries: &[Arc<Entry>]) {
        for entry in entries {
            let Entry { time, seq, node, .. } = &**entry;
            // What a loss told of is missing still.
            let count = told_missing(entry).unwrap_or(1);
            Self { count, from: *time, to: *time, seq: *seq, node: Arc::clone(node) }.join(to);
        }
    }

    fn join(self, to: &mut Option<Self>) {
        let Some(missing) = to else {
            *to = Some(self);
            return;
        };
        missing.count += self.count;
        missing.from = missing.from.min(self.from);
        missing.to = missing.to.max(self.to);
        missing.seq = missing.seq.max(self.seq);
    }

    /// How many they are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    fn entry(self) -> Arc<Entry> {
        let Self { count, from, to, seq, node } = self;
        let loss = LossLine { kind: names::SINK_LOSS.into(), count, window: Window { from, to } };
        let schema = crate::sinks::schema::SCHEMA.into();
        let node = node.to_string();
        Arc::new(Entry::new(&Line { schema, time: to, node, seq, body: Body::Loss(loss) }))
    }
}
