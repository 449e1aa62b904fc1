//! Who has just signalled itself: how a signal to the sender's own process group is known.

use alloc::collections::BTreeMap;

use crate::{
    ids::ProcessId,
    time::{BootNs, MS},
};

/// Processes that have just signalled themselves. One that signals its own group, as timeout(1)
/// does, is among its targets; its other targets then open no timeline.
#[derive(Debug, Default)]
pub(super) struct SelfSignals(BTreeMap<ProcessId, BootNs>);

/// The signals of one `kill(0, …)` lie closer together than this.
pub(super) const GROUP_KILL_NS: u64 = 20 * MS;

impl SelfSignals {
    pub(super) fn add(&mut self, id: ProcessId, at: BootNs) {
        self.0.insert(id, at);
    }

    pub(super) fn contains(&self, id: ProcessId, at: BootNs) -> bool {
        self.0.get(&id).is_some_and(|sent| at.since(*sent) <= GROUP_KILL_NS)
    }

    pub(super) fn forget_before(&mut self, now: BootNs) {
        self.0.retain(|_, at| now.since(*at) <= GROUP_KILL_NS);
    }
}
