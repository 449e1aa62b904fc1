//! The one entry point: live capture and replay both push their inputs here, and only here.

use alloc::vec::Vec;

use crate::{
    config::Config,
    decode::decode,
    engine::Engine,
    event::EventBody,
    input::{FactBody, Input, Loss, LossKind},
    order::{Key, Reorder},
    output::{Figures, Outputs},
    time::{BootNs, SECOND},
};

/// Decodes, orders, and hands to the engine.
#[derive(Debug)]
pub struct Trace {
    engine: Engine,
    order: Reorder<Item>,
    facts: u64,
    /// Events that could not be put in order.
    late: u64,
    last_tick: BootNs,
}

#[derive(Debug)]
enum Item {
    Event(EventBody),
    Fact(FactBody),
}

/// Facts have no CPU; in the total order they come after the events of the same nanosecond.
const FACT_SOURCE: u32 = u32::MAX;

impl Trace {
    /// A trace that has seen nothing.
    pub fn new(config: Config) -> Self {
        let order = Reorder::new(config.reorder_window_ns);
        Self { engine: Engine::new(config), order, facts: 0, late: 0, last_tick: BootNs(0) }
    }

    /// Takes one input; what follows from it is added to `out`.
    pub fn step(&mut self, input: Input, out: &mut Outputs) {
        match input {
            Input::Frame(bytes) => self.frame(&bytes, out),
            Input::Fact(fact) => {
                self.facts += 1;
                let key = Key { at: fact.at, source: FACT_SOURCE, number: self.facts };
                // Nothing is told wrongly because a manager answered slowly: that is no loss of order.
                self.order.push(key, Item::Fact(fact.body));
            }
            Input::Loss(loss) => self.engine.loss(loss, out),
            Input::Clock(anchor) => self.engine.set_clock(anchor),
            Input::Tick(now) => {
                self.last_tick = self.last_tick.max(now);
                let (to, items) = self.order.release(now);
                self.feed(items, out);
                self.engine.tick(to, out);
            }
            Input::End(at) => {
                let items = self.order.release_all();
                self.feed(items, out);
                self.engine.end(at, self.late, out);
            }
        }
    }

    /// Nothing is held back and no timeline is open: time need not be told often.
    pub fn is_idle(&self) -> bool {
        self.order.is_empty() && self.engine.open_timelines() == 0
    }

    /// Timelines that wait for their end or for the end of their grace.
    pub fn open_timelines(&self) -> usize {
        self.engine.open_timelines()
    }

    /// How much has been seen and is kept.
    pub fn figures(&self) -> Figures {
        Figures { late: self.late, ..self.engine.figures() }
    }

    /// The longest time that one of those is waited for, nanoseconds; those that have no limit do
    /// not count.
    pub fn longest_grace_ns(&self) -> u64 {
        self.engine.longest_grace_ns()
    }

    /// Everything that is kept, in entries of any kind.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.engine.remembered()
    }

    fn frame(&mut self, bytes: &[u8], out: &mut Outputs) {
        if let Ok(event) = decode(bytes) {
            let key = Key { at: event.at, source: event.cpu, number: event.cpu_seq.into() };
            if self.order.push(key, Item::Event(event.body)) {
                self.late += 1;
                self.engine.came_late(event.at);
            }
        } else {
            // When it happened is not known: about now.
            let (from, to) = (self.last_tick.minus(SECOND), self.last_tick.plus(SECOND));
            self.engine.loss(Loss { kind: LossKind::Undecodable, count: 1, from, to }, out);
        }
    }

    fn feed(&mut self, items: Vec<(BootNs, Item)>, out: &mut Outputs) {
        for (at, item) in items {
            match item {
                Item::Event(event) => self.engine.event(at, &event, out),
                Item::Fact(fact) => self.engine.fact(at, &fact, out),
            }
        }
    }
}
