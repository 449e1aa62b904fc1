//! A real Prometheus scrapes a running daemon: the alert of a forced kill fires, and zombies are
//! told of as long as they are there.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use nix::sys::signal::Signal;
use serde_json::Value;
use signal_trace_tests::{
    cgroup::Cgroup, clock::Deadline, daemon::Daemon, folder::Folder, http, process::Proc, programs,
    workshop::free_port,
};

/// Two scrapes, two evaluations and the report of a shutdown, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both daemons, and where they are reached. The folder goes last.
struct World {
    prometheus: Daemon,
    agent: Daemon,
    agent_port: u16,
    prometheus_port: u16,
    _folder: Folder,
}

impl World {
    fn start() -> Self {
        let folder = Folder::new();
        let (agent_port, prometheus_port) = (free_port(), free_port());
        let config = folder.file("signal-trace.toml");
        let text = format!(
            "node = \"test-node\"\n\
             [sinks.stdout]\nenabled = true\n\
             [metrics]\nenabled = true\nlisten = \"127.0.0.1:{agent_port}\"\n\
             labels = [\"namespace\", \"workload\"]\n"
        );
        fs::write(&config, text).expect("the folder is ours");
        let mut agent = Daemon::start(
            "signal-trace",
            Command::new(programs::signal_trace()).args(["daemon", "--config"]).arg(&config),
            &folder,
        );
        agent.until("get ready", || status(agent_port, "/readyz") == Some(200));

        let rules = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../deploy/prometheus/alerts.yaml")
            .canonicalize()
            .expect("the rules are there");
        let config = folder.file("prometheus.yaml");
        let text = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n\
             rule_files:\n  - {}\n\
             scrape_configs:\n  - job_name: signal-trace\n    honor_labels: true\n    \
             static_configs:\n      - targets: ['127.0.0.1:{agent_port}']\n",
            rules.display()
        );
        fs::write(&config, text).expect("the folder is ours");
        let mut prometheus = Daemon::start(
            "prometheus",
            Command::new(programs::system("prometheus", "prometheus"))
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", folder.file("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{prometheus_port}"))
                .current_dir(folder.path()),
            &folder,
        );
        prometheus.until("get ready", || status(prometheus_port, "/-/ready") == Some(200));
        Self { prometheus, agent, agent_port, prometheus_port, _folder: folder }
    }

    /// What Prometheus answers to a query; letters that a URL cannot hold are to be escaped.
    fn ask(&self, path: &str) -> Value {
        let (status, body) = http::get(self.prometheus_port, path).expect("Prometheus answers");
        assert_eq!(status, 200, "{path}: {body}");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["data"].clone()
    }

    /// The samples of a metric that belong to a workload: labels and value.
    fn samples(&self, metric: &str, workload: &str) -> Vec<(Value, String)> {
        let data = self.ask(&format!("/api/v1/query?query={metric}"));
        let all = data["result"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .filter(|sample| sample["metric"]["workload"] == workload)
            .map(|sample| {
                let value = sample["value"][1].as_str().expect("a value").to_owned();
                (sample["metric"].clone(), value)
            })
            .collect()
    }

    /// The alerts that fire for a workload, by name.
    fn alerts(&self, workload: &str) -> Vec<Value> {
        let all = self.ask("/api/v1/alerts")["alerts"].as_array().cloned().unwrap_or_default();
        let about =
            |alert: &Value| alert["labels"]["workload"] == workload && alert["state"] == "firing";
        all.into_iter().filter(about).collect()
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Deadline::after(PATIENCE);
        while !done() {
            assert!(
                !deadline.passed(),
                "waited too long for {what}\nthe agent's metrics:\n{}\nits log:\n{}\n\
                 the log of Prometheus:\n{}",
                http::get(self.agent_port, "/metrics").unwrap_or_default().1,
                self.agent.log(),
                self.prometheus.log(),
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn status(port: u16, path: &str) -> Option<u16> {
    http::get(port, path).map(|(status, _)| status)
}

/// The name of a cgroup that looks like that of a unit, which is its workload's name.
fn unit(cgroup: &Cgroup) -> &str {
    cgroup.path.trim_start_matches('/')
}

#[test]
fn prometheus_sees_a_forced_kill_and_zombies() {
    let world = World::start();
    world.until("a scrape without complaint", || {
        let targets = world.ask("/api/v1/targets")["activeTargets"].clone();
        targets[0]["health"] == "up" && targets[0]["lastError"] == ""
    });

    // What it reads of itself, it can also read when it has given up its rights.
    for metric in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"]
    {
        let data = world.ask(&format!("/api/v1/query?query={metric}"));
        assert_ne!(data["result"][0]["value"][1], Value::Null, "{metric}: {data}");
    }

    // PID 1 or not: who ignores SIGTERM has to be killed.
    let stubborn = Cgroup::new("stubborn.service");
    let mut process = Proc::start_in("ignore", Some(&stubborn));
    assert_eq!(world.alerts(unit(&stubborn)), Vec::<Value>::new());
    process.signal(Signal::SIGTERM);
    std::thread::sleep(Duration::from_millis(300));
    process.signal(Signal::SIGKILL);
    process.wait();
    world.until("the alert", || {
        let alerts = world.alerts(unit(&stubborn));
        alerts.iter().any(|alert| alert["labels"]["alertname"] == "SignalTraceForcedKill")
    });
    let shutdowns = world.samples("signal_trace_shutdowns_total", unit(&stubborn));
    assert_eq!(shutdowns.len(), 1, "{shutdowns:?}");
    assert_eq!((&shutdowns[0].0["verdict"], &*shutdowns[0].1), (&"forced".into(), "1"));
    let kills = world.samples("signal_trace_kills_total", unit(&stubborn));
    assert_eq!(kills.len(), 1, "{kills:?}");
    let durations = world.samples("signal_trace_shutdown_duration_seconds_count", unit(&stubborn));
    assert_eq!(durations.len(), 1, "{durations:?}");

    let neglectful = Cgroup::new("neglectful.service");
    let mut parent = Proc::start_in("zombie 0", Some(&neglectful));
    let zombies = || {
        let all = world.samples("signal_trace_zombies", unit(&neglectful));
        all.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    world.until("a zombie", || zombies() == ["1"]);
    // Another one has to reap it then, and does.
    parent.signal(Signal::SIGKILL);
    parent.wait();
    world.until("the end of the zombie", || zombies() == ["0"]);
}
