//! Containers of runc alone, which only its state folder tells of. The truth is `runc state`.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use signal_trace_tests::{
    cgroup, clock::Deadline, expected::Expected, report, runc::Runc, session::Session,
};

const CLEAN: &str = "trap 'exit 3' TERM; : > /tmp/up; while :; do sleep 0.05; done";
const DEAF: &str = "trap '' TERM; : > /tmp/up; while :; do sleep 0.5; done";

#[test]
fn what_runc_knows_of_its_containers_is_told() {
    let runc = Runc::new();
    let session = Session::start(&["--runtime", &runc.runtime_argument(), "--grace", "1s"]);
    let group = format!("/st-test-runc-{}", std::process::id());

    // Ids of no engine: any name will do.
    let clean = runc.start_shell("st-runc-clean", &format!("{group}/clean"), &json!({}), CLEAN);
    runc.run(&["kill", "st-runc-clean", "TERM"]);
    let deaf = runc.start_shell("st-runc-deaf", &format!("{group}/deaf"), &json!({}), DEAF);
    runc.run(&["kill", "st-runc-deaf", "TERM"]);
    std::thread::sleep(Duration::from_millis(1200));
    runc.run(&["kill", "st-runc-deaf", "KILL"]);
    for id in ["st-runc-clean", "st-runc-deaf"] {
        Deadline::after(Duration::from_secs(20)).until("the end of a container", || {
            let state: Value = serde_json::from_str(&runc.run(&["state", id])).expect("JSON");
            state["status"] == "stopped"
        });
    }

    session.wait_for_shutdowns(&[clean, deaf]);
    let recorded = session.finish();
    let mut faults = recorded.lines.losses();
    let of = |id: &str, pid: i32| {
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
    };
    let all = [
        of("st-runc-clean", clean).verdicts("graceful", "graceful").exit_code(3),
        of("st-runc-deaf", deaf)
            .verdicts("forced", "ignored")
            .finds("pid1-ignores-stop-signal")
            .says("process/killed_by", "runtime")
            .exit_code(137),
    ];
    faults.extend(all.iter().flat_map(|expected| expected.faults(&recorded.lines)));
    for filter in [["--container", "st-runc-deaf"], ["--cgroup", &format!("{group}/deaf")]] {
        faults.extend(report::faults_of_filter(&recorded.file, &filter, &[deaf]));
    }
    drop(runc);
    cgroup::remove_empty(&group);
    assert!(!fs::exists(format!("/proc/{deaf}")).expect("/proc is mounted"), "it is reaped");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
