//! The alert rules ask only for what there is.

use std::{fs, path::Path};

use signal_trace_core::{findings::pages::page, verdict::WorkloadVerdict};

use super::super::families;

fn rules() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus/alerts.yaml");
    fs::read_to_string(path).unwrap()
}

/// What stands between `begin` and `end`, each time.
fn all_between<'a>(text: &'a str, begin: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(begin).skip(1).filter_map(move |rest| rest.split(end).next())
}

#[test]
fn rules_name_metrics_that_exist() {
    let text = rules();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut count = 0;
    for word in words.filter(|word| word.starts_with("signal_trace_")) {
        assert!(families::all().any(|family| family.name == word), "there is no {word}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

#[test]
fn rules_name_findings_and_verdicts_that_exist() {
    let text = rules();
    let findings = all_between(&text, "finding=\"", '"').chain(all_between(
        &text,
        "signal-trace explain ",
        '`',
    ));
    let mut count = 0;
    for id in findings {
        assert!(page(id).is_some(), "there is no finding {id}");
        count += 1;
    }
    assert!(count > 4, "{count}");
    for verdict in all_between(&text, "verdict=\"", '"') {
        let known = WorkloadVerdict::ALL.iter().any(|known| known.name() == verdict);
        assert!(known, "there is no verdict {verdict}");
    }
}
