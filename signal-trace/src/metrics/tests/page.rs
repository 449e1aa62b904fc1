//! What is on the page.

use std::{collections::BTreeSet, thread};

use super::{super::families, *};

/// The samples of one metric.
fn samples<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name)).collect()
}

#[test]
fn every_metric_has_a_sample_and_nothing_else_has() {
    let page = filled().encode(Format::Text);
    let mut expected = BTreeSet::new();
    for family in families::all() {
        match family.kind {
            families::Kind::Histogram => {
                expected
                    .extend(["sum", "count", "bucket"].map(|end| format!("{}_{end}", family.name)));
            }
            _ => drop(expected.insert(family.name.to_owned())),
        }
    }
    let there: BTreeSet<_> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap().to_owned())
        .collect();
    assert_eq!(there, expected);
}

#[test]
fn every_sample_has_the_labels_of_its_metric() {
    let page = filled().encode(Format::Text);
    for family in families::all() {
        let (chosen, own) = family.labels;
        let chosen = Label::ALL.iter().map(|label| label.name()).filter(|_| chosen);
        let expected: Vec<_> = chosen.chain(own.iter().copied()).collect();
        let name = match family.kind {
            families::Kind::Histogram => format!("{}_count", family.name),
            _ => family.name.to_owned(),
        };
        for sample in samples(&page, &name) {
            assert_eq!(label_names(sample), expected, "{sample}");
        }
    }
}

/// Names of the labels of a sample; panics if a value is not as the format wants it.
fn label_names(sample: &str) -> Vec<&str> {
    let Some((_, mut rest)) = sample.split_once('{') else { return vec![] };
    let mut names = vec![];
    while !rest.starts_with('}') {
        let (name, value) = rest.split_once("=\"").unwrap();
        names.push(name);
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().expect("a value that ends") {
                (_, '\\') => {
                    assert!(matches!(chars.next(), Some((_, '\\' | '"' | 'n'))), "{sample}");
                }
                (at, '"') => break at,
                (_, c) => assert!(!c.is_control(), "{sample}"),
            }
        };
        rest = value[end + 1..].trim_start_matches(',');
    }
    names
}

#[test]
fn hostile_names_stay_in_their_labels() {
    let page = filled().encode(Format::OpenMetrics);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        label_names(line);
        assert!(line.len() < 2000, "{line}");
    }
    // The sample's container has such a label; its image is 4096 letters long.
    assert!(page.contains("app=\"\\\\x1b]0;owned\\\\x07\\\\x1b]0;owned"), "{page}");
    assert!(!page.contains(&"x".repeat(129)));
    assert!(page.contains(&"x".repeat(128)));
}

#[test]
fn no_id_and_no_pid_is_told() {
    let page = filled().encode(Format::Text);
    assert!(!page.contains(sample::CONTAINER));
    for pid in [901, 902, 812] {
        assert!(!page.contains(&format!("\"{pid}")), "{pid}");
    }
}

#[test]
fn values_are_those_that_were_set() {
    let page = filled().encode(Format::OpenMetrics);
    for sample in [
        "signal_trace_ready 1",
        "signal_trace_events_total 1234",
        "signal_trace_lost_total{kind=\"process_exit\"} 3",
        "signal_trace_lost_total{kind=\"process_fork\"} 0",
        "signal_trace_lost_total{kind=\"sink\"} 2",
        "signal_trace_ring_fill_ratio{ring=\"signals\"} 0.25",
        "signal_trace_tracked_limit{table=\"processes\"} 65536",
        "signal_trace_tracked_limit{table=\"label_sets\"} 100",
        "signal_trace_sink_up{sink=\"file\"} 0",
        "signal_trace_lag_seconds 0.15",
        "signal_trace_start_time_seconds 1795517455.5",
        "signal_trace_config_last_reload_successful 0",
        "signal_trace_build_info{version=\"0.1.0\",kernel=\"6.1.0-\\\"x\\\\\\n\",abi=\"7\"} 1",
    ] {
        assert!(page.lines().any(|line| line == sample), "{sample} is not in\n{page}");
    }
    assert!(!page.contains("signal_trace_tracked_limit{table=\"timelines\"}"));
    let zombies = samples(&page, "signal_trace_zombies");
    assert_eq!(zombies.len(), 1, "{zombies:?}");
    assert!(zombies[0].ends_with("} 1"), "{zombies:?}");
}

#[test]
fn promtool_has_nothing_to_say() {
    promtool(&["check", "metrics"], &filled().encode(Format::Text));
    let empty = Metrics::new(Options::default(), filled().0.build.clone());
    promtool(&["check", "metrics"], &empty.encode(Format::Text));
}

#[test]
fn other_labels_begin_anew() {
    let metrics = filled();
    let same = metrics.state().options.clone();
    metrics.set_options(same);
    assert!(metrics.encode(Format::Text).contains("signal_trace_zombies{"));
    metrics.set_options(Options { labels: vec![Label::App], max_series: 5 });
    let page = metrics.encode(Format::Text);
    assert!(!page.contains("signal_trace_zombies{"), "{page}");
    assert!(page.contains("signal_trace_tracked_limit{table=\"label_sets\"} 5\n"), "{page}");
}

#[test]
fn lines_that_change_nothing_are_not_wanted() {
    let mut metrics = filled();
    let wanted = |metrics: &Metrics| {
        let all = sample::every_record();
        let wanted = all.iter().filter(|record| metrics.wants(&record.body));
        wanted.map(|record| record.seq.0).collect::<Vec<_>>()
    };
    let some = wanted(&metrics);
    // The zombie of the sample is worker 902; the exits and reaps are those of another one.
    assert_eq!(some.len(), 6, "zombies, shutdowns, a finding: {some:?}");
    let mut shell_is_a_zombie = sample::every_record();
    for record in &mut shell_is_a_zombie {
        if let RecordBody::Zombie(zombie) = &mut record.body {
            zombie.process = sample::shell();
        }
        metrics.line(&Line::from_record(record, "n1", false));
        if let RecordBody::Zombie(_) = record.body {
            assert!(wanted(&metrics).len() > 10, "its reap is of interest now");
        }
    }
}

#[test]
fn a_scrape_and_the_capture_do_not_wait_for_each_other() {
    let metrics = filled();
    let scrape = {
        let metrics = metrics.clone();
        thread::spawn(move || (0..20).map(|_| metrics.encode(Format::Text).len()).min())
    };
    let mut capture = metrics.clone();
    for _ in 0..50 {
        for record in sample::every_record() {
            capture.line(&Line::from_record(&record, "n1", false));
        }
        capture.set_health(health());
    }
    assert!(scrape.join().unwrap().unwrap() > 1000);
}
