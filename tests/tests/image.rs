//! The image, as the chart runs it, under a real containerd: what it was given must be enough to see
//! what is stopped on the node, and for a clean end of its own.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::{
    mount::{MsFlags, mount},
    sys::signal::Signal,
};
use serde_json::Value;
use signal_trace_tests::{
    cgroup::Cgroup,
    chart,
    clock::{Deadline, boot_ns},
    cri::{
        ContainerSpec, Cri, PodSpec,
        agent::{self, Agent, Node},
    },
    image,
    lines::Lines,
    process::Proc,
    programs, schema, tools,
};

const NODE: &str = "worker-7";
const DEAF: &str = "trap '' TERM; : > /tmp/up; while :; do sleep 1; done";
const UID: &str = "0a1b2c3d-0000-4000-8000-0000000000a";

/// The archive of `cargo xtask image`.
fn archive() -> PathBuf {
    let path = tools::repository().join("target/image/signal-trace.tar");
    assert!(path.is_file(), "{} is not there: run `cargo xtask image`", path.display());
    path
}

/// Runs the agent of the chart with these values; it must tell of a pod's container and of a process
/// of the node what is true of them.
fn sees_the_node(values: &[&str]) {
    let cri = Cri::start();
    cri.containerd().import(&archive());
    let port = free_port();
    let set_port = format!("metrics.port={port}");
    // Beside the place where it would be on a node with one containerd.
    let socket = cri.containerd().socket().display().to_string();
    let set_socket = format!("runtimes.paths={{{socket}}}");
    let values = [values, &[&set_port, &set_socket]].concat();
    let objects = chart::objects(&chart::render(chart::KUBERNETES, &values));
    let node = Node {
        name: NODE,
        ip: "127.0.0.1",
        paths: &[
            ("/sys/kernel/tracing", tracefs(cri.path())),
            ("/var/log/signal-trace", folder(cri.path(), "history")),
        ],
        environment: &[("SIGNAL_TRACE__RUNTIMES", format!("[\"containerd={socket}\"]"))],
    };
    share(cri.path());
    let mut spec = PodSpec::burstable("signal-trace-x7k2p", &format!("{UID}1"));
    spec.pids = agent::pids(&objects);
    let pod = cri.run_pod(&spec);
    let agent = cri.start_agent(&pod, &objects, &node);
    wait_until_ready(&agent, port);

    let deaf = stop_a_pod(&cri);
    let cgroup = Cgroup::new("of-the-node");
    let mut process = Proc::start_in("default", Some(&cgroup));
    process.signal(Signal::SIGTERM);
    process.wait();
    wait_for_shutdown(&agent, process.pid);
    wait_for_shutdown(&agent, deaf);
    let metrics = get(port, "/metrics").expect("it answers");

    let began = boot_ns();
    cri.stop_container(&agent.id, 5);
    let took = Duration::from_nanos(boot_ns() - began);
    assert_eq!(cri.status(&agent.id).exit_code, 0, "{}", agent.errors());
    assert!(took < Duration::from_secs(4), "it took {took:?} to end");

    let told = agent.lines();
    let lines = Lines::new(schema::checked(&told));
    let (shutdown, report) = lines.shutdown(deaf).expect("waited for");
    assert_eq!(shutdown["node"], NODE);
    assert_eq!(shutdown["verdict"], "forced", "{shutdown}");
    assert_eq!(report["process"]["ns_pid"], 1, "{shutdown}");
    let pod = &shutdown["workload"]["kubernetes"];
    assert_eq!(
        (&pod["namespace"], &pod["pod"], &pod["container"]),
        (&"st-test".into(), &"web-0".into(), &"web".into())
    );
    let (shutdown, report) = lines.shutdown(process.pid).expect("waited for");
    assert_eq!(report["verdict"], "default-action", "{shutdown}");
    assert_eq!(shutdown["workload"]["cgroup"], *cgroup.path, "{shutdown}");
    assert_eq!(shutdown["stop"]["sender"]["process"]["pid"], std::process::id(), "{shutdown}");
    let last: Value = serde_json::from_str(told.last().expect("lines")).expect("JSON");
    assert_eq!((&last["type"], &last["complete"]), (&"end".into(), &true.into()), "{last}");
    let forced = "signal_trace_shutdowns_total{namespace=\"st-test\"";
    assert!(
        metrics.lines().any(|line| line.starts_with(forced) && line.contains("\"forced\"")),
        "{metrics}"
    );
    let kept = fs::read_to_string(node.paths[1].1.join("signal-trace.jsonl")).expect("history");
    assert!(
        kept.lines().any(|line| line.contains("\"shutdown\"") && line.contains("web-0")),
        "{kept}"
    );
}

#[test]
fn with_the_nodes_proc_mounted() {
    sees_the_node(&[]);
}

#[test]
fn with_the_nodes_pid_namespace() {
    sees_the_node(&["hostPID=true"]);
}

#[test]
fn with_the_seccomp_profile_of_containerd() {
    sees_the_node(&["seccompProfile.type=RuntimeDefault"]);
}

#[test]
fn image_is_small_and_whole() {
    let listed = Command::new(programs::system("tar", "tar"))
        .arg("-tvf")
        .arg(archive())
        .output()
        .expect("tar can be started");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in ["oci-layout", "index.json", "manifest.json", "blobs/sha256/"] {
        assert!(listed.contains(name), "no {name} in the archive:\n{listed}");
    }
    let size = fs::metadata(archive()).expect("it is there").len();
    assert!(size < 20 << 20, "the image has {size} bytes");
}

/// Starts a container of a pod that has no ear for SIGTERM, and stops it; the pid that it had.
fn stop_a_pod(cri: &Cri) -> i32 {
    let pod = cri.run_pod(&PodSpec::burstable("web-0", &format!("{UID}2")));
    let spec = ContainerSpec {
        name: "web",
        command: &["sh", "-c", DEAF],
        image: image::BUSYBOX,
        grace: 1,
        ..Default::default()
    };
    let (id, pid) = cri.start_container(&pod, &spec);
    // An engine says nothing of a container that it is just starting.
    std::thread::sleep(Duration::from_secs(1));
    cri.stop_container(&id, 1);
    pid
}

fn wait_for_shutdown(agent: &Agent, pid: i32) {
    let told = || {
        let lines = agent.lines();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Lines::new(lines.collect()).shutdown(pid).is_some()
    };
    Deadline::after(Duration::from_secs(20)).until_or_not(told);
    assert!(told(), "no shutdown of {pid} in {:#?}\n{}", agent.lines(), agent.errors());
}

fn wait_until_ready(agent: &Agent, port: u16) {
    let ready = || ["/readyz", "/healthz"].iter().all(|path| get(port, path).is_some());
    Deadline::after(Duration::from_secs(20)).until_or_not(ready);
    assert!(ready(), "the agent is not ready: {}\n{:?}", agent.errors(), agent.lines());
}

/// The body, if the answer is 200.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback is free");
    listener.local_addr().expect("it is bound").port()
}

fn folder(parent: &Path, name: &str) -> PathBuf {
    let path = parent.join(name);
    fs::create_dir_all(&path).expect("the folder is ours");
    path
}

/// tracefs, which systemd mounts on real nodes, and this machine may not have in its place. It goes with
/// the folder of the harness.
fn tracefs(parent: &Path) -> PathBuf {
    let at = folder(parent, "tracefs");
    mount(Some("tracefs"), &at, Some("tracefs"), MsFlags::empty(), None::<&str>)
        .unwrap_or_else(|error| panic!("cannot mount tracefs: {error}: run this as root"));
    at
}

/// Makes the folder a mount that others can follow: as `/` is on a node with systemd, and need not be on
/// this machine.
fn share(path: &Path) {
    let none = None::<&str>;
    let bound = mount(Some(path), path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
        .and_then(|()| mount(none, path, none, MsFlags::MS_SHARED | MsFlags::MS_REC, none));
    bound.unwrap_or_else(|error| {
        panic!("cannot share {}: {error}: run this as root", path.display())
    });
}
