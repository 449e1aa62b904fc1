//! The other end of OTLP: a collector of others, and behind it a receiver that reads what it passes
//! on with OpenTelemetry's own messages for Python.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{clock::Deadline, folder::Folder, workshop::free_port};

/// A slow disk under a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Debian's: the collector's wheel is made for its version.
const PYTHON: &str = "/usr/bin/python3";

/// A Python environment with what the tests need; goes away with this.
#[derive(Debug)]
pub struct Environment(Folder);

impl Environment {
    /// Makes it, and installs `tests/otlp/requirements.txt`.
    pub fn install() -> Self {
        let folder = Folder::new();
        let venv = folder.file("venv");
        run(Command::new(PYTHON).args(["-m", "venv"]).arg(&venv), "apt-get install python3-venv");
        run(
            Command::new(venv.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(["--no-input", "--only-binary", ":all:", "--requirement"])
                .arg(here("requirements.txt")),
            "it needs a package index with the packages of tests/otlp/requirements.txt",
        );
        Self(folder)
    }

    /// Names of attributes in a JSON file that are neither ours nor of the semantic conventions.
    pub fn unknown_names(&self, file: &Path) -> Vec<String> {
        let mut command = Command::new(self.python());
        let output = command.arg(here("receiver.py")).arg("--names").arg(file).output();
        let output = output.expect("the environment has a Python");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
    }

    fn python(&self) -> PathBuf {
        self.0.file("venv/bin/python")
    }

    /// The program in the collector's wheel, which holds nothing else of use.
    fn collector(&self) -> PathBuf {
        let libraries = fs::read_dir(self.0.file("venv/lib")).expect("a Python environment");
        let mut paths = libraries
            .map(|entry| entry.expect("readable").path().join("site-packages/rotel/rotel-agent"));
        paths.find(|path| path.is_file()).expect("the wheel of rotel holds it")
    }
}

/// A receiver of OTLP/HTTP; killed with this.
#[derive(Debug)]
pub struct Receiver {
    child: Child,
    port: u16,
    folder: Folder,
}

impl Receiver {
    /// Starts it, and waits until it listens.
    pub fn start(environment: &Environment) -> Self {
        let folder = Folder::new();
        let mut child = Command::new(environment.python())
            .arg(here("receiver.py"))
            .arg(folder.file("records"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the environment has a Python");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("readable");
        let port = line.trim().parse();
        // Killed also if it said nothing.
        let receiver = Self { child, port: *port.as_ref().unwrap_or(&0), folder };
        assert!(port.is_ok(), "the receiver said {line:?} instead of its port");
        receiver
    }

    /// Where it listens.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What has come. It is an error if something of it was not as it should be.
    pub fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.file("records")).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let records: Vec<Value> =
            whole.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let faults: Vec<_> = records.iter().filter(|record| record["fault"].is_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        records
    }

    /// Waits until a record is as wanted.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        Deadline::after(PATIENCE).until(what, || {
            found = self.records().into_iter().find(&wanted);
            found.is_some()
        });
        found.expect("waited for")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A collector that passes everything on to a receiver; killed with this.
#[derive(Debug)]
pub struct Collector {
    child: Child,
    _folder: Folder,
}

/// Where a collector listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// For OTLP/HTTP.
    pub http: u16,
    /// For OTLP/gRPC.
    pub grpc: u16,
}

impl Ports {
    /// Two that are free.
    pub fn free() -> Self {
        Self { http: free_port(), grpc: free_port() }
    }
}

impl Collector {
    /// Starts it, and waits until it listens.
    pub fn start(environment: &Environment, ports: Ports, receiver: &Receiver) -> Self {
        let folder = Folder::new();
        let Ports { http, grpc } = ports;
        let child = Command::new(environment.collector())
            .arg("start")
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", &receiver.endpoint()])
            .args(["--otlp-exporter-compression", "none", "--batch-timeout", "100ms"])
            .arg("--pid-file")
            .arg(folder.file("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the wheel's program runs on this machine");
        let collector = Self { child, _folder: folder };
        for port in [http, grpc] {
            Deadline::after(PATIENCE).until("the collector listens", || {
                std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
        }
        collector
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    let _gone = child.kill();
    let _reaped = child.wait();
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("otlp").join(name)
}

fn run(command: &mut Command, remedy: &str) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}: {remedy}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}\n{remedy}", output.status);
}
