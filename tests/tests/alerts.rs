//! The alert rules: Prometheus' own tool reads them, and runs their cases.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use signal_trace_tests::programs;

fn deployed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus").join(name)
}

fn promtool(arguments: &[&str], file: &str) {
    let output = Command::new(programs::system("promtool", "prometheus"))
        .args(arguments)
        .arg(deployed(file))
        .output()
        .expect("it can be started");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn rules_are_right() {
    promtool(&["check", "rules", "--lint-fatal"], "alerts.yaml");
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    promtool(&["test", "rules"], "alerts_test.yaml");
}

#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let read = |name| fs::read_to_string(deployed(name)).expect("it is there");
    let rules = read("alerts.yaml");
    let alerts: BTreeSet<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 8, "{alerts:?}");
    let cases = read("alerts_test.yaml");
    let about = |alert: &str| {
        let expression = format!("ALERTS{{alertname=\"{alert}\",alertstate=\"firing\"}}");
        let cases = cases.split("\n\n").filter(|case| case.contains(&expression));
        cases.map(|case| case.contains("exp_samples")).collect::<BTreeSet<_>>()
    };
    for alert in alerts {
        assert_eq!(about(alert), BTreeSet::from([false, true]), "{alert}");
    }
}
