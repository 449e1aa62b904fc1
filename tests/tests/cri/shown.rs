//! What must be said of sandboxes, what filters show, and what a report does with hostile names.

use serde_json::Value;
use signal_trace_tests::{cri::Pod, image, lines::Lines, report, session::Recorded};

use crate::{Ended, ODD_UID, SHARED_UID, WEB_UID};

/// What holds a pod's namespaces does no work that could be lost: it is killed, and not judged.
pub fn faults_of_pause(pod: &Pod, lines: &Lines) -> Vec<String> {
    let mut faults = Vec::new();
    if lines.exits(pod.pause).is_empty() {
        faults.push(format!("no exit of the pause process {}", pod.pause));
    }
    let about = |line: &&Value| line["workload"]["id"] == pod.id.as_str();
    for line in lines.of("shutdown").chain(lines.of("finding")).filter(about) {
        faults.push(format!("a sandbox is judged: {line}"));
    }
    faults
}

/// Each shows exactly what it says.
pub fn faults_of_filters(all: &[Ended], recorded: &Recorded) -> Vec<String> {
    let pid = |place: usize| all[place].pid;
    let web = [pid(0), pid(1), pid(2), pid(3), pid(4)];
    let named = [pid(0), pid(1), pid(2), pid(3), pid(4), pid(5)];
    let cgroup = format!("/kubepods/burstable/pod{WEB_UID}");
    let cases: [(&[&str], &[i32]); 11] = [
        (&["--pod", "web-7d9c5b6f4-x2x9k"], &web),
        (&["--pod", WEB_UID], &web),
        (&["--pod", SHARED_UID], &[pid(5)]),
        (&["--pod", "web-7d9c5b6f4-x2x9k", "--container", "st-deaf"], &[pid(1)]),
        (&["--pod", "shared", "--container", "st-deaf"], &[]),
        (&["--namespace", "st-test"], &named),
        (&["--namespace", "other"], &[pid(6)]),
        (&["--namespace", "default"], &[]),
        (&["--image", image::USR1], &[pid(4)]),
        (&["--cgroup", &cgroup], &web),
        (&["--container", &all[2].id[..16]], &[pid(2)]),
    ];
    let cases = cases.into_iter();
    cases
        .flat_map(|(filters, pids)| report::faults_of_filter(&recorded.file, filters, pids))
        .collect()
}

/// Nothing of the names acts on a terminal or begins a line.
pub fn faults_of_text(recorded: &Recorded) -> Vec<String> {
    let text = report::text(&recorded.file, &["--pod", ODD_UID]);
    let mut faults = report::faults_of_text(&text);
    if !text.contains("RED") {
        faults.push("the report does not name the odd container".into());
    }
    faults
}
