//! What Docker tells of its containers reaches every line about them: names, images, labels, grace
//! and stop signals. The truth is `docker inspect`, and containerd's events for the pids.

use serde_json::{Value, json};
use signal_trace_tests::{
    docker::{Docker, IMAGE},
    expected::{self, Expected},
    image,
    lines::Lines,
    report,
    session::{Recorded, Session},
};

/// Clean at once.
const CLEAN: &str = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";
const CLEAN_USR1: &str = "trap 'exit 0' USR1; echo up; while :; do sleep 0.05; done";
const DEAF: &str = "trap '' TERM; echo up; while :; do sleep 1; done";

/// A container of the test that has ended.
struct Ended {
    name: String,
    id: String,
    pid: i32,
    expected: Expected,
}

/// How a container is to be told apart from the others.
struct Case<'a> {
    name: &'a str,
    options: &'a [&'a str],
    image: &'a str,
    command: &'a [&'a str],
    /// What ends it: `docker` with these words and the name.
    stop: &'a [&'a str],
    expect: fn(Expected) -> Expected,
}

const CASES: [Case<'static>; 8] = [
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

#[test]
fn what_docker_says_of_its_containers_is_told() {
    let docker = Docker::start();
    let runtime = docker.runtime_argument();
    let session = Session::start(&["--runtime", &runtime]);
    // One that shows a single container must wait for its name like the other.
    let by_name = Session::start(&["--runtime", &runtime, "--container", "st-slow"]);

    let oddities = Oddities::run(&docker);
    let mut all: Vec<Ended> = std::thread::scope(|scope| {
        let docker = &docker;
        let threads: Vec<_> =
            CASES.iter().map(|case| scope.spawn(move || run(docker, case))).collect();
        threads.into_iter().map(|thread| thread.join().expect("docker works")).collect()
    });
    all.push(paused(&docker));
    all.push(with_session(&docker));
    all.push(hostile(&docker));

    session.wait_for_shutdowns(&all.iter().map(|container| container.pid).collect::<Vec<_>>());
    let slow = all.iter().find(|container| container.name == "st-slow").expect("it is a case");
    by_name.wait_for_shutdowns(&[slow.pid]);
    let mut faults =
        report::faults_of_shown(&by_name.finish().lines, "live --container NAME", &[slow.pid]);
    let recorded = session.finish();
    faults.extend(recorded.lines.losses());
    for container in &all {
        faults.extend(container.expected.faults(&recorded.lines));
        faults.extend(expected::unnamed(&recorded.lines, &container.id, "docker", container.pid));
    }
    faults.extend(oddities.faults(&recorded.lines));
    faults.extend(faults_of_filters(&all, &recorded));
    faults.extend(faults_of_text(&recorded));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn run(docker: &Docker, case: &Case) -> Ended {
    let name = format!("--name={}", case.name);
    let options = [&[name.as_str()], case.options].concat();
    let (id, pid) = docker.start_image(case.image, &options, case.command);
    docker.run(&[case.stop, &[case.name]].concat());
    docker.run(&["wait", &id]);
    ended(docker, case.name, id, pid, case.expect)
}

fn ended(
    docker: &Docker,
    name: &str,
    id: String,
    pid: i32,
    expect: fn(Expected) -> Expected,
) -> Ended {
    let expected = Expected::of(name, pid)
        .says("workload/kind", "container")
        .says("workload/runtime", "docker")
        .says("workload/id", id.as_str())
        .says("workload/name", name)
        .says("workload/image", IMAGE)
        .says("workload/kubernetes", Value::Null)
        .says("workload/unit", Value::Null)
        .says("grace/pre_stop", Value::Null)
        .says("process/main", true)
        .says("process/process/ns_pid", 1);
    let expected = expected.exit_code(docker.exit_code(&id));
    Ended { name: name.to_owned(), id, pid, expected: expect(expected) }
}

/// Frozen when it is asked to stop: the engine thaws it first.
fn paused(docker: &Docker) -> Ended {
    let (id, pid) = docker.start_shell(&["--name=st-paused"], CLEAN);
    docker.run(&["pause", &id]);
    docker.run(&["stop", &id]);
    ended(docker, "st-paused", id, pid, |e| e.verdicts("graceful", "graceful"))
}

/// With a process that nobody inside could tell.
fn with_session(docker: &Docker) -> Ended {
    let (id, pid) = docker.start_shell(&["--name=st-session"], CLEAN);
    let session = docker.exec(&id, &["sleep", "100"]);
    docker.run(&["stop", &id]);
    assert!(!std::path::Path::new(&format!("/proc/{session}")).exists(), "its container is gone");
    ended(docker, "st-session", id, pid, |e| e.verdicts("forced", "graceful"))
}

/// With labels that want to be something else in the output.
fn hostile(docker: &Docker) -> Ended {
    let labels = hostile_labels();
    let options: Vec<_> =
        labels.iter().map(|(key, value)| format!("--label={key}={value}")).collect();
    let mut options: Vec<_> = options.iter().map(String::as_str).collect();
    options.push("--name=st-hostile");
    let (id, pid) = docker.start_shell(&options, CLEAN);
    docker.run(&["stop", &id]);
    let mut ended = ended(docker, "st-hostile", id, pid, |e| e.verdicts("graceful", "graceful"));
    for (key, value) in labels {
        // A pointer escapes the slashes of keys.
        let field = format!("workload/labels/{}", key.replace('/', "~1"));
        let mut end = value.len().min(4096);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        ended.expected = ended.expected.says(&field, &value[..end]);
    }
    ended
}

fn hostile_labels() -> [(&'static str, String); 4] {
    [
        ("app", "a\"b\\c\u{1b}[31mRED\u{7}\nFORGED st-forged[1] was killed\r\t".into()),
        ("app.kubernetes.io/name", format!("x{}", "\u{e9}".repeat(3000))),
        ("com.docker.compose.service", "{\"type\":\"shutdown\"}\u{202e}\u{2028}".into()),
        ("com.docker.compose.project", "' ; rm -rf / #".into()),
    ]
}

/// Ends that are no stop, and what nobody had time to ask about.
struct Oddities {
    short: Vec<(String, i32)>,
    killed: (String, i32),
    oom: (String, i32),
}

impl Oddities {
    fn run(docker: &Docker) -> Self {
        let short = (0..5).map(|_| docker.run_to_its_end(&[], &["true"])).collect();
        let killed = docker.start_shell(&["--name=st-killed"], CLEAN);
        docker.run(&["kill", "st-killed"]);
        let limits = ["--name=st-oom", "--memory=24m", "--memory-swap=24m"];
        let oom = docker.start_shell(&limits, "echo up; sleep 0.2; exec tail /dev/zero");
        docker.run(&["wait", "st-oom"]);
        // `OOMKilled` depends on what the engine noticed in time; but nobody else kills it.
        assert_eq!(docker.exit_code("st-oom"), 137);
        Self { short, killed, oom }
    }

    fn faults(&self, lines: &Lines) -> Vec<String> {
        let mut faults = Vec::new();
        for (id, pid) in &self.short {
            faults.extend(expected::unnamed(lines, id, "docker", *pid));
            if lines.exits(*pid).len() != 1 {
                faults.push(format!("not one exit of the short-lived {pid}"));
            }
        }
        for (what, (id, pid)) in [("st-killed", &self.killed), ("st-oom", &self.oom)] {
            faults.extend(expected::unnamed(lines, id, "docker", *pid));
            let exits = lines.exits(*pid);
            if !exits
                .iter()
                .any(|exit| exit["exit"]["signal"] == "SIGKILL" && exit["workload"]["name"] == what)
            {
                faults.push(format!("{what}: no exit by SIGKILL with its name: {exits:?}"));
            }
        }
        let kills = lines.signals(self.killed.1, "SIGKILL");
        if !kills.iter().any(|line| {
            line["sender"]["role"] == "runtime"
                && line["sender"]["workload"]["name"] != "st-killed"
                && line["target"]["workload"]["name"] == "st-killed"
        }) {
            faults.push(format!("docker kill is not told with its target: {kills:?}"));
        }
        let oom = lines.of("shutdown").chain(lines.of("finding")).chain(lines.of("oom"));
        if !oom.into_iter().any(|line| line["workload"]["name"] == "st-oom") {
            faults.push("nothing is said of the memory of st-oom by its name".into());
        }
        faults
    }
}

/// Each shows exactly what it says.
fn faults_of_filters(all: &[Ended], recorded: &Recorded) -> Vec<String> {
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
fn faults_of_text(recorded: &Recorded) -> Vec<String> {
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
