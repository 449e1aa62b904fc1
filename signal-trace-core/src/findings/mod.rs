//! Findings: one rule per file, each a pure function of a reported timeline.

mod events_lost;
mod grace_period_exceeded;
pub mod pages;
mod pid1_ignores_stop_signal;
mod pidns_teardown_kill;
mod stop_signal_ignored;
mod stop_signal_not_forwarded;
pub(crate) mod zombie_not_reaped;

use alloc::{format, string::String, vec::Vec};

use crate::{
    config::Config,
    escape::escaped,
    event::Process,
    ids::Seq,
    time::{BootNs, MS, SECOND},
    timeline::{Member, Timeline},
    verdict::ProcessVerdict,
};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing went wrong by it.
    Info,
    /// It will hurt sooner or later.
    Warning,
    /// Work was cut off, or something was left behind.
    Error,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// Its name in the JSON contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding about one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// This case, in one sentence. Names in it are escaped.
    pub summary: String,
    /// What to do about it.
    pub fix: String,
    /// Records that show it.
    pub evidence: Vec<Seq>,
}

/// A timeline at the moment of its report, as the rules see it.
pub(crate) struct Case<'a> {
    pub timeline: &'a Timeline,
    pub verdicts: &'a [(&'a Member, ProcessVerdict)],
    pub config: &'a Config,
    pub now: BootNs,
    pub lossy: bool,
}

/// A rule: what it has to say of a case.
type Rule = fn(&Case<'_>) -> Option<Finding>;

const RULES: [Rule; 6] = [
    pid1_ignores_stop_signal::check,
    stop_signal_ignored::check,
    stop_signal_not_forwarded::check,
    pidns_teardown_kill::check,
    grace_period_exceeded::check,
    events_lost::check,
];

/// All findings of a case, the worst first; among equals in the order of the rules, which put
/// causes before their consequences.
pub(crate) fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().filter_map(|rule| rule(case)).collect();
    // Who outlives a hang-up or an interrupt that nobody enforced does so on purpose (nohup).
    if case.timeline.provisional && case.timeline.first_kill.is_none() && !case.lossy {
        for finding in &mut findings {
            finding.severity = Severity::Info;
        }
    }
    findings.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
    findings
}

impl<'a> Case<'a> {
    /// Members with this verdict for which `filter` holds.
    fn with_verdict(
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

    /// It had to be killed, or lived longer than the grace period.
    fn was_a_problem(&self, member: &Member) -> bool {
        if member.lost_its_end() {
            return false;
        }
        let end = member.ended.map_or(self.now, |ended| ended.at);
        member.died_of_sigkill() || end > self.timeline.grace_end(self.config.grace_ns)
    }

    /// The name of the signal that asked the workload to stop.
    fn stop_name(&self) -> String {
        self.timeline.stop.as_ref().map_or_else(|| "the stop signal".into(), |s| s.signal.name())
    }

    /// The end of a sentence on what then became of `member`.
    fn fate(&self, member: &Member) -> String {
        let start = self.timeline.stop.as_ref().map_or(self.timeline.opened, |stop| stop.at);
        match (member.died_of_sigkill(), member.ended) {
            (true, Some(_)) => {
                let killed = member.kill.map_or(start, |kill| kill.at);
                let by = member.kill.map_or("", |kill| kill.role.name());
                format!("it was killed with SIGKILL ({by}) {} later", seconds(killed.since(start)))
            }
            (false, Some(ended)) => format!("it ended {} later", seconds(ended.at.since(start))),
            (_, None) => format!("it still runs {} later", seconds(self.now.since(start))),
        }
    }
}

/// `sh[901]`, escaped; with the pid that it has in its namespace, if that is another.
fn name(process: &Process) -> String {
    let comm = escaped(process.comm.as_bytes());
    if process.ns_pid == 0 || process.ns_pid == process.id.pid {
        format!("{comm}[{}]", process.id.pid)
    } else {
        format!("{comm}[{}] (pid {} in its namespace)", process.id.pid, process.ns_pid)
    }
}

/// ` and N more`, or nothing.
fn and_more(members: &[&Member]) -> String {
    match members.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more like it)", n - 1),
    }
}

/// A duration for people.
fn seconds(ns: u64) -> String {
    if ns < SECOND {
        format!("{} ms", ns / MS)
    } else {
        format!("{}.{:02} s", ns / SECOND, ns % SECOND / (10 * MS))
    }
}

/// The records about a member: its stop signal, its delivery, its SIGKILL, its exit.
fn evidence(members: &[&Member]) -> Vec<Seq> {
    let mut seqs: Vec<_> = members
        .iter()
        .flat_map(|member| {
            let own = member.own_stop.as_ref();
            [
                own.map(|own| own.stop.seq),
                own.and_then(|own| own.delivered).map(|(.., seq)| seq),
                own.and_then(|own| own.reraised).map(|(_, seq)| seq),
                member.kill.map(|kill| kill.seq),
                member.ended.and_then(|ended| ended.seq),
            ]
        })
        .flatten()
        .collect();
    seqs.sort_unstable();
    seqs.dedup();
    seqs
}
