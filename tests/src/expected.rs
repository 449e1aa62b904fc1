//! What must be said of the end of a workload, as its engine knows it.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive};

use serde_json::Value;

use crate::lines::{Lines, findings_of};

/// The shutdown that a process is the first one of.
#[derive(Clone, Debug)]
pub struct Expected {
    what: String,
    pid: i32,
    fields: Vec<(String, Wanted)>,
    findings: BTreeSet<&'static str>,
    exit_code: Option<i64>,
    workload: Option<String>,
    shuts_down: bool,
    /// Names, and the roles of the senders.
    signals: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
enum Wanted {
    OneOf(Vec<Value>),
    Within(RangeInclusive<f64>),
}

impl Expected {
    /// Of a process that was asked to stop by a runtime, and gave no cause for complaint.
    pub fn of(what: &str, pid: i32) -> Self {
        let expected = Self {
            what: what.to_owned(),
            pid,
            fields: Vec::new(),
            findings: BTreeSet::new(),
            exit_code: None,
            workload: None,
            shuts_down: true,
            signals: Vec::new(),
        };
        expected.says("stop/sender/role", "runtime").says("complete", true)
    }

    /// Of a process that somebody of its own workload stopped: that is no shutdown of the workload.
    pub fn alone(what: &str, pid: i32) -> Self {
        Self::of(what, pid).without_shutdown()
    }

    /// It was sent this signal, once, by somebody of that role.
    #[must_use]
    pub fn sent(mut self, signal: &'static str, role: &'static str) -> Self {
        self.signals.push((signal, role));
        self
    }

    /// A field of the shutdown: names with slashes between them. Later ones replace earlier ones.
    #[must_use]
    pub fn says(self, field: &str, value: impl Into<Value>) -> Self {
        self.says_one_of(field, &[value.into()])
    }

    /// The same, where several values are right.
    #[must_use]
    pub fn says_one_of(self, field: &str, values: &[Value]) -> Self {
        self.wants(field, Wanted::OneOf(values.to_vec()))
    }

    /// The same, of a number.
    #[must_use]
    pub fn says_within(self, field: &str, range: RangeInclusive<f64>) -> Self {
        self.wants(field, Wanted::Within(range))
    }

    /// Verdict of the workload, and that of the process.
    #[must_use]
    pub fn verdicts(self, workload: &str, process: &str) -> Self {
        self.says("verdict", workload).says("process/verdict", process)
    }

    /// Configured grace, and who told it.
    #[must_use]
    pub fn grace(self, seconds: f64, source: &str) -> Self {
        self.says("grace/configured_seconds", seconds).says("grace/source", source)
    }

    /// Configured stop signal, and who told it.
    #[must_use]
    pub fn stop_signal(self, name: &str, source: &str) -> Self {
        self.says("workload/stop_signal/signal", name)
            .says("workload/stop_signal/source", source)
            .says("stop/signal", name)
    }

    /// A finding above `info`: all of those must be listed.
    #[must_use]
    pub fn finds(mut self, id: &'static str) -> Self {
        self.findings.insert(id);
        self
    }

    /// How the process ended, as engines count: 128 + N for signal N.
    #[must_use]
    pub fn exit_code(mut self, code: i64) -> Self {
        self.exit_code = Some(code);
        self
    }

    /// Findings of that workload which belong to no shutdown (zombies) count as well.
    #[must_use]
    pub fn in_workload(mut self, id: &str) -> Self {
        self.workload = Some(id.to_owned());
        self
    }

    /// It ended without having been stopped by anybody: nothing is a shutdown, and findings stand
    /// alone.
    #[must_use]
    pub fn without_shutdown(mut self) -> Self {
        self.shuts_down = false;
        self
    }

    /// Whether there must be a shutdown.
    pub fn shuts_down(&self) -> bool {
        self.shuts_down
    }

    /// What is wrong with the lines.
    pub fn faults(&self, lines: &Lines) -> Vec<String> {
        let mut faults = if self.shuts_down { self.of_shutdown(lines) } else { self.of_end(lines) };
        let exits = self.exits(lines).len();
        if exits != 1 {
            faults.push(format!("{exits} exits of process {}", self.pid));
        }
        for (signal, role) in &self.signals {
            let sent = self.signals(lines, signal);
            if !matches!(sent[..], [line] if line["sender"]["role"] == *role) {
                faults.push(format!("{signal} must come once, from {role}: {sent:?}"));
            }
        }
        faults.into_iter().map(|fault| format!("{}: {fault}", self.what.escape_debug())).collect()
    }

    fn wants(mut self, field: &str, wanted: Wanted) -> Self {
        self.fields.retain(|(known, _)| known != field);
        self.fields.push((field.to_owned(), wanted));
        self
    }

    /// When it was born, by the lines: its pid alone may have been somebody else's too.
    fn birth<'a>(&self, lines: &'a Lines) -> Option<&'a Value> {
        let Some((signal, role)) = self.signals.first() else {
            return Some(&lines.shutdown(self.pid)?.1["process"]["start_time"]);
        };
        let sent = lines.signals(self.pid, signal).into_iter();
        let first = sent.into_iter().find(|line| line["sender"]["role"] == *role);
        first.map(|line| &line["target"]["process"]["start_time"])
    }

    fn exits<'a>(&self, lines: &'a Lines) -> Vec<&'a Value> {
        let birth = self.birth(lines);
        let workload = self.workload.as_deref();
        let mut exits = lines.exits(self.pid);
        exits.retain(|line| match birth {
            Some(birth) => line["process"]["start_time"] == *birth,
            None => workload.is_none_or(|id| line["workload"]["id"] == id),
        });
        exits
    }

    fn signals<'a>(&self, lines: &'a Lines, name: &str) -> Vec<&'a Value> {
        let birth = self.birth(lines);
        let mut signals = lines.signals(self.pid, name);
        signals.retain(|line| {
            birth.is_none_or(|birth| line["target"]["process"]["start_time"] == *birth)
        });
        signals
    }

    fn of_end(&self, lines: &Lines) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some((shutdown, _)) = lines.shutdown(self.pid) {
            faults.push(format!("there must be no shutdown: {shutdown}"));
        }
        for exit in self.exits(lines) {
            faults.extend(self.code_fault(&exit["exit"]));
        }
        faults.extend(self.findings_fault(lines, []));
        faults
    }

    fn of_shutdown(&self, lines: &Lines) -> Vec<String> {
        let Some((shutdown, report)) = lines.shutdown(self.pid) else {
            return vec![format!("no shutdown of process {}", self.pid)];
        };
        let mut faults = Vec::new();
        for (field, wanted) in &self.fields {
            let found = match field.strip_prefix("process/") {
                Some(field) => report.pointer(&format!("/{field}")),
                None => shutdown.pointer(&format!("/{field}")),
            };
            let found = found.unwrap_or(&Value::Null);
            let right = match wanted {
                Wanted::OneOf(values) => values.contains(found),
                Wanted::Within(range) => found.as_f64().is_some_and(|n| range.contains(&n)),
            };
            if !right {
                faults.push(format!("{field} is {found}, must be {wanted}"));
            }
        }
        faults.extend(self.code_fault(&report["exit"]));
        // It is the same workload on every line.
        let signal = shutdown["stop"]["signal"].as_str().unwrap_or_default();
        let signals = self.signals(lines, signal).into_iter().map(|line| &line["target"]);
        for line in signals.chain(self.exits(lines)) {
            for field in ["kind", "id", "name"] {
                let (here, there) = (&line["workload"][field], &shutdown["workload"][field]);
                if here != there {
                    faults.push(format!("{field} is {here} in {line}, must be {there}"));
                }
            }
        }
        // Runtimes signal from outside, and nothing that is said of a container is true of them.
        let sender = &shutdown["stop"]["sender"]["workload"];
        for field in ["id", "name"] {
            let of_target = &shutdown["workload"][field];
            if !of_target.is_null() && sender[field] == *of_target {
                faults.push(format!("the sender is given the target's {field} {of_target}"));
            }
        }
        faults.extend(self.findings_fault(lines, findings_of(shutdown)));
        faults
    }

    fn code_fault(&self, exit: &Value) -> Option<String> {
        let code = exit_code(exit);
        let wrong = self.exit_code.is_some_and(|wanted| code != Some(wanted));
        wrong.then(|| format!("exit code {code:?}, must be {:?}", self.exit_code))
    }

    /// With those of the workload that stand alone.
    fn findings_fault<'a>(
        &'a self,
        lines: &'a Lines,
        of_shutdown: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<String> {
        let found: BTreeSet<_> = of_shutdown
            .into_iter()
            .chain(self.workload.iter().flat_map(|id| lines.findings_in(id)))
            .filter(|(_, severity)| *severity != "info")
            .map(|(id, _)| id)
            .collect();
        (found != self.findings).then(|| format!("findings {found:?}, must be {:?}", self.findings))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(values) => {
                let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(" or "))
            }
            Self::Within(range) => write!(f, "within {range:?}"),
        }
    }
}

/// 128 + N for death by signal N, as engines count; of an `exit` object.
fn exit_code(exit: &Value) -> Option<i64> {
    let status = exit["wait_status"].as_i64()?;
    Some(match status & 0x7f {
        0 => status >> 8,
        signal => 128 + signal,
    })
}

/// Faults of the exits of a container's processes: each names the container, that of `pid` also
/// what runs it.
pub fn unnamed(lines: &Lines, id: &str, runtime: &str, pid: i32) -> Vec<String> {
    let inside =
        |process: &Value| process["cgroup"].as_str().is_some_and(|cgroup| cgroup.ends_with(id));
    let nameless: Vec<_> = lines
        .of("exit")
        .filter(|line| inside(&line["process"]))
        .filter(|line| line["workload"]["id"] != id)
        .collect();
    let mut faults = Vec::new();
    if let Some(first) = nameless.first() {
        faults.push(format!("{} exits without the id of their container: {first}", nameless.len()));
    }
    for exit in lines.exits(pid) {
        if exit["workload"]["runtime"] != runtime || !inside(&exit["process"]) {
            faults.push(format!("an exit in {runtime}'s {id} that does not say so: {exit}"));
        }
    }
    faults
}
