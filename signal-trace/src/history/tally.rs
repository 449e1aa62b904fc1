//! What the shutdowns that were shown come to. A shutdown that was reported again counts once, as the
//! last report has it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use signal_trace_core::findings::Severity;

use crate::{
    metrics,
    selection::severity,
    sinks::schema::{Finding, ShutdownLine, Workload},
};

/// Workloads that are told apart; the others are counted together.
const MAX_WORKLOADS: usize = 10_000;
/// Ids of findings, or verdicts; a file can hold any.
const MAX_NAMES: usize = 200;
/// Shutdowns that may be reported again, the latest.
const MAX_OPEN: usize = 10_000;
/// Bytes of a name.
const LONGEST: usize = 200;
const OTHERS: &str = "(others)";

/// The sums.
#[derive(Debug, Default)]
pub struct Tally {
    /// Shutdowns by verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Findings by severity, the worst first, and id.
    pub findings: BTreeMap<(std::cmp::Reverse<Severity>, String), u64>,
    workloads: HashMap<String, BTreeMap<String, u64>>,
    open: HashMap<(usize, String), Counted>,
    order: VecDeque<(usize, String)>,
}

/// What a shutdown was counted as.
#[derive(Clone, Debug)]
struct Counted {
    verdict: String,
    workload: String,
    findings: Vec<(std::cmp::Reverse<Severity>, String)>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, as a line has it.
    pub workload: String,
    /// Shutdowns.
    pub all: u64,
    /// Of these, not clean ones,
    pub bad: u64,
    /// by verdict.
    pub verdicts: Vec<(String, u64)>,
}

impl Tally {
    /// A report of a shutdown on a node (by number); `shown` or hidden by what was asked for, which
    /// an earlier report of it may not have been.
    pub fn shutdown(&mut self, node: usize, line: &ShutdownLine, shown: bool) {
        let id = (node, line.amends.as_ref().unwrap_or(&line.shutdown_id).clone());
        if line.amends.is_some()
            && let Some(before) = self.open.remove(&id)
        {
            self.count(&before, false);
        }
        if !shown {
            return;
        }
        let counted = Counted {
            verdict: bounded(&self.verdicts, cut(&line.verdict)),
            workload: self.workload(&line.workload),
            findings: line.findings.iter().map(|finding| self.finding_key(finding)).collect(),
        };
        self.count(&counted, true);
        if line.processes.iter().any(|process| process.exit.is_none()) {
            self.keep(id, counted);
        }
    }

    /// A finding by itself.
    pub fn finding(&mut self, finding: &Finding) {
        *self.findings.entry(self.finding_key(finding)).or_default() += 1;
    }

    /// The workloads with the most shutdowns that were not clean; none that has no such.
    pub fn worst(&self, most: usize) -> Vec<Row> {
        let mut rows: Vec<_> = self.workloads.iter().map(|(name, of)| row(name, of)).collect();
        rows.retain(|row| row.bad > 0);
        rows.sort_by(|a, b| b.bad.cmp(&a.bad).then_with(|| a.workload.cmp(&b.workload)));
        rows.truncate(most);
        rows
    }

    fn count(&mut self, counted: &Counted, more: bool) {
        let Counted { verdict, workload, findings } = counted;
        change(&mut self.verdicts, verdict, more);
        let of_workload = self.workloads.entry(workload.clone()).or_default();
        change(of_workload, verdict, more);
        for key in findings {
            change(&mut self.findings, key, more);
        }
    }

    fn keep(&mut self, id: (usize, String), counted: Counted) {
        if self.open.insert(id.clone(), counted).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > MAX_OPEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
    }

    fn workload(&self, workload: &Workload) -> String {
        let name = cut(&stable_name(workload));
        let known = self.workloads.len() < MAX_WORKLOADS || self.workloads.contains_key(&name);
        if known { name } else { OTHERS.to_owned() }
    }

    fn finding_key(&self, finding: &Finding) -> (std::cmp::Reverse<Severity>, String) {
        let key = (std::cmp::Reverse(severity(finding)), cut(&finding.id));
        let known = self.findings.len() < MAX_NAMES || self.findings.contains_key(&key);
        if known { key } else { (key.0, OTHERS.to_owned()) }
    }
}

fn row(name: &str, of: &BTreeMap<String, u64>) -> Row {
    let mut verdicts: Vec<_> = of.iter().filter(|(verdict, _)| is_bad(verdict)).collect();
    verdicts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    Row {
        workload: name.to_owned(),
        all: of.values().sum(),
        bad: verdicts.iter().map(|(_, count)| *count).sum(),
        verdicts: verdicts.into_iter().map(|(name, count)| (name.clone(), *count)).collect(),
    }
}

/// Whether something went wrong, as far as is known.
fn is_bad(verdict: &str) -> bool {
    !matches!(verdict, "graceful" | "default-action" | "inconclusive")
}

fn change<K: Ord + Clone>(counts: &mut BTreeMap<K, u64>, key: &K, more: bool) {
    let count = counts.entry(key.clone()).or_default();
    *count = if more { *count + 1 } else { count.saturating_sub(1) };
    if *count == 0 {
        counts.remove(key);
    }
}

fn bounded(counts: &BTreeMap<String, u64>, name: String) -> String {
    let known = counts.len() < MAX_NAMES || counts.contains_key(&name);
    if known { name } else { OTHERS.to_owned() }
}

fn cut(name: &str) -> String {
    let end = (0..=LONGEST.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    name[..end.unwrap_or_default()].to_owned()
}

/// What a workload is called from one start to the next, as the metrics call it, below its
/// namespace; a process by its command.
fn stable_name(workload: &Workload) -> String {
    if let Some(root) = &workload.process {
        return format!("process {}", root.comm);
    }
    let name = metrics::stable_name(workload);
    let pod = workload.kubernetes.as_ref();
    match pod.and_then(|pod| pod.namespace.as_ref()) {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.into_owned(),
    }
}
