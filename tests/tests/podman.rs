//! What Podman tells of its containers is told too. The truth is `podman inspect`.

use serde_json::Value;
use signal_trace_tests::{
    expected::{self, Expected},
    image,
    podman::Podman,
    report,
    session::Session,
};

/// A container, what stops it, and what must be said of that.
struct Case {
    name: &'static str,
    options: &'static [&'static str],
    script: &'static str,
    stop: &'static [&'static str],
    expect: fn(Expected) -> Expected,
}

const CASES: [Case; 4] = [
    Case {
        name: "st-pod-clean",
        options: &["--label=app=front", "--label=io.podman.compose.project=shop"],
        script: "trap 'exit 7' TERM; : > /tmp/up; while :; do sleep 0.05; done",
        stop: &["stop"],
        expect: |e| {
            e.verdicts("graceful", "graceful")
                .grace(10.0, "podman")
                .stop_signal("SIGTERM", "podman")
                .says("workload/labels/app", "front")
                .says("workload/labels/io.podman.compose.project", "shop")
        },
    },
    Case {
        name: "st-pod-deaf",
        options: &["--stop-timeout=2"],
        script: "trap '' TERM; : > /tmp/up; while :; do sleep 1; done",
        stop: &["stop"],
        expect: |e| {
            e.verdicts("forced", "ignored")
                .grace(2.0, "podman")
                .finds("pid1-ignores-stop-signal")
                .says("process/killed_by", "runtime")
                .says_within("grace/used_seconds", 1.9..=12.0)
        },
    },
    Case {
        name: "st-pod-usr1",
        options: &["--stop-signal=SIGUSR1", "--stop-timeout=4"],
        script: "trap 'exit 0' USR1; : > /tmp/up; while :; do sleep 0.05; done",
        stop: &["stop"],
        expect: |e| {
            e.verdicts("graceful", "graceful").grace(4.0, "podman").stop_signal("SIGUSR1", "podman")
        },
    },
    Case {
        name: "st-pod-kill-term",
        options: &[],
        script: "trap 'exit 1' TERM; : > /tmp/up; while :; do sleep 0.05; done",
        stop: &["kill", "--signal", "TERM"],
        expect: |e| e.verdicts("graceful", "graceful").grace(10.0, "podman"),
    },
];

#[test]
fn what_podman_says_of_its_containers_is_told() {
    let podman = Podman::start();
    let session = Session::start(&["--runtime", &podman.runtime_argument()]);
    let mut all = Vec::new();
    for case in &CASES {
        let name = format!("--name={}", case.name);
        let options = [&[name.as_str()], case.options].concat();
        let (id, pid) = podman.start_shell(&options, case.script);
        session.wait_until_told(&id);
        podman.run(&[case.stop, &[case.name]].concat());
        podman.run(&["wait", case.name]);
        let code = podman.inspect(&id, "{{.State.ExitCode}}").parse().expect("a number");
        let expected = Expected::of(case.name, pid)
            .says("workload/kind", "container")
            .says("workload/runtime", "podman")
            .says("workload/id", id.as_str())
            .says("workload/name", case.name)
            .says("workload/image", image::BUSYBOX)
            .says("workload/kubernetes", Value::Null)
            .says("grace/pre_stop", Value::Null)
            .says("process/main", true)
            .exit_code(code);
        all.push((id, pid, (case.expect)(expected)));
    }
    session.wait_for_shutdowns(&all.iter().map(|(_, pid, _)| *pid).collect::<Vec<_>>());
    let recorded = session.finish();
    let mut faults = recorded.lines.losses();
    for (id, pid, expected) in &all {
        faults.extend(expected.faults(&recorded.lines));
        faults.extend(expected::unnamed(&recorded.lines, id, "podman", *pid));
    }
    let deaf = &[all[1].1];
    let filter = |filter: &str, value: &str| {
        report::faults_of_filter(&recorded.file, &[filter, value], deaf)
    };
    faults.extend(filter("--container", "st-pod-deaf"));
    faults.extend(filter("--container", &all[1].0[..12]));
    faults.extend(filter("--cgroup", &format!("*libpod-{}", all[1].0)));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
