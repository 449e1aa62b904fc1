//! The engine: events in their total order go in, records and questions come out.
//!
//! State is the table of processes, the open timelines, and what is due later. All time comes from
//! the inputs.

mod due;
mod hooks;
mod kills;
mod lifecycle;
mod losses;
mod opening;
mod relations;
mod report;
mod self_signals;
mod stops;
mod workloads;
mod zombies;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    cgroups::Cgroups,
    config::Config,
    event::{EventBody, Process},
    findings::{Finding, Severity},
    ids::{ProcessId, Seq},
    input::{FactBody, Loss, LossKind},
    output::{EndRecord, Figures, FindingRecord, Outputs, Record, RecordBody, WorkloadRef},
    signal::Signal,
    table::{ProcessTable, Seen},
    time::{BootNs, ClockAnchor},
    timeline::{Timeline, WorkloadKey},
};

/// See the module.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    table: ProcessTable,
    timelines: BTreeMap<WorkloadKey, Timeline>,
    /// Which open timeline a process belongs to.
    member_of: BTreeMap<ProcessId, WorkloadKey>,
    cgroups: Cgroups,
    hooks: hooks::Hooks,
    /// Since when stop signals of workloads are watched, of those that were not from the start.
    watched_since: BTreeMap<Signal, BootNs>,
    zombies_due: BTreeSet<(BootNs, ProcessId)>,
    /// Reported zombies that are still there, by workload.
    zombies_of: BTreeMap<WorkloadKey, u64>,
    losses: losses::Losses,
    self_signals: self_signals::SelfSignals,
    clock: ClockAnchor,
    /// When those that are gone were last looked for.
    cgroups_forgotten: BootNs,
    /// When the session began: the first time that was told.
    began: Option<BootNs>,
    now: BootNs,
    next_seq: u64,
    totals: EndRecord,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            table: ProcessTable::new(config.max_processes),
            config,
            timelines: BTreeMap::new(),
            member_of: BTreeMap::new(),
            cgroups: Cgroups::new(),
            hooks: hooks::Hooks::default(),
            watched_since: BTreeMap::new(),
            zombies_due: BTreeSet::new(),
            zombies_of: BTreeMap::new(),
            losses: losses::Losses::default(),
            self_signals: self_signals::SelfSignals::default(),
            clock: ClockAnchor { boot: BootNs(0), wall_ns: 0 },
            cgroups_forgotten: BootNs(0),
            began: None,
            now: BootNs(0),
            next_seq: 1,
            totals: EndRecord::default(),
        }
    }

    /// Timelines that are open; not those that were reported as still running and wait for their
    /// amendment.
    pub fn open_timelines(&self) -> usize {
        self.timelines.values().filter(|timeline| timeline.reports == 0).count()
    }

    /// The longest time that an open timeline is waited for, nanoseconds; 0 if there is none. Those
    /// that have no limit do not count: they may never end.
    pub fn longest_grace_ns(&self) -> u64 {
        let open = self.timelines.values().filter(|timeline| timeline.reports == 0);
        let limited = open.filter(|timeline| timeline.plan.grace_ns != u64::MAX);
        limited.map(|timeline| self.patience_ns(timeline)).max().unwrap_or(0)
    }

    /// How much has been seen and is kept; what came late is counted before.
    pub fn figures(&self) -> Figures {
        let EndRecord { events, signals, exits, .. } = self.totals;
        Figures {
            events,
            signals,
            exits,
            late: 0,
            processes: self.table.len(),
            max_processes: self.config.max_processes,
            cgroups: self.cgroups.len(),
            timelines: self.timelines.len(),
        }
    }

    /// Processes, timelines and what is due, in entries.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.table.len()
            + self.timelines.values().map(|timeline| timeline.members.len()).sum::<usize>()
            + self.timelines.len()
            + self.member_of.len()
            + self.zombies_due.len()
            + self.zombies_of.len()
    }

    /// Wall and boot time, read together.
    pub fn set_clock(&mut self, anchor: ClockAnchor) {
        self.began.get_or_insert(anchor.boot);
        self.clock = anchor;
    }

    /// One kernel event. `at` does not go back, save for events that came too late to be sorted.
    pub fn event(&mut self, at: BootNs, event: &EventBody, out: &mut Outputs) {
        self.now = self.now.max(at);
        self.totals.events += 1;
        match event {
            EventBody::Generate(sent) => self.generated(at, sent, out),
            EventBody::Deliver(taken) => self.delivered(at, taken, out),
            EventBody::Exit(exit) => self.exited(at, exit, out),
            EventBody::Free(process) => self.freed(at, process, out),
            EventBody::Fork(process) => self.see(at, process, out),
            EventBody::CgroupAttach(process) => {
                // A zombie can be written into cgroup.procs, too; one that was never seen before
                // would count as alive.
                if !process.flags.dead || self.table.get(process.id).is_some() {
                    self.see(at, process, out);
                }
            }
            EventBody::Exec(process) => {
                self.see(at, process, out);
                self.note_hook(at, process);
            }
            EventBody::CgroupMkdir { key, path } => self.cgroup_made(at, *key, path.as_deref()),
            EventBody::Oom(oom) => self.oom(at, oom, out),
        }
    }

    /// One fact.
    pub fn fact(&mut self, at: BootNs, fact: &FactBody, out: &mut Outputs) {
        self.now = self.now.max(at);
        match fact {
            FactBody::Process(process) => self.process_fact(at, process, out),
            FactBody::ProcessGone(id) => self.reaped(at, *id, out),
            FactBody::Cgroup { key, path } => self.learn_path(*key, path),
            FactBody::Workload { key, workload } => self.learn_workload(*key, workload),
        }
    }

    /// Something is missing from the stream.
    pub fn loss(&mut self, loss: Loss, out: &mut Outputs) {
        // Without the path of a cgroup a name is missing, and nothing else is told wrongly.
        if loss.kind != LossKind::CgroupMkdir {
            self.losses.add(loss.from, loss.to);
        }
        self.totals.lost = self.totals.lost.saturating_add(loss.count);
        self.emit(loss.to, RecordBody::Loss(loss), out);
    }

    /// An event of this time comes only now, when what followed it has been seen already: it is used
    /// all the same, but what it should have preceded may be told wrongly.
    pub fn came_late(&mut self, at: BootNs) {
        self.losses.add(at, self.now.max(at));
    }

    /// Everything up to `now` has been seen: what is due by then is done.
    pub fn tick(&mut self, now: BootNs, out: &mut Outputs) {
        self.now = self.now.max(now);
        self.look_due(out);
        self.close_due(out);
        self.ask_due(out);
        self.self_signals.forget_before(self.now);
        self.forget_cgroups();
    }

    /// The session ends: open timelines are reported as they stand. `late` is the number of events
    /// that could not be put in order.
    pub fn end(&mut self, at: BootNs, late: u64, out: &mut Outputs) {
        self.now = self.now.max(at);
        self.close_all(out);
        self.totals.late = late;
        self.emit(self.now, RecordBody::End(self.totals), out);
    }

    fn emit(&mut self, at: BootNs, body: RecordBody, out: &mut Outputs) -> Seq {
        let seq = Seq(self.next_seq);
        self.next_seq += 1;
        out.records.push(Record { seq, at, clock: self.clock, body });
        seq
    }

    /// A finding that belongs to no shutdown.
    fn emit_finding(
        &mut self,
        at: BootNs,
        workload: WorkloadRef,
        process: &Process,
        finding: Finding,
        out: &mut Outputs,
    ) {
        self.count(finding.severity);
        let record = FindingRecord { workload, process: self.process_ref(process), finding };
        self.emit(at, RecordBody::Finding(record), out);
    }

    const fn count(&mut self, severity: Severity) {
        let counter = match severity {
            Severity::Info => &mut self.totals.infos,
            Severity::Warning => &mut self.totals.warnings,
            Severity::Error => &mut self.totals.errors,
        };
        *counter += 1;
    }

    /// Takes in a process that an event or fact shows: into the table, and into the timeline of
    /// the workload that it is in now.
    fn see(&mut self, at: BootNs, process: &Process, out: &mut Outputs) {
        if process.flags.kernel_thread || process.id.pid == 0 {
            return;
        }
        let earlier: Vec<_> = self.table.earlier_holders(process.id).collect();
        for id in earlier {
            self.reaped(at, id, out);
        }
        let seen = self.table.see(process);
        if seen == Seen::NoRoom {
            self.loss(Loss { kind: LossKind::ProcessTable, count: 1, from: at, to: at }, out);
            return;
        }
        self.learn_cgroup(process, out);
        self.join(at, process, seen, out);
    }

    /// The workload that a process belongs to if nothing else is known: its cgroup, or itself.
    fn workload_of(&self, process: &Process) -> WorkloadKey {
        if self.config.is_split(process.cgroup) {
            WorkloadKey::Tree(process.id)
        } else {
            WorkloadKey::Cgroup(process.cgroup)
        }
    }
}
