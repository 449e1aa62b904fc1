//! Holds the lines of a session against what happened to a scenario.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{
    accusations::{evidence, findings},
    expect::Expect,
    live::{Live, Sent, name_of},
    procfs::{is_alive, own_pid},
    scenario::{Class, Who},
};
use crate::{
    cases::{SLACK, exit_faults, time_fault},
    lines::Lines,
};

/// What is not as it must be.
pub struct Faults(pub Vec<String>);

impl Faults {
    pub fn must(&mut self, what: &str, found: &Value, wanted: &Value) {
        if found != wanted {
            self.0.push(format!("{what}: {found}, must be {wanted}"));
        }
    }
}

impl Live {
    /// Everything that the lines say wrongly or not at all.
    pub fn faults(&self, lines: &Lines) -> Vec<String> {
        let mut faults = Faults(self.missed.clone());
        let reports = lines.shutdowns(self.pid(self.scenario.subject));
        let (over, open): (Vec<_>, Vec<_>) =
            reports.into_iter().partition(|(_, subject)| !subject["exit"].is_null());
        self.report("at the end", over.last(), self.scenario.end.as_ref(), lines, &mut faults);
        self.report("meanwhile", open.last(), self.scenario.alive.as_ref(), lines, &mut faults);
        if self.scenario.end.is_none() && self.scenario.alive.is_none() {
            for (place, pid) in self.pids().into_iter().enumerate() {
                faults.must(
                    &format!("shutdowns with process {place}"),
                    &json!(lines.shutdowns(pid).len()),
                    &json!(0),
                );
            }
        }
        if over.len() > 1 {
            faults.0.push(format!("{} reports of its end", over.len()));
        }
        if let (Some((last, _)), Some((first, _))) = (over.last(), open.first()) {
            faults.must("amends", &last["amends"], &first["shutdown_id"]);
        }
        // In a session that loses events, what happened cannot be told from what is there.
        if self.scenario.class != Class::Lossy {
            self.truth(lines, &mut faults.0);
        }
        self.lone_findings(lines, &mut faults);
        self.zombies(lines, &mut faults);
        let Faults(faults) = faults;
        let place = self.scenario.place.describe();
        let who = format!("`{}` (pid {}, {place})", self.scenario.name, self.main.pid);
        faults.into_iter().map(|fault| format!("{who}: {fault}")).collect()
    }

    fn report(
        &self,
        when: &str,
        found: Option<&(&Value, &Value)>,
        wanted: Option<&Expect>,
        lines: &Lines,
        faults: &mut Faults,
    ) {
        let (Some((shutdown, subject)), Some(wanted)) = (found, wanted) else {
            let verdict = found.map(|(shutdown, _)| shutdown["verdict"].clone());
            let workload = wanted.map(|wanted| wanted.workload);
            faults.must(&format!("shutdown {when}"), &json!(verdict), &json!(workload));
            return;
        };
        let before = faults.0.len();
        faults.must("workload verdict", &shutdown["verdict"], &json!(wanted.workload));
        faults.must("main", &subject["main"], &json!(true));
        let complete = self.scenario.class != Class::Unfinished;
        faults.must("complete", &shutdown["complete"], &json!(complete));
        self.workload(shutdown, faults);
        self.stop(shutdown, faults);
        for expected in &wanted.processes {
            let pid = self.pid(expected.who);
            let reports = shutdown["processes"].as_array().into_iter().flatten();
            let mut found = reports.filter(|report| report["process"]["pid"] == pid);
            let report = found.next().unwrap_or(&Value::Null);
            let of = |what| format!("{what} of process {}", expected.who.0);
            faults.must(&of("verdict"), &report["verdict"], &json!(expected.verdict));
            faults.must(&of("killed_by"), &report["killed_by"], &json!(expected.killed_by));
            let process = self.process(expected.who);
            if let (Some(status), false) = (process.status, report["exit"].is_null()) {
                faults.must(&of("status"), &report["exit"]["wait_status"], &json!(status));
            }
            let by_sigkill = report["exit"]["wait_status"] == libc::SIGKILL;
            faults.must(&of("SIGKILL"), &json!(by_sigkill), &json!(expected.killed_by.is_some()));
            self.killer(expected.who, expected.killed_by, lines, faults);
        }
        findings(shutdown, wanted, faults);
        evidence(shutdown, lines, faults);
        self.time_to_exit(subject, faults);
        self.forwarding(shutdown, wanted, faults);
        for fault in &mut faults.0[before..] {
            *fault = format!("{when}: {fault}");
        }
    }

    fn workload(&self, shutdown: &Value, faults: &mut Faults) {
        let workload = &shutdown["workload"];
        let own = if self.scenario.subject.0 == 0 { &self.cgroup } else { &self.second };
        if let Some(cgroup) = own {
            faults.must("cgroup", &workload["cgroup"], &json!(cgroup.path));
        } else if self.cgroup.is_none() {
            faults.must("workload kind", &workload["kind"], &json!("process"));
        }
    }

    /// The first stop signal, if the first one was ours.
    fn stop(&self, shutdown: &Value, faults: &mut Faults) {
        let is_stop = |signal| self.scenario.class.is_stop_signal(signal);
        let Some(first) = self.sent.iter().find(|sent| is_stop(sent.signal)) else { return };
        // A stop that proved to be none may have come before.
        let found = &shutdown["stop"];
        let same = |sent: &&Sent| found["signal"] == name_of(sent.signal).as_str();
        let first = self.sent.iter().find(same).unwrap_or(first);
        faults.must("stop", &found["signal"], &json!(name_of(first.signal)));
        faults.must("its sender", &found["sender"]["process"]["pid"], &json!(first.sender));
    }

    /// From the first stop signal to the end, by our own clock.
    fn time_to_exit(&self, subject: &Value, faults: &mut Faults) {
        let process = self.process(self.scenario.subject);
        let told = |sent: &&Sent| {
            sent.pid == process.pid && self.scenario.class.is_stop_signal(sent.signal)
        };
        let (Some(sent), Some(ended)) = (self.sent.iter().find(told), process.ended) else {
            return;
        };
        let Some(seconds) = subject["seconds_to_exit"].as_f64() else { return };
        let longest = u64::try_from(ended.to - sent.bracket.from).unwrap_or_default();
        let longest = Duration::from_nanos(longest);
        if !(0.0..=(longest + SLACK).as_secs_f64()).contains(&seconds) {
            faults.0.push(format!("{seconds} s to its exit, {longest:?} by our clock"));
        }
    }

    /// Whose SIGKILL it was, where we can know that.
    fn killer(&self, who: Who, role: Option<&str>, lines: &Lines, faults: &mut Faults) {
        let pid = self.pid(who);
        let allowed: Vec<i32> = match role {
            Some("self") => vec![pid],
            Some("pidns-teardown") => vec![self.main.pid],
            Some("supervisor" | "peer") => {
                self.pids().into_iter().filter(|other| *other != pid).collect()
            }
            Some("cgroup-kill") => vec![own_pid()],
            _ => return,
        };
        let signals = lines.signals(pid, "SIGKILL");
        let by_it = |line: &&&Value| {
            let sender = &line["sender"]["process"]["pid"];
            line["sender"]["role"] == role.unwrap_or_default()
                && allowed.iter().any(|pid| sender == pid)
        };
        if signals.iter().find(by_it).is_none() {
            faults.0.push(format!("no SIGKILL to process {} from {allowed:?}", who.0));
        }
    }

    fn forwarding(&self, shutdown: &Value, wanted: &Expect, faults: &mut Faults) {
        let forwarding = &shutdown["forwarding"];
        if !wanted.edges.is_empty() {
            let pair = |edge: &Value| Some((edge["from"].as_i64()?, edge["to"].as_i64()?));
            let edges = forwarding["edges"].as_array().into_iter().flatten();
            for edge in edges.clone() {
                faults.must("signal passed on", &edge["signal"], &shutdown["stop"]["signal"]);
            }
            let found: BTreeSet<_> = edges.filter_map(pair).collect();
            let pid = |who: Who| i64::from(self.pid(who));
            let wanted = wanted.edges.iter().map(|(from, to)| (pid(*from), pid(*to)));
            faults.must("edges", &json!(found), &json!(wanted.collect::<BTreeSet<_>>()));
        }
        for who in &wanted.never_told {
            let pid = self.pid(*who);
            let never_told = forwarding["never_told"].as_array().into_iter().flatten();
            let found = never_told.into_iter().any(|found| *found == pid);
            faults.must(&format!("process {} never told", who.0), &json!(found), &json!(true));
        }
    }

    /// What waitpid and our own clock say, for whom we reaped and what we sent.
    fn truth(&self, lines: &Lines, faults: &mut Vec<String>) {
        for process in std::iter::once(&self.main).chain(&self.others) {
            if process.status.is_some() && !self.scenario.early {
                faults.extend(exit_faults(process, lines));
            }
        }
        // The others have one end each as well, whoever reaped them.
        let others = self.others.iter().filter(|one| one.status.is_none() && !self.scenario.early);
        for other in others {
            let wanted = usize::from(!is_alive(other.pid));
            let found = lines.exits(other.pid).len();
            if found != wanted {
                faults.push(format!("{found} exits of {} recorded, {wanted} seen", other.pid));
            }
        }
        let watched =
            |signal: i32| signal == libc::SIGKILL || self.scenario.class.is_stop_signal(signal);
        let kinds: BTreeSet<_> = self
            .sent
            .iter()
            .filter(|sent| watched(sent.signal))
            .map(|sent| (sent.pid, sent.signal, sent.sender))
            .collect();
        for (pid, signal, sender) in kinds {
            let name = name_of(signal);
            let signals = lines.signals(pid, &name);
            let found: Vec<_> = signals
                .into_iter()
                .filter(|line| line["sender"]["process"]["pid"] == sender)
                // It wrote to `cgroup.kill`.
                .filter(|line| line["sender"]["role"] != "cgroup-kill")
                .collect();
            let sent: Vec<_> = self
                .sent
                .iter()
                .filter(|sent| (sent.pid, sent.signal, sent.sender) == (pid, signal, sender))
                .collect();
            if found.len() != sent.len() {
                let counts = format!("{} from {sender} recorded, {} sent", found.len(), sent.len());
                faults.push(format!("{name} to {pid}: {counts}"));
                continue;
            }
            for (line, sent) in found.into_iter().zip(sent) {
                faults.extend(time_fault(&name, line, sent.bracket));
                if line["sender"]["role"] != sent.role {
                    let role = &line["sender"]["role"];
                    faults.push(format!("{name}: role is {role}, must be {}", sent.role));
                }
            }
        }
    }
}
