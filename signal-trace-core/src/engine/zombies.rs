//! Zombies: what is dead and not reaped is asked for in `/proc` before anybody is accused.

use super::Engine;
use crate::{
    findings::{Severity, zombie_not_reaped},
    ids::ProcessId,
    output::{Ask, FindingRecord, Outputs, RecordBody, ZombieRecord},
    time::{BootNs, SECOND},
};

/// How often a zombie is looked at again, to learn of its end.
const ASK_AGAIN_NS: u64 = 10 * SECOND;

impl Engine {
    pub(super) fn watch_zombie(&mut self, id: ProcessId, ended: BootNs) {
        self.zombies_due.insert((ended.plus(self.config.zombie_after_ns), id));
    }

    pub(super) fn ask_due(&mut self, out: &mut Outputs) {
        let last = ProcessId { pid: u32::MAX, start_ticks: u64::MAX };
        let later = self.zombies_due.split_off(&(self.now, last));
        for (_, id) in core::mem::replace(&mut self.zombies_due, later) {
            if self.table.get(id).is_some_and(|entry| entry.ended.is_some()) {
                out.asks.push(Ask::Process(id));
                self.zombies_due.insert((self.now.plus(ASK_AGAIN_NS), id));
            }
        }
    }

    /// `/proc` shows a process that has exited: it is a zombie, and old enough to be asked for.
    pub(super) fn zombie_confirmed(&mut self, at: BootNs, id: ProcessId, out: &mut Outputs) {
        let Some(entry) = self.table.get_mut(id) else { return };
        let Some(ended) = entry.ended else { return };
        let age_ns = at.since(ended.at);
        if entry.zombie_reported || age_ns < self.config.zombie_after_ns {
            return;
        }
        entry.zombie_reported = true;
        let process = entry.process;
        let parent = process.parent.and_then(|id| self.table.get(id)).map(|entry| entry.process);
        let record = ZombieRecord {
            process: self.process_ref(&process),
            parent: parent.map(|parent| self.process_ref(&parent)),
            age_ns,
        };
        let seq = self.emit(at, RecordBody::Zombie(record), out);
        let finding = zombie_not_reaped::finding(&zombie_not_reaped::Zombie {
            process: &process,
            parent: parent.as_ref(),
            age_ns,
            evidence: (seq, ended.seq),
        });
        self.count(finding.severity);
        let workload = self.workload_ref(self.workload_of(&process), &process);
        let record = FindingRecord { workload, process: self.process_ref(&process), finding };
        self.emit(at, RecordBody::Finding(record), out);
    }

    pub(super) const fn count(&mut self, severity: Severity) {
        let counter = match severity {
            Severity::Info => &mut self.totals.infos,
            Severity::Warning => &mut self.totals.warnings,
            Severity::Error => &mut self.totals.errors,
        };
        *counter += 1;
    }
}
