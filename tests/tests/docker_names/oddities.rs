//! Ends that are no stop, and lives too short to be asked about.

use signal_trace_tests::{expected, lines::Lines};

use crate::{Watched, cases::CLEAN};

/// Containers of that kind: ids and pids.
pub struct Oddities {
    short: Vec<(String, i32)>,
    killed: (String, i32),
    oom: (String, i32),
}

impl Oddities {
    pub fn run(docker: Watched) -> Self {
        let short = (0..5).map(|_| docker.run_to_its_end(&[], &["true"])).collect();
        let killed = docker.start_script(&["--name=st-killed"], CLEAN);
        docker.run(&["kill", "st-killed"]);
        let limits = ["--name=st-oom", "--memory=24m", "--memory-swap=24m"];
        let oom = docker.start_script(
            &limits,
            "echo up; until [ -e /tmp/go ]; do sleep 0.05; done; exec tail /dev/zero",
        );
        docker.run(&["exec", "st-oom", "touch", "/tmp/go"]);
        docker.run(&["wait", "st-oom"]);
        // `OOMKilled` depends on what the engine noticed in time; but nobody else kills it.
        assert_eq!(docker.exit_code("st-oom"), 137);
        Self { short, killed, oom }
    }

    pub fn faults(&self, lines: &Lines) -> Vec<String> {
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
