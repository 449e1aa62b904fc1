//! Containers of runc alone, which only its state folder tells of. The truth is
//! what waitpid says.

use std::time::Duration;

use serde_json::{Value, json};
use signal_trace_tests::{cgroup, expected::Expected, report, runc::Runc, session::Session};

const CLEAN: &str = "trap 'exit 3' TERM; : > /tmp/up; while :; do sleep 0.05; done";
const DEAF: &str = "trap '' TERM; : > /tmp/up; while :; do sleep 0.5; done";

#[test]
fn what_runc_knows_of_its_containers_is_told() {
    let runc = Runc::new();
    let session = Session::start(&["--runtime", &runc.runtime_argument(), "--grace", "1s"]);
    let group = format!("/st-test-runc-{}", std::process::id());

    // Ids of no engine: any name will do.
    let start = |id: &str, cgroup: &str, script| {
        let first = runc.start_shell(id, &format!("{group}/{cgroup}"), &json!({}), script);
        session.wait_until_told(id);
        first
    };
    let mut clean = start("st-runc-clean", "clean", CLEAN);
    runc.run(&["kill", "st-runc-clean", "TERM"]);
    let clean = (clean.wait_for(Duration::from_secs(20)), clean.pid);
    let mut deaf = start("st-runc-deaf", "deaf", DEAF);
    runc.run(&["kill", "st-runc-deaf", "TERM"]);
    // Longer than the grace.
    std::thread::sleep(Duration::from_millis(1200));
    runc.run(&["kill", "st-runc-deaf", "KILL"]);
    let deaf = (deaf.wait_for(Duration::from_secs(20)), deaf.pid);

    session.wait_for_shutdowns(&[clean.1, deaf.1]);
    let recorded = session.finish();
    let mut faults = recorded.lines.losses();
    let of = |id: &str, (status, pid): (i32, i32)| {
        Expected::of(id, pid)
            .says("workload/kind", "container")
            .says("workload/runtime", "runc")
            .says("workload/id", id)
            .says("workload/image", Value::Null)
            .says("workload/kubernetes", Value::Null)
            // An OCI bundle has no word for these.
            .says("workload/stop_signal", Value::Null)
            .grace(1.0, "flag")
            .says("process/process/ns_pid", 1)
            .says("process/exit/wait_status", status)
    };
    let all = [
        of("st-runc-clean", clean).verdicts("graceful", "graceful"),
        of("st-runc-deaf", deaf)
            .verdicts("forced", "ignored")
            .finds("pid1-ignores-stop-signal")
            .says("process/killed_by", "runtime"),
    ];
    faults.extend(all.iter().flat_map(|expected| expected.faults(&recorded.lines)));
    for filter in [["--container", "st-runc-deaf"], ["--cgroup", &format!("{group}/deaf")]] {
        faults.extend(report::faults_of_filter(&recorded.file, &filter, &[deaf.1]));
    }
    drop(runc);
    cgroup::remove_empty(&group);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
