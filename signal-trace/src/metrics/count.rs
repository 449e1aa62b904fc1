//! Counts what the lines of the stream say.

use std::collections::VecDeque;

use signal_trace_core::{
    findings::{Severity, pages::PAGES},
    output::RecordBody,
    role::Role,
    verdict::WorkloadVerdict,
};

use super::{
    series::{Counts, DURATION_BOUNDS, GRACE_BOUNDS},
    table::Table,
    zombies::Zombies,
};
use crate::sinks::schema::{Body, Finding, Grace, Line, ShutdownLine, Workload};

/// Reports of workloads that live on, of which more is to come; the oldest is forgotten, and its
/// end not counted.
const MOST_OPEN: usize = 1024;
/// What a name is called that this version does not know.
const UNKNOWN: &str = "unknown";

/// Turns lines into numbers.
#[derive(Debug, Default)]
pub(super) struct Counter {
    zombies: Zombies,
    open: VecDeque<Open>,
}

/// A `still-running` report, and what was counted of it: the report of its end has it again.
#[derive(Debug, Default)]
struct Open {
    shutdown_id: String,
    findings: Vec<&'static str>,
    kills: Counts<&'static str>,
}

impl Counter {
    /// Whether there is something to count in the line of this record: most have nothing.
    pub(super) fn wants(&self, body: &RecordBody) -> bool {
        match body {
            RecordBody::Shutdown(_) | RecordBody::Finding(_) | RecordBody::Zombie(_) => true,
            RecordBody::Reap(reap) => self.zombies.knows(reap.process.process.id.pid),
            RecordBody::Exit(exit) => self.zombies.knows(exit.process.process.id.pid),
            RecordBody::Signal(_)
            | RecordBody::Delivery(_)
            | RecordBody::Oom(_)
            | RecordBody::Loss(_)
            | RecordBody::End(_) => false,
        }
    }

    /// Counts a line.
    pub(super) fn line(&mut self, line: &Line, table: &mut Table) {
        let now = line.time.0;
        match &line.body {
            Body::Shutdown(shutdown) => self.shutdown(shutdown, now, table),
            Body::Finding(line) => finding(&line.workload, &line.finding, now, table),
            Body::Zombie(zombie) => {
                self.zombies.told(&zombie.process, zombie.workload.as_deref(), now, table);
            }
            Body::Reap(reap) => self.zombies.reaped(&reap.process, table),
            Body::Exit(exit) => self.zombies.replaced(&exit.process, table),
            Body::Recording(_)
            | Body::Signal(_)
            | Body::Delivery(_)
            | Body::Oom(_)
            | Body::Loss(_)
            | Body::End(_) => {}
        }
        self.tick(now, table);
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: i64, table: &mut Table) {
        self.zombies.tick(now, table);
    }

    /// A first report is counted; one that amends only if the workload lived on in the first.
    fn shutdown(&mut self, shutdown: &ShutdownLine, now: i64, table: &mut Table) {
        let ended = shutdown.verdict != WorkloadVerdict::StillRunning.name();
        let mut open = match &shutdown.amends {
            None => Open::default(),
            Some(first) => {
                let known = self.open.iter().position(|open| open.shutdown_id == *first);
                let Some(known) = known.and_then(|place| self.open.remove(place)) else { return };
                known
            }
        };
        let values = table.place(Some(&shutdown.workload), now);
        table.change(&values, now, |series| {
            if ended || shutdown.amends.is_none() {
                series.shutdowns.add(verdict(&shutdown.verdict), 1);
            }
            if ended {
                series.duration.observe(&DURATION_BOUNDS, shutdown.duration_seconds);
                if let Some(ratio) = grace_used(&shutdown.grace) {
                    series.grace_used.observe(&GRACE_BOUNDS, ratio);
                }
            }
            let mut kills = Counts::default();
            for role in shutdown.processes.iter().filter_map(|process| process.killed_by.as_deref())
            {
                kills.add(known(role, Role::ALL.map(Role::name)), 1);
            }
            for (role, count) in kills.iter() {
                series.kills.add(role, count.saturating_sub(open.kills.get(role)));
            }
            open.kills = kills;
            for finding in &shutdown.findings {
                let (id, severity) = names(finding);
                if !open.findings.contains(&id) {
                    series.findings.add((id, severity), 1);
                    open.findings.push(id);
                }
            }
        });
        if ended {
            return;
        }
        if shutdown.amends.is_none() {
            open.shutdown_id.clone_from(&shutdown.shutdown_id);
        }
        if self.open.len() >= MOST_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(open);
    }
}

fn finding(workload: &Workload, finding: &Finding, now: i64, table: &mut Table) {
    let values = table.place(Some(workload), now);
    table.change(&values, now, |series| series.findings.add(names(finding), 1));
}

/// The part of the grace period that was used, a preStop hook included; `None` without a stop
/// signal or without a limit.
fn grace_used(grace: &Grace) -> Option<f64> {
    let used = grace.used_seconds?;
    let had = grace.configured_seconds.filter(|seconds| *seconds > 0.0)?;
    let hook = grace.pre_stop.as_ref().map_or(0.0, |hook| hook.seconds);
    Some((used + hook) / had)
}

fn names(finding: &Finding) -> (&'static str, &'static str) {
    let id = known(&finding.id, PAGES.iter().map(|page| page.id));
    (id, known(&finding.severity, Severity::ALL.map(Severity::name)))
}

fn verdict(name: &str) -> &'static str {
    known(name, WorkloadVerdict::ALL.map(WorkloadVerdict::name))
}

/// The name as one of a fixed set: what is a label must be bounded.
fn known(name: &str, all: impl IntoIterator<Item = &'static str>) -> &'static str {
    all.into_iter().find(|known| *known == name).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests;
