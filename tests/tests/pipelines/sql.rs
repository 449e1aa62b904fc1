//! The SQL of `docs/pipelines.md`, taken from there, run by the engines that it is for.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::{Value, json};
use signal_trace_tests::{folder::Folder, tools};

use crate::sample;

const SCRIPT: &str = include_str!("../../programs/sql.py");
const DOCUMENT: &str = "docs/pipelines.md";

/// A row, by the names of its columns.
pub type Row = BTreeMap<String, Value>;

#[test]
fn engines_answer_the_questions_of_the_document() {
    let folder = Folder::new();
    let (lines, pods) = (sample::lines(), sample::in_pods());
    // One file is torn, as after a crash; the other was rotated.
    let torn = format!("{}{{\"schema\":\"signal-trace/v1\",\"ty\n", sample::text(&lines));
    fs::write(folder.file("signal-trace.jsonl"), torn).expect("the folder is ours");
    let rotated = folder.file("signal-trace.jsonl.1");
    fs::write(&rotated, sample::text(&pods)).expect("the folder is ours");
    let all: Vec<_> = lines.into_iter().chain(pods).collect();

    let [duckdb, clickhouse] = ENGINES.map(|engine| answers(engine, &folder));
    for (engine, [worst, slowest, findings]) in [("DuckDB", &duckdb), ("ClickHouse", &clickhouse)] {
        assert_eq!(counts(worst, "forced"), forced(&all), "{engine}: worst workloads");
        assert_eq!(findings_counted(findings), findings_told(&all), "{engine}: findings");
        let times: Vec<_> = slowest.iter().map(seconds).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{engine}: slowest workloads {times:?}");
        assert!(times.first().is_some_and(|slowest| *slowest > 1.0), "{engine}: {times:?}");
    }
    for (one, other) in duckdb[1].iter().zip(&clickhouse[1]) {
        let difference = (seconds(one) - seconds(other)).abs();
        assert!(difference < 1e-6, "engines do not agree: {one:?}, {other:?}");
    }
}

/// An engine, and the heading above its SQL.
pub type Engine = (&'static str, &'static str);

pub const ENGINES: [Engine; 2] = [("duckdb", "### DuckDB"), ("clickhouse", "### ClickHouse")];

/// What the last three statements below a heading give; the ones before make tables and views.
pub fn answers((engine, heading): Engine, folder: &Folder) -> [Vec<Row>; 3] {
    let path = tools::repository().join(DOCUMENT);
    let text = fs::read_to_string(&path).expect("it is there");
    let files = format!("{}/", folder.path().display());
    let statements: Vec<_> = statements(&text, heading)
        .iter()
        .map(|statement| statement.replace("/var/log/signal-trace/", &files))
        .collect();
    assert!(statements.len() > 4, "{DOCUMENT}: too little SQL below `{heading}`");
    let mut python = Command::new(tools::python());
    // ClickHouse keeps its tables below the working folder.
    python.args(["-c", SCRIPT, engine]).current_dir(folder.path());
    let answers = tools::feed(&mut python, &json!(statements).to_string());
    let mut answers: Vec<Vec<Row>> = serde_json::from_str(&answers).expect("rows");
    let last = answers.split_off(answers.len() - 3);
    last.try_into().expect("three")
}

/// The statements in blocks of SQL below a heading, up to the next one.
fn statements(text: &str, heading: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let (mut sql, mut inside) = (String::new(), false);
    for line in lines {
        match line {
            "```sql" => inside = true,
            "```" => inside = false,
            _ if inside => sql.extend([line, "\n"]),
            _ if line.starts_with('#') => break,
            _ => {}
        }
    }
    let statements = sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(str::to_owned).collect()
}

/// Shutdowns as they were reported last.
fn shutdowns(lines: &[Value]) -> Vec<&Value> {
    let all = || lines.iter().filter(|line| line["type"] == "shutdown");
    let amended: Vec<_> = all().filter_map(|line| line["amends"].as_str()).collect();
    let stands = |line: &&Value| !amended.contains(&line["shutdown_id"].as_str().unwrap_or(""));
    all().filter(stands).collect()
}

fn name(shutdown: &Value) -> String {
    let workload = &shutdown["workload"];
    let pod = &workload["kubernetes"];
    let names =
        [&pod["owner"], &pod["container"], &workload["name"], &workload["unit"], &workload["id"]];
    names.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

fn namespace(shutdown: &Value) -> String {
    shutdown["workload"]["kubernetes"]["namespace"].as_str().unwrap_or_default().to_owned()
}

pub fn forced(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for shutdown in shutdowns(lines).iter().filter(|line| line["verdict"] == "forced") {
        *counts.entry(format!("{} {}", namespace(shutdown), name(shutdown))).or_default() += 1;
    }
    assert!(counts.len() > 3, "the sample is too small");
    counts
}

fn findings_told(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for shutdown in shutdowns(lines) {
        for finding in shutdown["findings"].as_array().into_iter().flatten() {
            if finding["severity"] != "info" {
                let id = finding["id"].as_str().expect("an id");
                *counts.entry(format!("{} {id}", namespace(shutdown))).or_default() += 1;
            }
        }
    }
    counts
}

fn findings_counted(rows: &[Row]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        // An id can have several severities.
        let key = format!("{} {}", text(row, "namespace"), text(row, "finding"));
        *counts.entry(key).or_default() += row["times"].as_u64().expect("a number");
    }
    counts
}

pub fn counts(rows: &[Row], column: &str) -> BTreeMap<String, u64> {
    let key = |row: &Row| format!("{} {}", text(row, "namespace"), text(row, "name"));
    rows.iter().map(|row| (key(row), row[column].as_u64().expect("a number"))).collect()
}

fn text(row: &Row, column: &str) -> String {
    row[column].as_str().unwrap_or_default().to_owned()
}

fn seconds(row: &Row) -> f64 {
    row["p95_seconds"].as_f64().expect("a number")
}
