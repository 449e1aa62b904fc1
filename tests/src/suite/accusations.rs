//! Holds the findings against what had to be found, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{expect::Expect, judge::Faults, live::Live};
use crate::lines::{Lines, findings_of};

impl Live {
    /// Findings that are no part of a shutdown: those listed, and no others.
    pub fn lone_findings(&self, lines: &Lines, faults: &mut Faults) {
        let pids = self.pids();
        let found: BTreeSet<_> = lines
            .of("finding")
            .filter_map(|line| {
                let pid = i32::try_from(line["process"]["pid"].as_i64()?).ok()?;
                let place = pids.iter().position(|known| *known == pid)?;
                let finding = &line["finding"];
                Some((place, finding["id"].as_str()?, finding["severity"].as_str()?))
            })
            .collect();
        let wanted: BTreeSet<_> =
            self.scenario.alone.iter().map(|(who, id, severity)| (who.0, *id, *severity)).collect();
        faults.must("findings on their own", &json!(found), &json!(wanted));
    }

    pub fn zombies(&self, lines: &Lines, faults: &mut Faults) {
        for zombie in &self.scenario.zombies {
            let pid = self.pid(zombie.who);
            let found: Vec<_> =
                lines.of("zombie").filter(|line| line["process"]["pid"] == pid).collect();
            if found.len() < zombie.lines {
                faults.0.push(format!("{} lines about the zombie {pid}", found.len()));
            }
            let Some(last) = found.last() else { continue };
            let of = |what| format!("{what} of zombie {}", zombie.who.0);
            let sigchld = json!(zombie.parent_sigchld);
            faults.must(&of("parent_sigchld"), &last["parent_sigchld"], &sigchld);
            faults.must(&of("orphaned"), &last["orphaned"], &json!(zombie.orphaned));
            let age = found[0]["age_seconds"].as_f64().unwrap_or_default();
            if !(4.99..8.0).contains(&age) {
                faults.0.push(format!("called a zombie at {age} s"));
            }
        }
        // They are counted as they are found: the last line knows of all of them.
        let of_one = |line: &&Value| {
            self.scenario.zombies.iter().any(|z| line["process"]["pid"] == self.pid(z.who))
        };
        let counts = lines.of("zombie").filter(of_one).map(|line| &line["workload_zombies"]);
        if let (Some(last), true) = (counts.last(), self.cgroup.is_some()) {
            faults.must("workload_zombies", last, &json!(self.scenario.zombies.len()));
        }
    }
}

/// Those of a shutdown: above `info` the expected ones alone.
pub fn findings(shutdown: &Value, wanted: &Expect, faults: &mut Faults) {
    let found: BTreeSet<_> = findings_of(shutdown).into_iter().collect();
    let all: BTreeSet<_> = wanted.findings.iter().copied().collect();
    let (infos, worse): (BTreeSet<_>, BTreeSet<_>) =
        all.into_iter().partition(|(_, severity)| *severity == "info");
    let found_worse: BTreeSet<_> =
        found.iter().copied().filter(|(_, severity)| *severity != "info").collect();
    faults.must("findings", &json!(found_worse), &json!(worse));
    for info in infos.difference(&found) {
        faults.0.push(format!("no finding {info:?}"));
    }
}

/// Every finding points to lines about processes of the shutdown.
pub fn evidence(shutdown: &Value, lines: &Lines, faults: &mut Faults) {
    let pids: BTreeSet<_> = shutdown["processes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|report| report["process"]["pid"].as_i64())
        .collect();
    for finding in shutdown["findings"].as_array().into_iter().flatten() {
        let seqs = finding["evidence"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        let mut number = 0;
        for seq in seqs {
            number += 1;
            let line = lines.by_seq(seq).unwrap_or(&Value::Null);
            let processes = [&line["process"], &line["target"]["process"]];
            if !processes.iter().any(|p| p["pid"].as_i64().is_some_and(|pid| pids.contains(&pid))) {
                faults.0.push(format!("evidence of {}: {line}", finding["id"]));
            }
        }
        if number == 0 && finding["id"] != "events-lost" {
            faults.0.push(format!("no evidence of {}", finding["id"]));
        }
    }
}
