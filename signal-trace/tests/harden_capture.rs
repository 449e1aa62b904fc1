//! Capture goes on after hardening: one process attaches, gives up its privileges, starts the rest, and
//! sees how a container ends that comes and goes after that. Needs root.

#![expect(clippy::unwrap_used, reason = "all of it is a test")]

use std::{
    env,
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use serde_json::{Value, json};
use signal_trace::{
    capture::{Capture, Options, cgroup::Hierarchies, clock, procfs::Root},
    enrich::{self, Manager, RuntimeFlag},
    harden::{self, Plan},
    kernel::LoadOptions,
    pipeline::Pipeline,
    question::Question,
    recording::Header,
    sinks::jsonl::Jsonl,
};
use signal_trace_core::{config::Config, time::SECOND};

/// The folder of the test: of the process that is hardened.
const INSIDE: &str = "SIGNAL_TRACE_TEST_INSIDE";
const NAME: &str = "a_container_that_comes_after_hardening_is_seen_with_its_names";
/// TERM, INT, QUIT, HUP, KILL.
const SIGNALS: u64 = 1 << 14 | 1 << 1 | 1 << 2 | 1 | 1 << 8;

#[test]
fn a_container_that_comes_after_hardening_is_seen_with_its_names() {
    if let Some(folder) = env::var_os(INSIDE) {
        capture(Path::new(&folder));
        return;
    }
    assert!(Uid::effective().is_root(), "this test loads eBPF programs and needs root");
    let place = Place::new();
    let mut tracer = place.start_tracer();
    let lines = || {
        let text = fs::read_to_string(place.folder.join("log/lines")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
    };
    wait("the recording line", || lines().iter().any(|line| line["type"] == "recording"));

    let mut main = place.start_container();
    place.answer_as_docker(main.id());
    thread::sleep(Duration::from_millis(300));
    place.signal_all(Signal::SIGTERM);
    main.wait().unwrap();
    assert!(tracer.wait().unwrap().success());

    let lines = lines();
    let of_type = |name: &'static str| lines.iter().filter(move |line| line["type"] == name);
    let path = format!("/docker/{}", place.id);
    let shutdown = of_type("shutdown").find(|line| line["workload"]["cgroup"] == *path).unwrap();
    assert_eq!(shutdown["workload"]["name"], "web", "{shutdown}");
    assert_eq!(shutdown["workload"]["image"], "acme/web:3", "{shutdown}");
    assert_eq!(shutdown["verdict"], "default-action", "{shutdown}");
    let ended = shutdown["processes"].as_array().unwrap();
    assert!(ended.iter().any(|one| one["process"]["pid"] == main.id()), "{shutdown}");
    // The counters of the programs can be read.
    assert_eq!(of_type("end").count(), 1);
    assert_eq!(of_type("loss").count(), 0);
}

/// Cgroup and folder of the container, removed at the end.
struct Place {
    folder: PathBuf,
    id: String,
    cgroup: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("st-harden-capture-{}", std::process::id()));
        fs::create_dir_all(folder.join("log")).unwrap();
        let id = format!("{:064x}", std::process::id());
        let hierarchies = Hierarchies::discover(&Root::default()).unwrap();
        let path = format!("/docker/{id}");
        let cgroup = hierarchies.directories(path.as_bytes()).next().expect("a hierarchy");
        Self { folder, id, cgroup }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    fn start_tracer(&self) -> Child {
        Command::new(env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, &self.folder)
            .spawn()
            .unwrap()
    }

    /// Two processes in a new cgroup; the first.
    fn start_container(&self) -> Child {
        fs::create_dir_all(&self.cgroup).expect("root may make cgroups");
        let script =
            format!("echo $$ > {}/cgroup.procs; echo up; sleep 60 & wait", self.cgroup.display());
        let mut main =
            Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut up = [0; 3];
        main.stdout.take().unwrap().read_exact(&mut up).unwrap();
        main
    }

    fn signal_all(&self, signal: Signal) {
        let list = fs::read_to_string(self.cgroup.join("cgroup.procs")).unwrap_or_default();
        for pid in list.lines() {
            let _gone = kill(Pid::from_raw(pid.parse().unwrap()), signal);
        }
    }

    /// Serves what the engine would tell, for as long as somebody asks.
    fn answer_as_docker(&self, pid: u32) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let body = json!({
            "Id": self.id, "Name": "/web", "State": { "Pid": pid },
            "Config": { "Image": "acme/web:3" },
        })
        .to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        break;
                    }
                    request.push(byte[0]);
                }
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let _answered = stream.write_all((head + &body).as_bytes());
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.signal_all(Signal::SIGKILL);
        for _ in 0..200 {
            if fs::remove_dir(&self.cgroup).is_ok() || !self.cgroup.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

fn wait(what: &str, there: impl Fn() -> bool) {
    for _ in 0..1500 {
        if there() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("no sign of {what}");
}

/// The hardened process: what `daemon` does, in the same order.
fn capture(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let docker = RuntimeFlag::Place(Manager::Docker, folder.join("docker.sock"));
        let options = Options {
            load: LoadOptions { signal_mask: SIGNALS, ..LoadOptions::default() },
            managers: enrich::Options::from_flags(&[RuntimeFlag::Nobody, docker]),
            proc: Root::default(),
        };
        let attached = Capture::attach(&options).unwrap();
        let plan = Plan {
            writable: vec![folder.join("log")],
            connect_ports: Vec::new(),
            proc: options.proc.clone(),
        };
        let outcome = harden::apply(&plan);
        assert!(outcome.is_complete(), "{outcome}");
        let mut capture = attached.start().unwrap();

        let mut config = Config::new();
        config.signal_mask = SIGNALS;
        config.split_cgroups = capture.split_cgroups();
        config.asks_managers = true;
        let word = String::new;
        let header = Header::new(word(), word(), word(), capture.anchor(), config);
        let sink = Box::new(Jsonl::new(File::create(folder.join("log/lines")).unwrap()));
        let mut pipeline = Pipeline::new(header, sink, None, Question::default()).unwrap();
        capture.snapshot(&mut pipeline).unwrap();
        let end = clock::boot_now().plus(4 * SECOND);
        while clock::boot_now() < end {
            capture.ready().await.unwrap();
            capture.pump(&mut pipeline).unwrap();
        }
        capture.finish(&mut pipeline).unwrap();
        pipeline.finish().unwrap();
    });
}
