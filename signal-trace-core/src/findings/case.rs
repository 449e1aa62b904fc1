//! A timeline at the moment of its report, and the words in which rules speak of it.

use alloc::{format, string::String, vec::Vec};

use super::{Finding, Severity, pages};
use crate::{
    config::Config,
    escape::escaped,
    event::Process,
    ids::{ProcessId, Seq},
    member::{Kill, Member, ONE_REQUEST_NS},
    output::GraceSource,
    role::Role,
    signal::Disposition,
    system::System,
    time::{BootNs, MS, SECOND},
    timeline::Timeline,
    verdict::ProcessVerdict,
    workload::Source,
};

/// What the rules see.
pub(crate) struct Case<'a> {
    pub timeline: &'a Timeline,
    pub verdicts: &'a [(&'a Member, ProcessVerdict)],
    pub config: &'a Config,
    pub now: BootNs,
    pub lossy: bool,
    /// No stop signal was seen, and there may have been one before the session began.
    pub may_have_been_asked: bool,
    /// For advice.
    pub systems: &'a [System],
}

impl<'a> Case<'a> {
    /// Members with this verdict for which `filter` holds.
    pub fn with_verdict(
        &self,
        wanted: ProcessVerdict,
        filter: impl Fn(&Member) -> bool,
    ) -> Vec<&'a Member> {
        self.verdicts
            .iter()
            .filter(|(member, verdict)| *verdict == wanted && filter(member))
            .map(|(member, _)| *member)
            .collect()
    }

    /// The verdict on the main process.
    pub fn main_verdict(&self) -> Option<ProcessVerdict> {
        let mut verdicts = self.verdicts.iter();
        let main = verdicts.find(|(member, _)| member.process.id == self.timeline.main);
        main.map(|(_, verdict)| *verdict)
    }

    /// What was left of the grace period at the stop signal, nanoseconds.
    pub fn grace_ns(&self) -> u64 {
        self.timeline.plan.left_ns()
    }

    pub fn grace_end(&self) -> BootNs {
        self.timeline.grace_end()
    }

    /// It had to be killed, or lived longer than the grace period.
    pub fn was_a_problem(&self, member: &Member) -> bool {
        if member.lost_its_end() {
            return false;
        }
        let end = member.ended.map_or(self.now, |ended| ended.at);
        member.died_of_sigkill() || end > self.grace_end()
    }

    /// SIGKILL was sent to somebody; or has ended somebody, where that it was sent was lost.
    pub fn was_enforced(&self) -> bool {
        let timeline = self.timeline;
        timeline.first_kill.is_some() || timeline.members.values().any(Member::died_of_sigkill)
    }

    /// Its parent in the workload, if that had ended before.
    pub fn dead_parent(&self, member: &Member) -> Option<(&'a Member, BootNs)> {
        let id: ProcessId = member.lineage?;
        let parent = self.timeline.members.get(&id)?;
        let ended = parent.ended?.at;
        let own_end = member.ended.map_or(self.now, |own| own.at);
        (ended <= own_end).then_some((parent, ended))
    }

    /// It lives on, and nobody minds: systemd told the main process alone (`KillMode=process`).
    pub fn is_spared(&self, member: &Member) -> bool {
        let by_systemd = self.timeline.stop.as_ref().is_some_and(|stop| stop.role == Role::Systemd);
        by_systemd && !member.died_of_sigkill()
    }

    /// Whom the first stop signal was sent to.
    pub fn stop_target(&self) -> Option<&'a Member> {
        let seq = self.timeline.stop.as_ref()?.seq;
        let is_first =
            |member: &&Member| member.own_stop.as_ref().is_some_and(|own| own.stop.seq == seq);
        self.timeline.members.values().find(is_first)
    }

    /// The name of the signal that asked the workload to stop.
    pub fn stop_name(&self) -> String {
        self.timeline.stop.as_ref().map_or_else(|| "the stop signal".into(), |s| s.signal.name())
    }

    /// The end of a sentence on what then became of `member`.
    pub fn fate(&self, member: &Member) -> String {
        let own = member.own_stop.as_ref().map(|own| own.stop.at);
        let stop = own.or(self.timeline.stop.as_ref().map(|stop| stop.at));
        let start = stop.unwrap_or(self.timeline.opened);
        match (member.died_of_sigkill(), member.ended) {
            (true, Some(ended)) => {
                let killed = member.kill.map_or(ended.at, |kill| kill.at);
                let by = member.kill.map_or("sender unknown", |kill| kill.role.name());
                let limit = member.kill.map_or_else(String::new, |kill| self.limit(&kill));
                let later = seconds(killed.since(start));
                format!("it was killed with SIGKILL ({by}) {later} later{limit}")
            }
            (false, Some(ended)) => format!("it ended {} later", seconds(ended.at.since(start))),
            (_, None) if member.lost_its_end() => "how it ended was lost".into(),
            (_, None) => format!("it still runs {} later", seconds(self.now.since(start))),
        }
    }

    /// What a SIGKILL from who manages the workload has to do with its grace period.
    fn limit(&self, kill: &Kill) -> String {
        let plan = &self.timeline.plan;
        let GraceSource::Known(source) = plan.grace_source else { return String::new() };
        let by_manager = matches!(kill.role, Role::Runtime | Role::Kubelet | Role::Systemd);
        if !by_manager || self.timeline.stop.is_none() || plan.grace_ns == u64::MAX {
            return String::new();
        }
        let setting = match source {
            Source::Docker => "Docker's stop timeout",
            Source::Podman => "Podman's stop timeout",
            Source::Kubernetes => "terminationGracePeriodSeconds",
            Source::Systemd => "TimeoutStopSec=",
            Source::Cri | Source::Image | Source::Oci => "the stop timeout",
        };
        let grace = seconds(plan.grace_ns);
        let end = self.grace_end();
        let hook = plan.pre_stop.map_or_else(String::new, |hook| {
            format!(
                ", of which its preStop hook {} took {}",
                name(&hook.process),
                seconds(hook.took_ns)
            )
        });
        if kill.at.plus(ONE_REQUEST_NS) < end {
            format!(", before the {grace} of {setting} were over{hook}")
        } else if kill.at.since(end) < SECOND {
            format!(", at the end of {setting} ({grace}{hook})")
        } else {
            String::new()
        }
    }

    /// A finding with the fix of its page for the systems at hand.
    pub fn finding(
        &self,
        id: &'static str,
        severity: Severity,
        summary: String,
        evidence: Vec<Seq>,
    ) -> Finding {
        Finding { id, severity, summary, fix: fix(id, self.systems), evidence }
    }
}

/// The fix on the page of a finding, for the systems at hand.
pub(super) fn fix(id: &str, systems: &[System]) -> String {
    pages::page(id).map_or_else(String::new, |page| page.fix(systems))
}

/// `sh[901]`, escaped; with the pid that it has in its namespace, if that is another.
pub(super) fn name(process: &Process) -> String {
    let comm = escaped(process.comm.as_bytes());
    if process.ns_pid == 0 || process.ns_pid == process.id.pid {
        format!("{comm}[{}]", process.id.pid)
    } else {
        format!("{comm}[{}] (pid {} in its namespace)", process.id.pid, process.ns_pid)
    }
}

/// ` (and N more like it)`, or nothing.
pub(super) fn and_more(members: &[&Member]) -> String {
    match members.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more like it)", n - 1),
    }
}

/// A duration for people.
pub(super) fn seconds(ns: u64) -> String {
    if ns < SECOND {
        format!("{} ms", ns / MS)
    } else {
        format!("{}.{:02} s", ns / SECOND, ns % SECOND / (10 * MS))
    }
}

/// What a process does with a signal, after its name.
pub(super) const fn does(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Default => "has no handler for",
        Disposition::Ignore => "ignores",
        Disposition::Handler => "has a handler for",
        Disposition::Unknown => "does something unknown with",
    }
}

/// The records about members: their stop signals, deliveries, SIGKILLs, exits.
pub(super) fn evidence(members: &[&Member]) -> Vec<Seq> {
    sorted(members.iter().flat_map(|member| {
        let own = member.own_stop.as_ref();
        [
            own.map(|own| own.stop.seq),
            own.and_then(|own| own.delivered).map(|(.., seq)| seq),
            own.and_then(|own| own.reraised).map(|(_, seq)| seq),
            member.kill.map(|kill| kill.seq),
            member.oom,
            member.ended.and_then(|ended| ended.seq),
        ]
        .into_iter()
        .flatten()
    }))
}

/// Records in order, each once.
pub(super) fn sorted(seqs: impl IntoIterator<Item = Seq>) -> Vec<Seq> {
    let mut seqs: Vec<_> = seqs.into_iter().collect();
    seqs.sort_unstable();
    seqs.dedup();
    seqs
}
