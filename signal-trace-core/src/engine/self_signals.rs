//! Who has just signalled itself: how a signal to the sender's own process group is known.

use alloc::{collections::BTreeMap, vec::Vec};

use super::Engine;
use crate::{
    event::Process,
    findings::self_kill,
    ids::ProcessId,
    member::Kill,
    output::Outputs,
    role::Role,
    signal::Signal,
    system::System,
    table::Ended,
    time::{BootNs, MS},
};

/// Processes that have just signalled themselves. One that signals its own group, as timeout(1)
/// does, is among its targets; its other targets then open no timeline.
#[derive(Debug, Default)]
pub(super) struct SelfSignals(BTreeMap<ProcessId, BootNs>);

/// The signals of one `kill(0, …)` lie closer together than this.
const GROUP_KILL_NS: u64 = 20 * MS;

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

impl Engine {
    /// The sender signals its own process group, itself included.
    pub(super) fn is_own_group(
        &self,
        sender: Option<&Process>,
        target: &Process,
        at: BootNs,
    ) -> bool {
        sender.is_some_and(|sender| {
            sender.pgid == target.pgid && self.self_signals.contains(sender.id, at)
        })
    }

    /// The sender turned out to signal its own process group: what that opened is no shutdown.
    pub(super) fn discard_openings_of(&mut self, sender: ProcessId, pgid: u32, at: BootNs) {
        let discarded: Vec<_> = self
            .timelines
            .values()
            .filter(|timeline| {
                let Some(main) = timeline.members.get(&timeline.main) else { return false };
                let opener = match &timeline.stop {
                    Some(stop) => stop.sender.map(|process| process.id),
                    None => main.kill.and_then(|kill| kill.sender).map(|process| process.id),
                };
                main.process.pgid == pgid
                    && opener == Some(sender)
                    && at.since(timeline.opened) <= GROUP_KILL_NS
            })
            .map(|timeline| timeline.key)
            .collect();
        for key in discarded {
            self.drop_timeline(key);
        }
    }

    /// A process that no timeline knows has ended: by a SIGKILL of its own, perhaps.
    pub(super) fn ended_itself(
        &mut self,
        at: BootNs,
        id: ProcessId,
        ended: Ended,
        out: &mut Outputs,
    ) {
        let Some(entry) = self.table.get(id) else { return };
        let by_itself = |kill: &Kill| kill.role == Role::Itself;
        let Some(kill) = entry.kill.as_deref().copied().filter(by_itself) else { return };
        if ended.status.signal() != Some(Signal::KILL) {
            return;
        }
        let process = entry.process;
        let evidence = ended.seq.into_iter().chain([kill.seq]).collect();
        let workload = self.workload_ref(self.workload_of(&process), &process);
        let systems = System::at_hand(&workload, [&process].into_iter());
        let finding = self_kill::finding(&process, &systems, evidence);
        self.emit_finding(at, workload, &process, finding, out);
    }
}
