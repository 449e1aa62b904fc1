//! Questions to ask of a recording's lines.

use std::collections::HashMap;

use serde_json::Value;

/// All lines of a session, in order.
#[derive(Debug)]
pub struct Lines {
    all: Vec<Value>,
    /// Places in `all` of the exits of, signals to and shutdowns with a process.
    by_pid: HashMap<i64, Vec<usize>>,
}

impl Lines {
    /// From parsed lines.
    pub fn new(all: Vec<Value>) -> Self {
        let mut by_pid: HashMap<_, Vec<_>> = HashMap::new();
        for (place, line) in all.iter().enumerate() {
            for pid in pids(line) {
                by_pid.entry(pid).or_default().push(place);
            }
        }
        Self { all, by_pid }
    }

    /// The line with that number.
    pub fn by_seq(&self, seq: u64) -> Option<&Value> {
        self.all.iter().find(|line| line["seq"] == seq)
    }

    /// Those of one type.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.all.iter().filter(move |line| line["type"] == kind)
    }

    /// Those of one type about a process.
    fn about(&self, pid: i32, kind: &str) -> impl DoubleEndedIterator<Item = &Value> {
        let places = self.by_pid.get(&pid.into()).into_iter().flatten();
        places.map(|place| &self.all[*place]).filter(move |line| line["type"] == kind)
    }

    /// All exits of a process: a correct recording has one.
    pub fn exits(&self, pid: i32) -> Vec<&Value> {
        self.about(pid, "exit").collect()
    }

    /// All signals of that name that a process was sent.
    pub fn signals(&self, pid: i32, name: &str) -> Vec<&Value> {
        self.about(pid, "signal").filter(|line| line["signal"]["name"] == name).collect()
    }

    /// The last shutdown that a process is part of (later ones amend), and its place therein.
    pub fn shutdown(&self, pid: i32) -> Option<(&Value, &Value)> {
        let line = self.about(pid, "shutdown").next_back()?;
        let mut all = line["processes"].as_array()?.iter();
        all.find(|report| report["process"]["pid"] == pid).map(|report| (line, report))
    }

    /// All shutdowns that a process is part of, and its place therein.
    pub fn shutdowns(&self, pid: i32) -> Vec<(&Value, &Value)> {
        let place = |line: &'_ Value| {
            let reports = line["processes"].as_array()?;
            reports.iter().position(|report| report["process"]["pid"] == pid)
        };
        self.about(pid, "shutdown")
            .filter_map(|line| Some((line, &line["processes"][place(line)?])))
            .collect()
    }

    /// Findings about a process that belong to no shutdown, by id.
    pub fn findings(&self, pid: i32, id: &str) -> Vec<&Value> {
        self.of("finding")
            .filter(|line| line["process"]["pid"] == pid && line["finding"]["id"] == id)
            .collect()
    }

    /// Ids and severities of findings about a workload that belong to no shutdown.
    pub fn findings_in(&self, id: &str) -> Vec<(&str, &str)> {
        self.of("finding")
            .filter(|line| line["workload"]["id"] == id)
            .map(|line| &line["finding"])
            .map(|f| (f["id"].as_str().unwrap_or(""), f["severity"].as_str().unwrap_or("")))
            .collect()
    }

    /// What is missing from the recording; empty in a good one.
    pub fn losses(&self) -> Vec<String> {
        let mut losses: Vec<_> = self.of("loss").map(ToString::to_string).collect();
        match self.of("end").collect::<Vec<_>>()[..] {
            [end] if end["complete"] == true => {}
            [end] => losses.push(end.to_string()),
            ref other => losses.push(format!("{} `end` lines", other.len())),
        }
        losses
    }
}

/// Whom an exit, signal or shutdown is about.
fn pids(line: &Value) -> Vec<i64> {
    let processes = match line["type"].as_str() {
        Some("exit") => vec![&line["process"]],
        Some("signal") => vec![&line["target"]["process"]],
        Some("shutdown") => {
            let reports = line["processes"].as_array();
            reports.into_iter().flatten().map(|report| &report["process"]).collect()
        }
        _ => vec![],
    };
    processes.into_iter().filter_map(|process| process["pid"].as_i64()).collect()
}

/// Ids and severities of the findings of a shutdown.
pub fn findings_of(shutdown: &Value) -> Vec<(&str, &str)> {
    shutdown["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| (f["id"].as_str().unwrap_or(""), f["severity"].as_str().unwrap_or("")))
        .collect()
}
