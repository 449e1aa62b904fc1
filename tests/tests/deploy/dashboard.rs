//! The Grafana dashboard: it shows metrics that there are, with expressions that Prometheus reads.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::{Value, json};
use signal_trace_tests::{folder::Folder, programs, tools};

const DOCUMENT: &str = "docs/metrics.md";

fn read(name: &str) -> String {
    let path = tools::repository().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dashboard() -> Value {
    serde_json::from_str(&read("deploy/grafana/signal-trace.json")).expect("it is JSON")
}

/// What panels and variables ask, each with its title.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().expect("it has panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push((text(&panel["title"]), text(&target["expr"])));
        }
    }
    for variable in dashboard["templating"]["list"].as_array().expect("it has variables") {
        let Some(query) = variable["query"]["query"].as_str() else { continue };
        // label_values(SELECTOR, LABEL)
        let selector = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(','));
        found.push((text(&variable["name"]), selector.expect("it asks for a label").0.to_owned()));
    }
    found
}

/// As Grafana does before it asks.
fn filled_in(expression: &str) -> String {
    [("$__rate_interval", "5m"), ("$__range", "24h"), ("$namespace", ".*"), ("$workload", ".*")]
        .iter()
        .fold(expression.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Names that could be ours.
fn metrics(expression: &str) -> BTreeSet<&str> {
    expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("signal_trace_") || word.starts_with("process_"))
        .map(|name| name.strip_suffix("_bucket").unwrap_or(name))
        .collect()
}

/// Names in the first column of the table.
fn documented(text: &str) -> BTreeSet<&str> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split('`').next());
    // Other tables explain other things.
    names.filter(|name| name.starts_with("signal_trace_") || name.starts_with("process_")).collect()
}

#[test]
fn every_metric_that_is_shown_is_documented() {
    let text = read(DOCUMENT);
    let known = documented(&text);
    assert!(known.contains("signal_trace_shutdowns_total"), "{DOCUMENT} lists no metrics");
    let dashboard = dashboard();
    let expressions = expressions(&dashboard);
    let mut shown = BTreeSet::new();
    for (panel, expression) in &expressions {
        let named = metrics(expression);
        assert!(!named.is_empty(), "{panel}: `{expression}` asks for none of our metrics");
        for name in named {
            assert!(known.contains(name), "{panel}: {DOCUMENT} knows no `{name}`");
            shown.insert(name);
        }
    }
    // What is measured should be seen; that the agent is ready, its probes tell.
    let unseen: Vec<_> = known
        .iter()
        .filter(|name| !shown.contains(*name) && **name != "signal_trace_ready")
        .collect();
    assert!(unseen.is_empty(), "not on the dashboard: {unseen:?}");
}

#[test]
fn prometheus_reads_every_expression() {
    let expressions = expressions(&dashboard());
    check_rules(&expressions).unwrap_or_else(|error| panic!("{error}"));
    let wrong = [("wrong".to_owned(), "sum by (rate(signal_trace_shutdowns_total[5m])".to_owned())];
    assert!(check_rules(&wrong).is_err(), "promtool takes anything");
}

/// Each as a recording rule, in one file.
fn check_rules(expressions: &[(String, String)]) -> Result<(), String> {
    let rules: Vec<_> = expressions
        .iter()
        .enumerate()
        .map(|(n, (_, text))| json!({ "record": format!("test:{n}"), "expr": filled_in(text) }))
        .collect();
    let folder = Folder::new();
    // JSON is YAML.
    let file = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(folder.file("rules.yaml"), file.to_string()).expect("the folder is ours");
    let output = Command::new(programs::system("promtool", "prometheus"))
        .args(["check", "rules"])
        .arg(folder.file("rules.yaml"))
        .output()
        .expect("promtool can be started");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn panels_do_not_overlap() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("it has panels") {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        for x in place("x")..place("x") + place("w") {
            assert!(x < 24, "{} is wider than the page", panel["title"]);
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
    }
}
