//! A row of the table: what was expected of a case, what came, and what signal-trace said.

use std::fmt::Write as _;

use super::{
    System,
    case::{End, Got},
};
use crate::{expected::Expected, lines::findings_of, report, session::Recorded};

/// The titles of the columns.
const TITLES: [&str; 6] = ["system", "case", "expected", "got", "verdict", "root cause"];

/// See [`TITLES`].
#[derive(Clone, Debug)]
pub struct Row {
    /// Of the system.
    pub system: &'static str,
    /// Of the case.
    pub case: &'static str,
    /// What must become of it.
    pub expected: String,
    /// What became of it.
    pub got: String,
    /// What was said of the workload, and of the process.
    pub verdict: String,
    /// The findings above `info`.
    pub causes: Vec<String>,
    /// What is not as it must be.
    pub faults: Vec<String>,
    /// What `signal-trace report` shows of it.
    pub text: String,
}

impl Row {
    pub(super) fn new(system: &System, case: &'static str, end: &End) -> Self {
        Self {
            system: system.name,
            case,
            expected: end.to_string(),
            got: String::new(),
            verdict: String::new(),
            causes: Vec::new(),
            faults: Vec::new(),
            text: String::new(),
        }
    }

    /// In place of all rows of a system.
    pub(super) fn failed(system: &System, fault: String) -> Self {
        let nothing = End::exits(0, 0.0..=0.0);
        let row = Self::new(system, "all", &nothing);
        Self { expected: String::new(), faults: vec![fault], ..row }
    }

    /// Holds what was said against what must be.
    pub(super) fn judge(&mut self, got: &Got, says: fn(Expected) -> Expected, recorded: &Recorded) {
        let lines = &recorded.lines;
        self.got = got.to_string();
        let what = "signal-trace";
        let expected = Expected::of(what, got.pid).exit_code(got.exit_code).in_workload(&got.id);
        self.faults.extend(says(expected).faults(lines));
        self.faults.extend(got.also.iter().flat_map(|expected| expected.faults(lines)));
        let mut findings = lines.findings_in(&got.id);
        "–".clone_into(&mut self.verdict);
        if let Some((shutdown, process)) = lines.shutdown(got.pid) {
            let verdict = |of: &serde_json::Value| of["verdict"].as_str().unwrap_or("?").to_owned();
            self.verdict = format!("{} ({})", verdict(shutdown), verdict(process));
            findings.extend(findings_of(shutdown));
        }
        let causes = findings.into_iter().filter(|(_, severity)| *severity != "info");
        self.causes = causes.map(|(id, _)| id.to_owned()).collect();
        self.causes.sort_unstable();
        self.causes.dedup();
        self.text = report::text(&recorded.file, &["--container", &got.id]);
    }

    fn columns(&self) -> [String; 6] {
        let mut causes = self.causes.join(", ");
        if causes.is_empty() {
            causes.push('–');
        }
        let [system, case] = [self.system, self.case].map(str::to_owned);
        [system, case, self.expected.clone(), self.got.clone(), self.verdict.clone(), causes]
    }

    /// As a row of a Markdown table, without the system; `got` varies from run to run.
    pub(super) fn markdown(&self) -> String {
        let [_, columns @ ..] = self.columns();
        format!("| {} |", columns.map(|column| column.replace('|', "\\|")).join(" | "))
    }

    /// What has to be the same in the next run.
    pub(super) fn fixed_columns(&self) -> [String; 4] {
        let [_, case, expected, _, verdict, causes] = self.columns();
        [case, expected, verdict, causes]
    }
}

/// The first two lines of a Markdown table.
pub(super) fn markdown_head() -> String {
    let [_, titles @ ..] = TITLES;
    format!("| {} |\n|{}", titles.join(" | "), "---|".repeat(titles.len()))
}

/// All rows as text, and below them what is wrong.
pub fn table(rows: &[Row]) -> String {
    let mut all = vec![TITLES.map(str::to_owned)];
    all.extend(rows.iter().map(Row::columns));
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..TITLES.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _infallible = writeln!(text, "{}", line.trim_end());
    }
    for row in rows {
        for fault in &row.faults {
            let _infallible = writeln!(text, "WRONG {}, {}: {fault}", row.system, row.case);
        }
    }
    let wrong = rows.iter().filter(|row| !row.faults.is_empty()).count();
    let _infallible = writeln!(text, "{} of {} rows are right", rows.len() - wrong, rows.len());
    text
}
