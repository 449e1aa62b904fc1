//! What filters show, and what a report does with hostile labels.

use signal_trace_tests::{image, report, session::Recorded};

use crate::Ended;

/// Each shows exactly what it says.
pub fn faults_of_filters(all: &[Ended], recorded: &Recorded) -> Vec<String> {
    let of = |name: &str| all.iter().find(|container| container.name == name).expect("a case");
    let (web, usr1) = (of("st-web"), of("st-image-usr1"));
    let cgroup = format!("*{}*", &web.id[..40]);
    let cases: [(&[&str], &[i32]); 9] = [
        (&["--container", "st-web"], &[web.pid]),
        (&["--container", &web.id], &[web.pid]),
        (&["--container", &web.id[..12]], &[web.pid]),
        (&["--container", "st-web", "--container", "st-image-usr1"], &[web.pid, usr1.pid]),
        (&["--container", "st-we"], &[]),
        (&["--container", "st-web", "--image", image::USR1], &[]),
        (&["--image", image::USR1], &[usr1.pid]),
        (&["--cgroup", &cgroup], &[web.pid]),
        (&["--cgroup", &cgroup, "--container", "st-image-usr1"], &[]),
    ];
    let cases = cases.into_iter();
    cases
        .flat_map(|(filters, pids)| report::faults_of_filter(&recorded.file, filters, pids))
        .collect()
}

/// Nothing of the labels acts on a terminal or begins a line.
pub fn faults_of_text(recorded: &Recorded) -> Vec<String> {
    let text = report::text(&recorded.file, &["--container", "st-hostile"]);
    let mut faults = report::faults_of_text(&text);
    if !text.contains("st-hostile") {
        faults.push("the report does not name st-hostile".into());
    }
    for line in &recorded.printed {
        if line.chars().any(char::is_control) {
            faults.push(format!("a control character in JSON: {line:?}"));
        }
    }
    faults
}
