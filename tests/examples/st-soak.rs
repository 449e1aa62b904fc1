//! A daemon with all its sinks under a mixed load, for as long as it is told:
//! `cargo run --release --package signal-trace-tests --example st-soak -- 3600`.
//!
//! Prints a table of its memory, descriptors and CPU time, and ends with 1 if the memory grew after
//! the first sixth of the time, or a shutdown is missing in the file. As root, on a quiet machine.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use signal_trace_tests::{
    agent::{Agent, is_end_of},
    cgroup::Cgroup,
    clock::Deadline,
    docker::Docker,
    process::{Place, Proc},
    programs,
};

/// What its private memory may grow by after the first sixth of the time, kB: two of the malloc
/// arenas' steps, and far less than an hour of anything that is not given back.
const GROWTH: u64 = 1024;
/// Lines of the table.
const ROWS: u64 = 24;

#[derive(Default)]
struct Load {
    over: AtomicBool,
    forks: AtomicU64,
    hangups: AtomicU64,
    containers: AtomicU64,
    reloads: AtomicU64,
    /// Pids of what was stopped, in the order of their ends.
    stopped: Mutex<Vec<i32>>,
    exported: AtomicU64,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    fn add(&self, pid: i32) {
        self.stopped.lock().expect("nobody panicked").push(pid);
    }
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3600);
    let docker = Docker::start();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let collector = listener.local_addr().expect("it is bound");
    let metrics = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let config = format!(
        r#"runtimes = ["{}"]
           grace = "1s"
           [sinks.file]
           enabled = true
           path = "FOLDER/log/signal-trace.jsonl"
           rotate_size = "1MiB"
           max_total = "512MiB"
           filter.types = ["shutdown", "finding", "zombie", "oom", "signal", "exit"]
           [sinks.otlp]
           enabled = true
           endpoint = "http://{collector}"
           queue.lines = 1000
           [sinks.socket]
           enabled = true
           path = "FOLDER/feed.sock"
           [metrics]
           listen = "{metrics}""#,
        docker.runtime_argument()
    );
    let mut agent = Agent::start(&config);
    let load = Load::default();
    let feed = agent.folder.file("feed.sock");
    let mut table = Table::new(agent.pid().as_raw());
    thread::scope(|scope| {
        scope.spawn(|| collect(&load, listener));
        scope.spawn(|| fork(&load));
        scope.spawn(|| hang_up(&load));
        scope.spawn(|| stop_processes(&load));
        scope.spawn(|| leave_zombies(&load));
        scope.spawn(|| stop_containers(&load, &docker));
        scope.spawn(|| watch(&load, &feed));
        scope.spawn(|| scrape(&load, metrics));
        // One that connects and never reads.
        let _stuck = UnixStream::connect(&feed).expect("it listens");
        let step = (seconds / ROWS).max(1);
        for at in 0..=seconds / step {
            table.row(at * step, &load);
            if at % 2 == 1 {
                agent.reload(&config);
                load.reloads.fetch_add(1, Ordering::Relaxed);
            }
            thread::sleep(Duration::from_secs(step));
        }
        load.over.store(true, Ordering::Relaxed);
    });
    let stopped = load.stopped.lock().expect("nobody panicked").clone();
    let last = *stopped.last().expect("something was stopped");
    Deadline::after(Duration::from_secs(10)).until_or_not(|| {
        agent.lines("log/signal-trace.jsonl").iter().any(|line| is_end_of(line, last))
    });
    let took = agent.end();
    let missing = missing(&agent.folder.file("log"), &stopped);
    let grown = table.growth();
    say(&format!(
        "\n{} forks, {} hang-ups, {} stopped processes and containers ({} containers), {} reloads, \
         {} requests to the collector; ended in {took:?}; {missing} shutdowns missing in the file; \
         private memory grew by {grown} kB after the first sixth",
        load.forks.load(Ordering::Relaxed),
        load.hangups.load(Ordering::Relaxed),
        stopped.len(),
        load.containers.load(Ordering::Relaxed),
        load.reloads.load(Ordering::Relaxed),
        load.exported.load(Ordering::Relaxed),
    ));
    say(&agent.stderr());
    drop(agent);
    drop(docker);
    assert!(missing == 0 && grown <= GROWTH, "as said above");
}

/// Answers what the OTLP sink sends; goes away for a sixth of the time, each time for a minute.
fn collect(load: &Load, listener: TcpListener) {
    let address = listener.local_addr().expect("it is bound");
    let mut listener = Some(listener);
    let mut seconds = 0;
    while load.goes_on() {
        let Some(open) = &listener else {
            thread::sleep(Duration::from_secs(1));
            seconds += 1;
            if seconds % 360 < 300 {
                listener = TcpListener::bind(address).ok();
            }
            continue;
        };
        open.set_nonblocking(true).expect("a socket");
        match open.accept() {
            Ok((stream, _)) => answer(load, &stream),
            Err(_) => thread::sleep(Duration::from_secs(1)),
        }
        seconds += 1;
        if seconds % 360 >= 300 {
            listener = None;
        }
    }
}

/// One request, and hangs up.
fn answer(load: &Load, stream: &TcpStream) {
    stream.set_nonblocking(false).expect("a socket");
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_ok() {
        load.exported.fetch_add(1, Ordering::Relaxed);
        let mut writer = stream;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\
                       Content-Length: 0\r\nConnection: close\r\n\r\n";
        let _hung_up = writer.write_all(answer);
    }
}

fn fork(load: &Load) {
    while load.goes_on() {
        let done = Command::new(programs::system("true", "coreutils")).status();
        assert!(done.expect("it can be started").success());
        load.forks.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(20));
    }
}

fn hang_up(load: &Load) {
    let mut process = Proc::start("handle 0 0", Place::default());
    process.signal(Signal::SIGTERM);
    process.wait();
    let mut process = Proc::start("swallow", Place::default());
    while load.goes_on() {
        process.signal(Signal::SIGTERM);
        load.hangups.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(50));
    }
}

fn stop_processes(load: &Load) {
    for mode in ["default", "handle 20 0", "ignore", "fork 3 default"].iter().cycle() {
        if !load.goes_on() {
            return;
        }
        let cgroup = Cgroup::container();
        let mut process = Proc::start(mode, Place { cgroup: Some(&cgroup), pid_namespace: true });
        process.signal(Signal::SIGTERM);
        thread::sleep(Duration::from_millis(200));
        if process.try_wait().is_none() {
            process.signal(Signal::SIGKILL);
            process.wait();
        }
        load.add(process.pid);
        thread::sleep(Duration::from_millis(200));
    }
}

fn leave_zombies(load: &Load) {
    while load.goes_on() {
        let mut process = Proc::start("zombie 7", Place::default());
        thread::sleep(Duration::from_secs(8));
        process.signal(Signal::SIGKILL);
        process.wait();
    }
}

fn stop_containers(load: &Load, docker: &Docker) {
    while load.goes_on() {
        let (id, pid) = docker.start_shell(&[], "echo up; while :; do sleep 0.1; done");
        docker.run(&["stop", "--time", "1", &id]);
        load.add(pid);
        docker.run(&["rm", &id]);
        load.containers.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_secs(2));
    }
}

/// Reads the feed; a reload may cut it off.
fn watch(load: &Load, feed: &Path) {
    while load.goes_on() {
        let Ok(stream) = UnixStream::connect(feed) else {
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while load.goes_on() && reader.read_line(&mut line).is_ok_and(|read| read > 0) {
            line.clear();
        }
    }
}

fn scrape(load: &Load, address: SocketAddr) {
    while load.goes_on() {
        if let Ok(mut stream) = TcpStream::connect(address) {
            let _refused =
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let _read = stream.read_to_end(&mut vec![]);
        }
        thread::sleep(Duration::from_secs(5));
    }
}

/// Those of whose end no file of the folder tells.
fn missing(folder: &Path, stopped: &[i32]) -> usize {
    let mut ends: BTreeMap<i64, usize> = BTreeMap::new();
    let report = Command::new(programs::signal_trace())
        .args(["report", "--format", "json"])
        .arg(folder)
        .output()
        .expect("it can be started");
    for line in String::from_utf8_lossy(&report.stdout).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        for process in line["processes"].as_array().into_iter().flatten() {
            if !process["exit"].is_null() {
                *ends.entry(process["process"]["pid"].as_i64().unwrap_or(0)).or_default() += 1;
            }
        }
    }
    // A pid can come twice.
    let mut wanted: BTreeMap<i64, usize> = BTreeMap::new();
    for pid in stopped {
        *wanted.entry((*pid).into()).or_default() += 1;
    }
    wanted.iter().filter(|(pid, count)| ends.get(pid).unwrap_or(&0) < count).count()
}

struct Table {
    pid: i32,
    private: Vec<u64>,
}

impl Table {
    fn new(pid: i32) -> Self {
        say(
            "| seconds | RSS kB | private kB | rings and files kB | descriptors | threads | CPU s | \
             shutdowns |\n|---|---|---|---|---|---|---|---|",
        );
        Self { pid, private: vec![] }
    }

    fn row(&mut self, seconds: u64, load: &Load) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let of = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let cpu = Duration::from_millis((ticks(11) + ticks(12)) * 10).as_secs_f64();
        let fds = fs::read_dir(format!("/proc/{}/fd", self.pid)).map_or(0, Iterator::count);
        let private = of("RssAnon:");
        let shared = of("RssFile:") + of("RssShmem:");
        self.private.push(private);
        let stopped = load.stopped.lock().expect("nobody panicked").len();
        say(&format!(
            "| {seconds} | {} | {private} | {shared} | {fds} | {} | {cpu:.1} | {stopped} |",
            of("VmRSS:"),
            of("Threads:")
        ));
    }

    /// Of the medians of the second and of the last sixth, kB.
    fn growth(&self) -> u64 {
        let sixth = (self.private.len() / 6).max(1);
        let median = |part: &[u64]| {
            let mut part = part.to_vec();
            part.sort_unstable();
            part[part.len() / 2]
        };
        let first = median(&self.private[sixth..2 * sixth]);
        let last = median(&self.private[self.private.len() - sixth..]);
        last.saturating_sub(first)
    }
}

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn say(text: &str) {
    println!("{text}");
}
