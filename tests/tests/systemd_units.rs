//! Units of systemd, stopped with `systemctl stop`: `KillSignal=` and `TimeoutStopSec=` as systemd
//! tells them. systemd is PID 1 of a container here. The truth is `systemctl show`.

use serde_json::Value;
use signal_trace_tests::{
    docker::Docker, expected::Expected, report, session::Session, systemd::Systemd,
};

/// A unit, and what must be said of its stop.
struct Case {
    unit: &'static str,
    text: &'static str,
    result: &'static str,
    expect: fn(Expected) -> Expected,
}

const CASES: [Case; 5] = [
    Case {
        unit: "st-clean.service",
        text: "[Service]\nTimeoutStopSec=20\n\
               ExecStart=/bin/sh -c \"trap 'exit 0' TERM; while :; do sleep 0.05; done\"\n",
        result: "success",
        expect: |e| {
            e.verdicts("graceful", "graceful")
                .grace(20.0, "systemd")
                .stop_signal("SIGTERM", "systemd")
        },
    },
    Case {
        unit: "st-deaf.service",
        text: "[Service]\nTimeoutStopSec=2\n\
               ExecStart=/bin/sh -c \"trap '' TERM; while :; do sleep 0.5; done\"\n",
        result: "timeout",
        expect: |e| {
            e.verdicts("forced", "ignored")
                .grace(2.0, "systemd")
                .stop_signal("SIGTERM", "systemd")
                .says("process/killed_by", "systemd")
                .says_within("grace/used_seconds", 1.9..=12.0)
                .finds("stop-signal-ignored")
        },
    },
    Case {
        unit: "st-slow.service",
        text: "[Service]\nTimeoutStopSec=2\nKillMode=mixed\n\
               ExecStart=/bin/sh -c \"trap 'sleep 60' TERM; while :; do sleep 0.05; done\"\n",
        result: "timeout",
        expect: |e| {
            e.verdicts("forced", "overran")
                .grace(2.0, "systemd")
                .says("process/killed_by", "systemd")
                .says_within("grace/used_seconds", 1.9..=12.0)
                .finds("grace-period-exceeded")
        },
    },
    Case {
        unit: "st-usr1.service",
        text: "[Service]\nKillSignal=SIGUSR1\nTimeoutStopSec=3\n\
               ExecStart=/bin/sh -c \"trap 'exit 0' USR1; while :; do sleep 0.05; done\"\n",
        result: "success",
        expect: |e| {
            e.verdicts("graceful", "graceful")
                .grace(3.0, "systemd")
                .stop_signal("SIGUSR1", "systemd")
        },
    },
    Case {
        unit: "st-for-ever.service",
        text: "[Service]\nTimeoutStopSec=infinity\nKillMode=mixed\n\
               ExecStart=/bin/sh -c \"trap 'exit 0' TERM; while :; do sleep 0.05; done\"\n",
        result: "success",
        // JSON has no number without end.
        expect: |e| {
            e.verdicts("graceful", "graceful")
                .says("grace/source", "systemd")
                .says("grace/configured_seconds", Value::Null)
        },
    },
];

#[test]
fn what_systemd_says_of_its_units_is_told() {
    let docker = Docker::start();
    let units: Vec<_> = CASES.iter().map(|case| (case.unit, case.text)).collect();
    let systemd = Systemd::boot(&docker, &units);
    let arguments = [systemd.runtime_argument(), docker.runtime_argument()];
    let session = Session::start(&["--runtime", &arguments[0], "--runtime", &arguments[1]]);
    let all: Vec<_> = std::thread::scope(|scope| {
        let (systemd, session) = (&systemd, &session);
        let threads: Vec<_> = CASES
            .iter()
            .map(|case| {
                scope.spawn(move || {
                    let pid = systemd.start_unit(case.unit);
                    Systemd::wait_until_it_traps(pid);
                    session.wait_until_told(case.unit);
                    systemd.run(&["stop", case.unit]);
                    assert_eq!(systemd.show(case.unit, "Result"), case.result, "{}", case.unit);
                    (case, pid)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("systemd works")).collect()
    });
    // The manager itself lives in a scope, but it is the container that is stopped.
    docker.run(&["stop", &systemd.id]);
    let pids: Vec<_> = all.iter().map(|(_, pid)| *pid).chain([systemd.pid]).collect();
    session.wait_for_shutdowns(&pids);
    let recorded = session.finish();
    let mut faults = recorded.lines.losses();
    for (case, pid) in &all {
        let expected = Expected::of(case.unit, *pid)
            .says("workload/kind", "unit")
            .says("workload/unit", case.unit)
            .says("stop/sender/role", "systemd")
            .says("process/main", true);
        faults.extend((case.expect)(expected).faults(&recorded.lines));
    }
    let manager = Expected::of("systemd", systemd.pid)
        .says("workload/kind", "container")
        .says("workload/id", systemd.id.as_str())
        .grace(10.0, "docker")
        .stop_signal("SIGRTMIN+3", "docker")
        .verdicts("graceful", "graceful");
    faults.extend(manager.faults(&recorded.lines));
    let pid_of = |unit: &str| all.iter().find(|(case, _)| case.unit == unit).expect("a case").1;
    let cgroup = format!("/docker/{}/system.slice/st-usr1.service", systemd.id);
    let filters: [([&str; 2], &str); 4] = [
        (["--unit", "st-deaf.service"], "st-deaf.service"),
        (["--unit", "st-deaf"], "st-deaf.service"),
        (["--unit", "st-cle*"], "st-clean.service"),
        (["--cgroup", &cgroup], "st-usr1.service"),
    ];
    for (filter, unit) in filters {
        faults.extend(report::faults_of_filter(&recorded.file, &filter, &[pid_of(unit)]));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
