//! Signals: which of them open a timeline, and what each does to an open one.

use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};

use super::Engine;
use crate::{
    event::{Deliver, Generate, Process},
    ids::{ProcessId, Seq},
    output::{DeliveryRecord, Outputs, RecordBody, SenderRef, SignalRecord},
    role::{self, Relation, Role},
    signal::{GenerateResult, Signal},
    time::{BootNs, MS},
    timeline::{Kill, Member, OwnStop, Stop, Timeline, WorkloadKey},
};

/// Processes that have just signalled themselves. One that signals its own group, as timeout(1)
/// does, is among its targets; its other targets then open no timeline.
#[derive(Debug, Default)]
pub(super) struct SelfSignals(Vec<(ProcessId, BootNs)>);

/// The signals of one `kill(0, …)` lie closer together than this.
const GROUP_KILL_NS: u64 = 20 * MS;

impl SelfSignals {
    fn add(&mut self, id: ProcessId, at: BootNs) {
        self.0.push((id, at));
    }

    fn contains(&self, id: ProcessId, at: BootNs) -> bool {
        self.0.iter().any(|(sender, sent)| *sender == id && at.since(*sent) <= GROUP_KILL_NS)
    }

    pub(super) fn forget_before(&mut self, now: BootNs) {
        self.0.retain(|(_, at)| now.since(*at) <= GROUP_KILL_NS);
    }
}

/// A signal with what the engine found out about it.
struct Sent<'a> {
    at: BootNs,
    seq: Seq,
    event: &'a Generate,
    sender: Option<Process>,
    role: Role,
}

impl Sent<'_> {
    fn stop(&self) -> Stop {
        Stop {
            signal: self.event.signal,
            at: self.at,
            seq: self.seq,
            sender: self.sender,
            role: self.role,
        }
    }
}

impl Engine {
    pub(super) fn generated(&mut self, at: BootNs, event: &Generate, out: &mut Outputs) {
        self.totals.signals += 1;
        self.see(at, &event.target, out);
        if event.sent_by_current() {
            self.see(at, &event.current, out);
        }
        let (sender, role) = role::of(event, self.relation(event));
        let record = SignalRecord {
            signal: event.signal,
            si_code: event.si_code,
            result: event.result,
            group: event.group,
            sender: SenderRef { process: sender.map(|p| self.process_ref(&p)), role },
            target: self.process_ref(&event.target),
            disposition: event.disposition,
            blocked: event.blocked || event.waited_for,
        };
        let seq = self.emit(at, RecordBody::Signal(record), out);
        let id = event.target.id;
        let Some(entry) = self.table.get_mut(id) else { return };
        entry.signalled = true;
        // A signal to a zombie, or to a process already exiting, changes nothing.
        if entry.ended.is_some() || event.target_was_dying() {
            return;
        }
        let sent = Sent { at, seq, event, sender, role };
        if role == Role::Itself {
            self.signalled_itself(&sent);
        } else if event.signal == Signal::KILL {
            if event.kills_now() {
                self.sigkilled(&sent);
            }
        } else if self.config.is_stop_signal(event.signal) {
            self.stop_signalled(&sent, out);
        }
    }

    pub(super) fn delivered(&mut self, at: BootNs, event: &Deliver, out: &mut Outputs) {
        self.see(at, &event.process, out);
        let record = DeliveryRecord {
            signal: event.signal,
            process: self.process_ref(&event.process),
            disposition: event.disposition,
        };
        let seq = self.emit(at, RecordBody::Delivery(record), out);
        if let Some(member) = self.member_mut(event.process.id) {
            member.deliver(at, seq, event);
        }
    }

    /// What the two ends of a signal are to each other.
    fn relation(&self, event: &Generate) -> Relation {
        let (sender, target) = (event.current.id, event.target.id);
        let ancestor =
            event.target.parent == Some(sender) || self.table.descends_from(target, sender);
        let same_workload = if self.config.is_split(event.target.cgroup) {
            let of_target = self.member_of.get(&target);
            self.table.descends_from(sender, target)
                || (of_target.is_some() && of_target == self.member_of.get(&sender))
        } else {
            event.current.cgroup == event.target.cgroup
        };
        Relation { same_workload, ancestor }
    }

    fn signalled_itself(&mut self, sent: &Sent<'_>) {
        let event = sent.event;
        let id = event.target.id;
        if event.signal == Signal::KILL {
            if event.kills_now() {
                self.note_kill(sent);
            }
        } else if let Some(own) = self.member_mut(id).and_then(|member| member.own_stop.as_mut())
            && own.stop.signal == event.signal
        {
            own.reraised = Some((event.result == GenerateResult::Ignored, sent.seq));
        }
        if event.group {
            self.self_signals.add(id, sent.at);
            self.discard_openings_of(event.target.id, event.target.pgid, sent.at);
        }
    }

    /// The sender turned out to signal its own process group: what that opened is no shutdown.
    fn discard_openings_of(&mut self, sender: ProcessId, pgid: u32, at: BootNs) {
        let discarded: Vec<_> = self
            .timelines
            .values()
            .filter(|timeline| {
                let Some(main) = timeline.members.get(&timeline.main) else { return false };
                let opener = match &timeline.stop {
                    Some(stop) => stop.sender.map(|process| process.id),
                    None => main.kill.and_then(|kill| kill.sender),
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

    fn sigkilled(&mut self, sent: &Sent<'_>) {
        let target = &sent.event.target;
        if !self.member_of.contains_key(&target.id) {
            let from_inside = matches!(sent.role, Role::Supervisor | Role::Peer);
            if from_inside || self.is_own_group(sent) {
                return;
            }
            let key = self.workload_of(target);
            let main = self.main_of(key, target.id);
            self.open(sent, key, main, None, false);
        }
        self.note_kill(sent);
    }

    fn note_kill(&mut self, sent: &Sent<'_>) {
        let id = sent.event.target.id;
        let Some(key) = self.member_of.get(&id) else { return };
        let Some(timeline) = self.timelines.get_mut(key) else { return };
        timeline.first_kill.get_or_insert(sent.at);
        if let Some(member) = timeline.members.get_mut(&id) {
            member.kill.get_or_insert(Kill {
                at: sent.at,
                seq: sent.seq,
                role: sent.role,
                sender: sent.sender.map(|process| process.id),
            });
        }
    }

    fn stop_signalled(&mut self, sent: &Sent<'_>, out: &mut Outputs) {
        let target = &sent.event.target;
        let key = self.member_of.get(&target.id).copied();
        let key = key.unwrap_or_else(|| self.workload_of(target));
        let main = match self.timelines.get(&key) {
            Some(open) => open.main,
            None => self.main_of(key, target.id),
        };
        let to_main = main == target.id;
        let from_inside = matches!(sent.role, Role::Supervisor | Role::Peer);
        let opens = (to_main || !from_inside) && !self.is_own_group(sent);
        let provisional = self.config.is_ambiguous(sent.event.signal) || !to_main;
        if let Some(open) = self.timelines.get(&key) {
            let firm = opens && !provisional;
            let superseded = firm && (open.provisional || open.stop.is_none());
            if !(superseded || (opens && open.reports > 0)) {
                self.attach(key, sent);
                return;
            }
            let open_signal = open.stop.as_ref().map(|stop| stop.signal);
            if open.provisional && open.main == main && open_signal == Some(sent.event.signal) {
                // The same request, first to a worker and then to the main process.
                if let Some(open) = self.timelines.get_mut(&key) {
                    open.provisional = false;
                }
                self.attach(key, sent);
                return;
            }
            self.supersede(key, out);
        }
        if opens {
            self.open(sent, key, main, Some(sent.stop()), provisional);
            self.attach(key, sent);
        }
    }

    /// The sender signals its own process group, itself included.
    fn is_own_group(&self, sent: &Sent<'_>) -> bool {
        sent.sender.is_some_and(|sender| {
            sender.pgid == sent.event.target.pgid && self.self_signals.contains(sender.id, sent.at)
        })
    }

    /// The process that stands for the workload: PID 1 of its namespace, else the oldest one that
    /// was not started from inside.
    fn main_of(&self, key: WorkloadKey, target: ProcessId) -> ProcessId {
        let cgroup = match key {
            WorkloadKey::Tree(root) => return root,
            WorkloadKey::Cgroup(cgroup) => cgroup,
        };
        let from_inside = |parent: Option<ProcessId>| {
            parent
                .and_then(|parent| self.table.get(parent))
                .is_some_and(|parent| parent.process.cgroup == cgroup)
        };
        self.table
            .living_in(cgroup)
            .min_by_key(|entry| {
                let process = &entry.process;
                (
                    !process.is_namespace_init(),
                    process.ns_level,
                    from_inside(entry.lineage),
                    process.id.start_ticks,
                    process.id.pid,
                )
            })
            .map_or(target, |entry| entry.process.id)
    }

    fn open(
        &mut self,
        sent: &Sent<'_>,
        key: WorkloadKey,
        main: ProcessId,
        stop: Option<Stop>,
        provisional: bool,
    ) {
        let ids: BTreeSet<ProcessId> = match key {
            WorkloadKey::Tree(root) => self.table.living_tree(root),
            WorkloadKey::Cgroup(cgroup) => {
                self.table.living_in(cgroup).map(|entry| entry.process.id).collect()
            }
        };
        let mut timeline = Timeline {
            key,
            opened: sent.at,
            stop,
            provisional,
            main,
            members: BTreeMap::new(),
            first_kill: None,
            reports: 0,
        };
        for id in &ids {
            let Some(entry) = self.table.get(*id) else { continue };
            let foreign = *id != main && entry.lineage.is_none_or(|parent| !ids.contains(&parent));
            timeline.members.insert(*id, Member::new(entry.process, true, foreign));
        }
        // A whole group can be told from the leaves up: a tree takes in the smaller trees in it.
        for id in &ids {
            if let Some(smaller) =
                self.timelines.get(&WorkloadKey::Tree(*id)).filter(|smaller| smaller.reports == 0)
            {
                timeline.members.extend(smaller.members.clone());
                timeline.opened = timeline.opened.min(smaller.opened);
                if timeline.stop.is_some() {
                    timeline.stop = timeline.stop.min_by_time(smaller.stop.clone());
                }
                timeline.first_kill =
                    [timeline.first_kill, smaller.first_kill].into_iter().flatten().min();
                self.timelines.remove(&WorkloadKey::Tree(*id));
            }
        }
        for id in timeline.members.keys() {
            self.member_of.insert(*id, key);
        }
        self.timelines.insert(key, timeline);
    }

    /// Notes a stop signal on the process that got it.
    fn attach(&mut self, key: WorkloadKey, sent: &Sent<'_>) {
        let Some(timeline) = self.timelines.get_mut(&key) else { return };
        let target = &sent.event.target;
        let member =
            timeline.members.entry(target.id).or_insert_with(|| Member::new(*target, false, false));
        self.member_of.insert(target.id, key);
        match &mut member.own_stop {
            Some(own) => own.repeats += 1,
            None => member.own_stop = Some(OwnStop::new(sent.stop(), sent.event)),
        }
    }

    pub(super) fn member_mut(&mut self, id: ProcessId) -> Option<&mut Member> {
        let key = self.member_of.get(&id)?;
        self.timelines.get_mut(key)?.members.get_mut(&id)
    }
}

/// The earlier of two stops.
trait Earlier {
    fn min_by_time(self, other: Self) -> Self;
}

impl Earlier for Option<Stop> {
    fn min_by_time(self, other: Self) -> Self {
        [self, other].into_iter().flatten().min_by_key(|stop| (stop.at, stop.seq))
    }
}
