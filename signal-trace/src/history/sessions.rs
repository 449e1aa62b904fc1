//! Whether anybody was looking: sessions, nodes, and the times for which something is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::range::{Range, Stamp};
use crate::sinks::schema::LossLine;

/// Gaps that are told of one by one; further ones are counted.
const MAX_GAPS: usize = 20;
/// Nodes that are told apart, and sessions of each.
const MAX_NODES: usize = 4096;
const MAX_SESSIONS: usize = 100_000;

/// A time for which something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Of this node.
    pub node: String,
    /// From.
    pub from: Stamp,
    /// To.
    pub to: Stamp,
    /// What.
    pub why: Why,
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No agent ran: the one before ended in order.
    Ended,
    /// The agent was killed, or its machine went down, at some time after the beginning.
    Killed,
    /// Nothing before is there.
    NothingBefore,
    /// So many of this kind were lost.
    Lost {
        /// Of the contract's.
        kind: String,
        /// How many.
        count: u64,
    },
}

/// What is known of the sessions.
#[derive(Debug)]
pub struct Sessions {
    range: Range,
    nodes: Vec<Node>,
    by_name: BTreeMap<Vec<u8>, usize>,
    current: usize,
    /// Sessions in the time that is asked for that ended in order,
    pub ended: u64,
    /// were killed,
    pub killed: u64,
    /// have not ended.
    pub open: u64,
    /// Gaps in the time that is asked for.
    pub gaps: Vec<Gap>,
    /// More of them.
    pub more_gaps: u64,
}

#[derive(Debug)]
struct Node {
    name: String,
    session: Option<Session>,
    /// Its latest line, of any session.
    last: Option<Stamp>,
    first: Option<Stamp>,
    /// Starts of the sessions that were told of.
    told: BTreeSet<Stamp>,
    /// The `recording` line of the session, as long as nothing of it was shown.
    unshown: Option<Box<[u8]>>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    start: Stamp,
    last: Stamp,
    ended: bool,
}

impl Sessions {
    /// For what is asked.
    pub fn new(range: Range) -> Self {
        Self {
            range,
            nodes: vec![],
            by_name: BTreeMap::new(),
            current: 0,
            ended: 0,
            killed: 0,
            open: 0,
            gaps: vec![],
            more_gaps: 0,
        }
    }

    /// A line of `node`, which is the current one from now on.
    pub fn see(&mut self, node: &[u8], at: Stamp) {
        if self.nodes.get(self.current).is_none_or(|it| it.name.as_bytes() != node) {
            self.current = self.find(node);
        }
        let node = &mut self.nodes[self.current];
        node.last = node.last.max(Some(at));
        if let Some(session) = &mut node.session {
            session.last = session.last.max(at);
        }
        if self.range.contains(at) {
            node.first.get_or_insert(at);
        }
    }

    fn find(&mut self, name: &[u8]) -> usize {
        if let Some(place) = self.by_name.get(name) {
            return *place;
        }
        let place = self.nodes.len().min(MAX_NODES);
        if place == self.nodes.len() {
            let others = if place == MAX_NODES { b"(others)" } else { name };
            self.nodes.push(Node {
                name: String::from_utf8_lossy(others).into_owned(),
                session: None,
                last: None,
                first: None,
                told: BTreeSet::new(),
                unshown: None,
            });
        }
        if place < MAX_NODES {
            self.by_name.insert(name.to_vec(), place);
        }
        place
    }

    /// A `recording` line, `raw`; before [`Self::see`] is told of it.
    pub fn begin(&mut self, node: &[u8], start: Stamp, raw: &[u8]) {
        self.current = self.find(node);
        let node = &mut self.nodes[self.current];
        if node.session.is_some_and(|session| session.start == start) {
            return;
        }
        // Two agents on one node take turns here; each is told of once.
        if node.told.insert(start) {
            node.unshown = Some(raw.into());
        }
        if node.told.len() > MAX_SESSIONS {
            node.told.pop_first();
        }
        let (name, last) = (node.name.clone(), node.last);
        match node.session.replace(Session { start, last: start, ended: false }) {
            Some(before) => {
                self.count(before, true);
                if let Some(last) = last.filter(|last| *last < start) {
                    let why = if before.ended { Why::Ended } else { Why::Killed };
                    self.gap(name, last, start, why);
                }
            }
            None => {
                if let Some(since) = self.range.since.filter(|since| *since < start) {
                    self.gap(name, since, start, Why::NothingBefore);
                }
            }
        }
    }

    /// An `end` line of the current node.
    pub fn end(&mut self) {
        if let Some(session) = &mut self.nodes[self.current].session {
            session.ended = true;
        }
    }

    /// A `loss` line of the current node. Whether it is of the time that is asked for.
    pub fn lose(&mut self, loss: &LossLine) -> bool {
        let [from, to] = [loss.window.from, loss.window.to].map(Stamp::from);
        // The clock may have been set in between.
        let (from, to) = (from.min(to), from.max(to));
        if self.range.clip(from, to).is_none() {
            return false;
        }
        let (kind, count) = (loss.kind.to_string(), loss.count);
        self.push(Gap {
            node: self.nodes[self.current].name.clone(),
            from,
            to,
            why: Why::Lost { kind, count },
        });
        true
    }

    /// The `recording` line of the current session, the first time that something of it is shown.
    pub fn take_unshown(&mut self) -> Option<Box<[u8]>> {
        self.nodes[self.current].unshown.take()
    }

    /// The current node, by number.
    pub const fn current(&self) -> usize {
        self.current
    }

    /// All is read.
    pub fn finish(&mut self) {
        for place in 0..self.nodes.len() {
            let Node { name, session: Some(session), last: Some(last), .. } = &self.nodes[place]
            else {
                continue;
            };
            let (name, session, last) = (name.clone(), *session, *last);
            self.count(session, false);
            if let Some(until) = self.range.covered_until.filter(|until| last < *until)
                && session.ended
            {
                self.gap(name, last, until, Why::Ended);
            }
        }
    }

    /// The nodes, with their first and last line in the time that is asked for.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, Stamp, Stamp)> {
        self.nodes.iter().filter_map(|node| {
            let last = node.last?;
            let last = self.range.until.map_or(last, |until| last.min(until));
            Some((node.name.as_str(), node.first?, last))
        })
    }

    /// Sessions in the time that is asked for.
    pub const fn count_all(&self) -> u64 {
        self.ended + self.killed + self.open
    }

    fn count(&mut self, session: Session, over: bool) {
        if self.range.clip(session.start, session.last).is_none() {
            return;
        }
        match (session.ended, over) {
            (true, _) => self.ended += 1,
            (false, true) => self.killed += 1,
            (false, false) => self.open += 1,
        }
    }

    fn gap(&mut self, node: String, from: Stamp, to: Stamp, why: Why) {
        if let Some((from, to)) = self.range.clip(from, to).filter(|(from, to)| from < to) {
            self.push(Gap { node, from, to, why });
        }
    }

    fn push(&mut self, gap: Gap) {
        if self.gaps.len() < MAX_GAPS {
            self.gaps.push(gap);
        } else {
            self.more_gaps += 1;
        }
    }
}

#[cfg(test)]
mod tests;
