//! Containers, how each is stopped, and what must be said of that.

use serde_json::json;
use signal_trace_tests::{docker::IMAGE, expected::Expected, image};

/// Clean at once.
pub const CLEAN: &str = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";
const CLEAN_USR1: &str = "trap 'exit 0' USR1; echo up; while :; do sleep 0.05; done";
const DEAF: &str = "trap '' TERM; echo up; while :; do sleep 1; done";

/// How a container is to be told apart from the others.
pub struct Case<'a> {
    pub name: &'a str,
    pub options: &'a [&'a str],
    pub image: &'a str,
    pub command: &'a [&'a str],
    /// What ends it: `docker` with these words and the name.
    pub stop: &'a [&'a str],
    pub expect: fn(Expected) -> Expected,
}

pub const CASES: [Case<'static>; 8] = [
    Case {
        name: "st-web",
        options: &[
            "--label=com.docker.compose.project=shop",
            "--label=com.docker.compose.service=web",
            "--label=app=front",
            "--label=org.example.of-no-use=1",
            "--stop-timeout=2",
        ],
        image: IMAGE,
        command: &["sh", "-c", DEAF],
        stop: &["stop"],
        expect: |e| {
            e.verdicts("forced", "ignored")
                .grace(2.0, "docker")
                .stop_signal("SIGTERM", "docker")
                .finds("pid1-ignores-stop-signal")
                .says("process/killed_by", "runtime")
                .says(
                    "workload/labels",
                    json!({
                        "app": "front",
                        "com.docker.compose.project": "shop",
                        "com.docker.compose.service": "web",
                    }),
                )
                .says_within("grace/used_seconds", 1.9..=12.0)
        },
    },
    Case {
        name: "st-slow",
        options: &["--stop-timeout=2"],
        image: IMAGE,
        command: &["sh", "-c", "trap 'exit 0' TERM; echo up; sleep 100; :"],
        stop: &["stop"],
        expect: |e| {
            e.verdicts("forced", "overran")
                .grace(2.0, "docker")
                .finds("grace-period-exceeded")
                .finds("handler-does-not-exit")
                .finds("stop-signal-not-forwarded")
                .says("workload/labels", json!({}))
        },
    },
    Case {
        name: "st-plain",
        options: &[],
        image: IMAGE,
        command: &["sh", "-c", CLEAN],
        stop: &["stop"],
        expect: |e| {
            e.verdicts("graceful", "graceful")
                .grace(10.0, "docker")
                .stop_signal("SIGTERM", "docker")
        },
    },
    Case {
        name: "st-option-usr1",
        options: &["--stop-signal=SIGUSR1", "--stop-timeout=3"],
        image: IMAGE,
        command: &["sh", "-c", CLEAN_USR1],
        stop: &["stop"],
        expect: |e| {
            e.verdicts("graceful", "graceful").grace(3.0, "docker").stop_signal("SIGUSR1", "docker")
        },
    },
    Case {
        name: "st-image-usr1",
        options: &[],
        image: image::USR1,
        command: &["sh", "-c", CLEAN_USR1],
        stop: &["stop"],
        expect: |e| {
            e.verdicts("graceful", "graceful")
                .grace(10.0, "docker")
                .stop_signal("SIGUSR1", "docker")
                // The engine tells it as the container's own.
                .says_one_of("workload/stop_signal/source", &[json!("docker"), json!("image")])
                .says("workload/image", image::USR1)
        },
    },
    Case {
        name: "st-init",
        options: &["--init"],
        image: IMAGE,
        command: &["sh", "-c", "echo up; exec sleep 100"],
        stop: &["stop"],
        expect: |e| e.verdicts("graceful", "graceful").says("process/process/comm", "docker-init"),
    },
    Case {
        name: "st-flag-time",
        options: &["--stop-timeout=7"],
        image: IMAGE,
        command: &["sh", "-c", CLEAN],
        stop: &["stop", "--time", "1"],
        // What the command says in its place is nowhere to be read.
        expect: |e| e.verdicts("graceful", "graceful").grace(7.0, "docker"),
    },
    Case {
        name: "st-kill-term",
        options: &[],
        image: IMAGE,
        command: &["sh", "-c", CLEAN],
        stop: &["kill", "--signal", "TERM"],
        expect: |e| e.verdicts("graceful", "graceful").grace(10.0, "docker"),
    },
];
