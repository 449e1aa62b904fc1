//! Zombies: what is dead and not reaped is asked for in `/proc` before anybody is accused.

use super::Engine;
use crate::{
    event::Process,
    findings::zombie_not_reaped,
    ids::ProcessId,
    input::ProcessFact,
    output::{Ask, Outputs, RecordBody, ZombieRecord},
    system::System,
    table::{Entry, Zombie},
    time::{BootNs, SECOND},
    timeline::WorkloadKey,
};

/// How often a dead process is looked at again that was not found to be a zombie yet.
const ASK_AGAIN_NS: u64 = 10 * SECOND;
/// A zombie is told of again when its age has doubled, but after this long at the latest.
const TELL_AGAIN_NS: u64 = 600 * SECOND;
/// So many zombies of one workload have a finding each; then every tenfold has one.
const FINDINGS_EACH: u64 = 10;

impl Engine {
    pub(super) fn watch_zombie(&mut self, id: ProcessId, ended: BootNs) {
        self.ask_at(id, ended.plus(self.config.zombie_after_ns));
    }

    fn ask_at(&mut self, id: ProcessId, at: BootNs) {
        let Some(entry) = self.table.get_mut(id) else { return };
        if let Some(earlier) = entry.ask_at.replace(at) {
            self.zombies_due.remove(&(earlier, id));
        }
        self.zombies_due.insert((at, id));
    }

    pub(super) fn ask_due(&mut self, out: &mut Outputs) {
        let last = ProcessId { pid: u32::MAX, start_ticks: u64::MAX };
        let later = self.zombies_due.split_off(&(self.now, last));
        for (_, id) in core::mem::replace(&mut self.zombies_due, later) {
            let Some(entry) = self.table.get(id) else { continue };
            let Some(ended) = entry.ended else { continue };
            out.asks.push(Ask::Process(id));
            let told_again = entry.zombie.map(|zombie| ended.at.plus(zombie.next_age_ns));
            let next = told_again.filter(|next| *next > self.now);
            self.ask_at(id, next.unwrap_or(self.now.plus(ASK_AGAIN_NS)));
        }
    }

    /// `/proc` shows a process that has exited: it is a zombie, and old enough to be asked for.
    pub(super) fn zombie_confirmed(&mut self, at: BootNs, fact: &ProcessFact, out: &mut Outputs) {
        let id = fact.id;
        let Some(entry) = self.table.get_mut(id) else { return };
        let Some(ended) = entry.ended else { return };
        let age_ns = at.since(ended.at);
        let due_ns = entry.zombie.map_or(self.config.zombie_after_ns, |zombie| zombie.next_age_ns);
        if age_ns < due_ns {
            return;
        }
        // The kernel gives the children of a dead process to another parent.
        entry.process.parent = fact.parent;
        let orphaned = entry.lineage.is_some() && entry.lineage != fact.parent;
        let process = entry.process;
        let parent = fact.parent.and_then(|parent| self.table.get(parent));
        let (parent, sigchld) = (parent.map(|p| p.process), parent.and_then(|p| p.sigchld));
        let known = self.table.get(id).and_then(|entry| entry.zombie);
        let home = known.map_or_else(|| self.home(&process, parent.as_ref()), |known| known.home);
        let count = self.zombies_of.entry(home).or_default();
        *count += u64::from(known.is_none());
        let count = *count;
        if let Some(entry) = self.table.get_mut(id) {
            let next_age_ns = age_ns.saturating_add(age_ns.clamp(SECOND, TELL_AGAIN_NS));
            entry.zombie = Some(Zombie { home, next_age_ns });
            self.ask_at(id, ended.at.plus(next_age_ns));
        }
        let record = ZombieRecord {
            process: self.process_ref(&process),
            parent: parent.map(|parent| self.process_ref(&parent)),
            parent_sigchld: sigchld,
            orphaned,
            age_ns,
            workload_zombies: count,
        };
        let seq = self.emit(at, RecordBody::Zombie(record), out);
        if known.is_some() || (count > FINDINGS_EACH && !is_power_of_ten(count)) {
            return;
        }
        let workload = self.workload_ref(home, parent.as_ref().unwrap_or(&process));
        let both = [Some(&process), parent.as_ref()];
        let systems = System::at_hand(&workload, both.into_iter().flatten());
        let finding = zombie_not_reaped::finding(&zombie_not_reaped::Zombie {
            process: &process,
            parent: parent.as_ref(),
            sigchld,
            orphaned,
            age_ns,
            count,
            systems: &systems,
            evidence: (seq, ended.seq),
        });
        self.emit_finding(at, workload, &process, finding, out);
    }

    /// Among whose zombies one is counted: those of its cgroup, else of its parent.
    fn home(&self, process: &Process, parent: Option<&Process>) -> WorkloadKey {
        match (self.workload_of(process), parent) {
            (WorkloadKey::Tree(_), Some(parent)) => WorkloadKey::Tree(parent.id),
            (key, _) => key,
        }
    }

    /// A dead process is no more.
    pub(super) fn zombie_gone(&mut self, id: ProcessId, entry: &Entry) {
        if let Some(at) = entry.ask_at {
            self.zombies_due.remove(&(at, id));
        }
        let Some(Zombie { home, next_age_ns: _ }) = entry.zombie else { return };
        if let Some(count) = self.zombies_of.get_mut(&home) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.zombies_of.remove(&home);
            }
        }
    }
}

const fn is_power_of_ten(mut count: u64) -> bool {
    while count > 1 && count.is_multiple_of(10) {
        count /= 10;
    }
    count == 1
}
