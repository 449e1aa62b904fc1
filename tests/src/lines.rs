//! Questions to ask of a recording's lines.

use serde_json::Value;

/// All lines of a session, in order.
#[derive(Debug)]
pub struct Lines(Vec<Value>);

impl Lines {
    /// From parsed lines.
    pub fn new(lines: Vec<Value>) -> Self {
        Self(lines)
    }

    /// From the text of a recording.
    pub fn parse(text: &str) -> Self {
        Self(
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
                .collect(),
        )
    }

    /// Those of one type.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |line| line["type"] == kind)
    }

    /// All exits of a process: a correct recording has one.
    pub fn exits(&self, pid: i32) -> Vec<&Value> {
        self.of("exit").filter(|line| line["process"]["pid"] == pid).collect()
    }

    /// All signals of that name that a process was sent.
    pub fn signals(&self, pid: i32, name: &str) -> Vec<&Value> {
        self.of("signal")
            .filter(|line| {
                line["target"]["process"]["pid"] == pid && line["signal"]["name"] == name
            })
            .collect()
    }

    /// The last shutdown that a process is part of (later ones amend), and its place therein.
    pub fn shutdown(&self, pid: i32) -> Option<(&Value, &Value)> {
        self.of("shutdown")
            .filter_map(|line| {
                let mut all = line["processes"].as_array()?.iter();
                all.find(|report| report["process"]["pid"] == pid).map(|report| (line, report))
            })
            .last()
    }

    /// Findings about a process that belong to no shutdown, by id.
    pub fn findings(&self, pid: i32, id: &str) -> Vec<&Value> {
        self.of("finding")
            .filter(|line| line["process"]["pid"] == pid && line["finding"]["id"] == id)
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

/// Ids and severities of the findings of a shutdown.
pub fn findings_of(shutdown: &Value) -> Vec<(&str, &str)> {
    shutdown["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|f| (f["id"].as_str().unwrap_or(""), f["severity"].as_str().unwrap_or("")))
        .collect()
}
