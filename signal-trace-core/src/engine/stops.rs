//! Signals: which of them open a timeline, and what each does to an open one.

use alloc::{boxed::Box, vec::Vec};

use super::{Engine, opening::Opening};
use crate::{
    event::{Deliver, Generate, Process},
    ids::{ProcessId, Seq},
    member::{Further, Kill, Member, ONE_REQUEST_NS, OwnStop, Stop},
    output::{DeliveryRecord, Outputs, RecordBody, SenderRef, SignalRecord},
    role::{self, Role},
    signal::{Disposition, GenerateResult, Signal},
    time::BootNs,
    timeline::{Forward, Timeline, WorkloadKey},
};

/// A signal with what the engine found out about it.
pub(super) struct Sent<'a> {
    pub(super) at: BootNs,
    pub(super) seq: Seq,
    pub(super) event: &'a Generate,
    pub(super) sender: Option<Process>,
    pub(super) role: Role,
}

impl Sent<'_> {
    pub(super) fn kill(&self) -> Kill {
        Kill {
            at: self.at,
            seq: self.seq,
            role: self.role,
            sender: self.sender,
            frozen: self.event.target.flags.frozen,
        }
    }

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

/// What becomes of a stop signal.
enum Decision {
    /// It concerns no workload as a whole.
    Nothing,
    /// It belongs to the open timeline.
    Attach,
    /// The same request, first to a worker and now to the main process.
    MakeFirm,
    /// It opens a timeline.
    Open,
    /// It opens one in the place of another.
    Replace,
}

/// What outlived its main process, and was reported, is on its own.
pub(super) fn is_rest(open: &Timeline) -> bool {
    open.reports > 0 && !open.main_lives()
}

impl Engine {
    pub(super) fn generated(&mut self, at: BootNs, event: &Generate, out: &mut Outputs) {
        // A zombie that was never seen before is not taken in: it would count as alive.
        if !event.target.flags.dead || self.table.get(event.target.id).is_some() {
            self.see(at, &event.target, out);
        }
        if event.sent_by_current() {
            self.see(at, &event.current, out);
        }
        if !self.is_watched(event.signal, event.target.cgroup) {
            return;
        }
        self.totals.signals += 1;
        let (sender, role) = role::of(event, self.relation(event));
        // A terminal that changes its size asks nobody to stop.
        let is_request =
            role != Role::Kernel || sender.is_some() || !event.signal.is_ignored_by_default();
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
        if event.signal == Signal::KILL && event.kills_now() {
            entry.kill.get_or_insert_with(|| Box::new(sent.kill()));
        }
        if role == Role::Itself {
            self.signalled_itself(&sent);
        } else if event.signal == Signal::KILL {
            if event.kills_now() {
                self.sigkilled(&sent);
            }
        } else if is_request && self.is_stop_signal(event.signal, event.target.cgroup) {
            self.stop_signalled(&sent, out);
            if (self.config.is_request(event.signal)
                || self.own_stop_signal(event.target.cgroup) == Some(event.signal))
                && let Some(entry) = self.table.get_mut(id)
            {
                entry.asked = Some(Further { signal: event.signal, at, seq });
            }
        }
    }

    pub(super) fn delivered(&mut self, at: BootNs, event: &Deliver, out: &mut Outputs) {
        self.see(at, &event.process, out);
        if !self.is_watched(event.signal, event.process.cgroup) {
            return;
        }
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
            // `trap '' TERM; kill 0` is meant for the others of its group, and ignored on purpose.
            let dropped = event.result == GenerateResult::Ignored
                && event.disposition == Disposition::Default;
            own.reraised = Some((dropped, sent.seq));
        }
        if event.group {
            self.self_signals.add(id, sent.at);
            self.discard_openings_of(event.target.id, event.target.pgid, sent.at);
        }
    }

    fn stop_signalled(&mut self, sent: &Sent<'_>, out: &mut Outputs) {
        let target = &sent.event.target;
        let key = self.member_of.get(&target.id).copied();
        let key = key.filter(|key| !self.timelines.get(key).is_some_and(is_rest));
        let key = key.unwrap_or_else(|| self.workload_of(target));
        let main = match self.timelines.get(&key) {
            Some(open) if !is_rest(open) => open.main,
            // A manager that recycles its pool: the main process is above it, or it is that itself;
            // the whole pool is not searched for it each time.
            None if sent.role == Role::Supervisor && !target.is_namespace_init() => return,
            _ => self.main_of(key, target.id),
        };
        let own = self.own_stop_signal(target.cgroup) == Some(sent.event.signal);
        let ambiguous = self.config.is_ambiguous(sent.event.signal) && !own;
        let provisional = ambiguous || main != target.id;
        let (at, stop) = (sent.at, Some(sent.stop()));
        let opening = Opening { key, at, main, stop, provisional };
        match self.decide(sent, &opening) {
            Decision::Nothing => {}
            Decision::Attach => self.attach(key, sent),
            Decision::MakeFirm => {
                if let Some(open) = self.timelines.get_mut(&key) {
                    open.provisional = false;
                }
                self.attach(key, sent);
            }
            Decision::Open => {
                self.open(opening);
                self.attach(key, sent);
            }
            Decision::Replace => {
                self.replace(opening, sent.event.signal, out);
                self.attach(key, sent);
            }
        }
    }

    /// What a stop signal does, given the timeline that it would open.
    fn decide(&self, sent: &Sent<'_>, opening: &Opening) -> Decision {
        let target = sent.event.target.id;
        let from_inside = matches!(sent.role, Role::Supervisor | Role::Peer);
        let opens = (opening.main == target || !from_inside)
            && !self.is_own_group(sent.sender.as_ref(), &sent.event.target, sent.at)
            && !self.is_exempt(&sent.event.target);
        let Some(open) = self.timelines.get(&opening.key) else {
            return if opens { Decision::Open } else { Decision::Nothing };
        };
        let replaceable = open.provisional || open.stop.is_none() || open.reports > 0;
        let signal = open.stop.as_ref().map(|stop| stop.signal);
        // What was a reload is over when another signal comes to the main process.
        let reloaded = open.provisional
            && signal == Some(Signal::HUP)
            && sent.event.signal != Signal::HUP
            && opening.main == target;
        if !opens || !(is_rest(open) || reloaded || (replaceable && !opening.provisional)) {
            return Decision::Attach;
        }
        let same_request = open.provisional
            && open.main == opening.main
            && signal == Some(sent.event.signal)
            && sent.at.since(open.opened) < ONE_REQUEST_NS;
        if same_request { Decision::MakeFirm } else { Decision::Replace }
    }

    /// Opens a timeline in the place of another one of the same workload.
    fn replace(&mut self, opening: Opening, signal: Signal, out: &mut Outputs) {
        let (key, main) = (opening.key, opening.main);
        let earlier = self.timelines.get(&key);
        let told: Vec<_> =
            earlier.iter().flat_map(|earlier| earlier.told(signal, main)).cloned().collect();
        let mut forwards = earlier.map_or_else(Vec::new, |earlier| earlier.forwards.clone());
        self.supersede(key, out);
        self.open(opening);
        // Who was asked already does not have to be asked again.
        let Some(timeline) = self.timelines.get_mut(&key) else { return };
        for earlier in told {
            if let Some(member) = timeline.members.get_mut(&earlier.process.id) {
                member.own_stop = earlier.own_stop;
            }
        }
        let is_told = |id| timeline.members.get(&id).is_some_and(|m| m.own_stop.is_some());
        forwards.retain(|forward| is_told(forward.to));
        timeline.forwards = forwards;
    }

    /// Notes a stop signal on the process that got it.
    fn attach(&mut self, key: WorkloadKey, sent: &Sent<'_>) {
        let Some(timeline) = self.timelines.get_mut(&key) else { return };
        let target = &sent.event.target;
        let Some(entry) = self.table.get(target.id) else { return };
        let member =
            timeline.members.entry(target.id).or_insert_with(|| Member::new(entry, false, false));
        self.member_of.insert(target.id, key);
        // Who ignores a hang-up (nohup) has answered nothing yet.
        let is_first = member.own_stop.as_ref().is_some_and(|own| {
            own.dropped && own.stop.signal == Signal::HUP && sent.event.signal != Signal::HUP
        });
        if let Some(own) = member.own_stop.as_mut().filter(|_| !is_first) {
            own.note_further(&sent.stop(), sent.event);
            return;
        }
        if is_first {
            timeline.forwards.retain(|forward| forward.to != target.id);
        }
        member.own_stop = Some(OwnStop::new(sent.stop(), sent.event));
        if let Some(from) = sent.sender.and_then(|sender| timeline.members.get(&sender.id)) {
            let own = from.own_stop.as_ref();
            timeline.forwards.push(Forward {
                from: from.process.id,
                to: target.id,
                signal: sent.event.signal,
                after_ns: own.map(|own| sent.at.since(own.stop.at)),
                seq: sent.seq,
            });
        }
    }

    pub(super) fn member_mut(&mut self, id: ProcessId) -> Option<&mut Member> {
        let key = self.member_of.get(&id)?;
        self.timelines.get_mut(key)?.members.get_mut(&id)
    }
}
